//! What the steps can see, as tables.

use crate::{
    analysis::power::{Power, Times},
    cli::screen::{Line, Style, Tone, columns, paint, wrap},
    judge::{Margin, Worse},
    model::words::{count, factor, number, percent, seconds},
};

/// One metric.
pub(super) fn tables(power: &Power, width: usize, style: Style) -> String {
    let question = &power.question;
    let mut lines = vec![
        Line::new().and(Tone::Strong, question.metric.clone()).and(
            Tone::Plain,
            format!(
                "  {} requests/s, {} {}",
                number(question.requests_per_second),
                percent(question.rate),
                match question.worse {
                    Worse::Higher => "bad events",
                    Worse::Lower => "wanted events",
                }
            ),
        ),
        Line::new().and(
            Tone::Faint,
            format!(
                "Ignored up to {}, the last step rules out {}; dispersion {}",
                boundary(question.dead_zone, question.worse),
                boundary(question.margin, question.worse),
                number(question.dispersion)
            ),
        ),
        Line::new(),
    ];
    lines.extend(columns(2, steps(power)));
    lines.push(Line::new());
    lines.push(match power.good_version {
        Some(times) => Line::new().and(Tone::Good, "A good version").and(
            Tone::Plain,
            format!(
                " takes about {} in all, in nine of ten cases at most {}",
                seconds(times.median_seconds),
                seconds(times.ninety_percent_seconds)
            ),
        ),
        None => Line::new().and(Tone::Warning, "A good version").and(Tone::Plain, " will not pass every step in time"),
    });
    let weights: Vec<f64> = power.steps.iter().map(|step| step.weight).collect();
    let bad = power
        .bad_versions
        .iter()
        .map(|course| vec![(Tone::Plain, course.regression.explain()), (Tone::Plain, course.explain(&weights))]);
    lines.push(Line::new());
    lines.extend(columns(2, heading(&["BAD VERSION", "WHAT BECOMES OF IT"]).into_iter().chain(bad).collect()));
    for warning in &power.warnings {
        lines.push(Line::new());
        let mut text = wrap(&format!("warning: {warning}"), width).into_iter();
        lines.extend(text.by_ref().map(|text| Line::new().and(Tone::Warning, text)));
    }
    paint(lines, width, style)
}

fn heading(names: &[&str]) -> Vec<Vec<(Tone, String)>> {
    vec![names.iter().map(|name| (Tone::Faint, (*name).to_owned())).collect()]
}

fn steps(power: &Power) -> Vec<Vec<(Tone, String)>> {
    let mut rows = heading(&["STEP", "FINDS", "RULES OUT", "FOUND AFTER", "SAFE AFTER", "REQUESTS MEANWHILE"]);
    for step in &power.steps {
        let sees = step.finds_what_it_rules_out();
        let in_time = step.safe.is_some_and(|safe| safe.median_seconds <= step.max_seconds);
        let tone = |good: bool| if good { Tone::Plain } else { Tone::Warning };
        rows.push(vec![
            (Tone::Strong, percent(step.weight / 100.0)),
            (tone(sees), step.smallest.map_or_else(|| "nothing".to_owned(), |smallest| smallest.explain())),
            (Tone::Plain, step.promised.explain()),
            (tone(sees), times(step.promised_found)),
            (tone(in_time), times(step.safe)),
            (Tone::Plain, count(step.requests_meanwhile)),
        ]);
    }
    rows
}

fn times(times: Option<Times>) -> String {
    times.map_or_else(
        || "never".to_owned(),
        |times| format!("{} / {}", seconds(times.median_seconds), seconds(times.ninety_percent_seconds)),
    )
}

fn boundary(margin: Margin, worse: Worse) -> String {
    let sign = match worse {
        Worse::Higher => '+',
        Worse::Lower => '-',
    };
    format!("{} {sign} {}", factor(margin.ratio), percent(margin.absolute))
}
