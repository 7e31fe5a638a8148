//! The page as a whole, and what no page may have.

use super::*;
use crate::{analysis::record::Range, report::tests as sample};

#[test]
fn a_page_says_the_verdict_first_and_has_every_number() {
    insta::assert_snapshot!(html(&sample::rollback()));
}

#[test]
fn an_analysis_that_saw_nothing_has_a_page_that_says_so() {
    let page = html(&sample::nothing());
    assert!(page.contains("Not decided") && page.contains("Prometheus gives no answer."), "{page}");
    assert!(!page.contains("<svg"), "there is nothing to draw");
}

#[test]
fn both_revisions_the_slow_requests_and_their_unit_are_named() {
    let page = html(&sample::rollback());
    assert!(page.contains("The canary is revision 5c8f6, the stable version revision 7d4b9."), "{page}");
    assert!(page.contains("slower than 500 ms"), "{page}");
    assert!(!page.contains("in the unit of the histogram"), "{page}");
}

#[test]
fn what_users_wrote_is_text_and_never_markup() {
    let planted = "<script>alert('\"&')</script>";
    let mut record = sample::rollback();
    let clean = html(&record).matches("<script").count();
    record.subject = planted.into();
    record.message = planted.into();
    record.warnings = vec![planted.into()];
    record.settings.source = Some(planted.into());
    record.settings.on_timeout = planted.into();
    record.canary.insert(planted.into(), planted.into());
    for metric in &mut record.metrics {
        metric.name = planted.into();
        metric.margin = Some(planted.into());
        metric.pods.iter_mut().for_each(|pod| pod.pod = planted.into());
        metric.baseline.iter_mut().for_each(|fact| (fact.name, fact.value) = (planted.into(), planted.into()));
    }
    for look in &mut record.looks {
        look.metrics.iter_mut().for_each(|metric| metric.message = planted.into());
    }
    for verdict in &mut record.second_verdicts {
        (verdict.rule, verdict.message) = (planted.into(), planted.into());
    }
    let page = html(&record);
    assert_eq!(page.matches("<script").count(), clean);
    assert!(page.matches("&lt;script&gt;").count() > 30, "the texts are there");
    assert!(!page.contains("alert('\"&')"), "quotes and ampersands are escaped too");
}

#[test]
fn a_page_loads_nothing_and_runs_nothing() {
    let page = html(&sample::rollback());
    for forbidden in ["<script", "<link", "<img", "@import", "url(", "onload", "javascript:", "src=", "href="] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn every_picture_is_told_in_words_and_every_table_has_a_caption_and_headings() {
    let page = html(&sample::rollback());
    let count = |text: &str| page.matches(text).count();
    assert!(count("<svg") >= 7, "{}", count("<svg"));
    for needed in ["role=\"img\"", "<title id=", "<desc id=", "<figcaption"] {
        assert_eq!(count(needed), count("<svg"), "{needed}");
    }
    assert_eq!(count("<caption>"), count("<table>"));
    assert_eq!(count("<thead>"), count("<table>"));
    assert!(count("<th scope=\"row\"") > count("<table>"));
    assert_eq!(count("<h1>"), 1);
    let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let unique: std::collections::BTreeSet<&&str> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len(), "an id names one element: {ids:?}");
}

#[test]
fn elements_are_closed_in_the_order_in_which_they_were_opened() {
    const WITHOUT_END: [&str; 6] = ["meta", "!DOCTYPE", "line", "polyline", "polygon", "circle"];
    let page = html(&sample::rollback());
    let style = page.find("<style>").unwrap()..page.find("</style>").unwrap();
    let page = format!("{}{}", &page[..style.start], &page[style.end + 8..]);
    let mut open = Vec::new();
    for tag in page.split('<').skip(1).filter_map(|rest| rest.split('>').next()) {
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
        } else if !tag.ends_with('/') && !WITHOUT_END.contains(&name) {
            open.push(name);
        }
    }
    assert_eq!(open, [] as [&str; 0]);
}

#[test]
fn numbers_that_are_none_and_intervals_without_end_do_not_break_a_chart() {
    let mut record = sample::rollback();
    for look in &mut record.looks {
        for metric in &mut look.metrics {
            metric.log_harm = Some(f64::INFINITY);
            metric.log_safe = Some(f64::NEG_INFINITY);
            metric.value = Some(f64::NAN);
            if let Some(arm) = &mut metric.canary {
                arm.rate = Some(Range { estimate: 0.0, low: None, high: None });
                arm.events = 0.0;
            }
        }
    }
    let page = html(&record);
    let points = page.split("points=\"").skip(1).filter_map(|rest| rest.split('"').next());
    for number in points.flat_map(|points| points.split([' ', ','])) {
        let place: f64 = number.parse().unwrap();
        assert!((0.0..=480.0).contains(&place), "{number}");
    }
}

#[test]
fn a_long_analysis_makes_a_page_that_a_browser_can_bear() {
    let mut record = sample::rollback();
    let looks = record.looks.clone();
    let first = looks[0].at;
    record.looks = (0..20_000)
        .map(|index| {
            let mut look = looks[index % looks.len()].clone();
            look.at = first + jiff::SignedDuration::from_secs(i64::try_from(index).unwrap() * 15);
            look
        })
        .collect();
    let page = html(&record);
    assert!(page.len() < 600_000, "{} bytes", page.len());
    assert!(page.contains("of 20000, and the last"));
}
