//! Tests of the parts and of a whole look, and what they share.

mod answer;
mod arms;
mod client;
mod credentials;
mod fuzz;
mod gather;
mod group;
mod hygiene;
mod template;

use std::collections::BTreeMap;

use super::{Arguments, Arm, Counters, Gap, MetricOutcome, PerArm, QueryOutcome, Sample, Variant, source::counters};

fn arms() -> PerArm<Arm> {
    arms::arms_of("7d4b9", "5c8f6")
}

fn arguments(pairs: &[(&str, &str)]) -> Arguments {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>()
}

fn samples(values: &[f64]) -> Vec<Sample> {
    let sample = |(index, value): (usize, &f64)| {
        let labels = [("pod".to_owned(), format!("web-{index}"))].into();
        Sample::new(labels, *value, "2026-01-02T03:04:05Z".parse().unwrap())
    };
    values.iter().enumerate().map(sample).collect()
}

fn no_series() -> QueryOutcome {
    Err(Gap::NoSeries("up".into()))
}

#[test]
fn requests_without_a_series_of_errors_have_no_errors() {
    let counters = counters(Ok(samples(&[10.0])), no_series()).unwrap();
    assert_eq!(counters, Counters { requests: samples(&[10.0]), events: Vec::new() });
}

#[test]
fn counters_of_which_none_is_a_number_are_a_gap_and_not_missing() {
    for value in [f64::NAN, f64::INFINITY] {
        for (requests, events) in [(value, 1.0), (value, value), (10.0, value)] {
            let gap = counters(Ok(samples(&[requests; 2])), Ok(samples(&[events]))).unwrap_err();
            assert_eq!(gap.reason(), "NotANumber");
            let words = format!("the query gives {value}, which is no number that can be compared");
            assert_eq!(gap.to_string(), words);
        }
    }
    // The pods that have one are judged by it.
    assert!(counters(Ok(samples(&[f64::NAN, 10.0])), Ok(samples(&[1.0]))).is_ok());
}

#[test]
fn errors_without_a_series_of_requests_are_a_gap() {
    assert_eq!(counters(no_series(), Ok(samples(&[1.0]))).unwrap_err().reason(), "NoSeries");
}

#[test]
fn the_gap_that_a_person_must_mend_is_the_one_that_is_shown() {
    let refused = || Err(Gap::Refused("parse error".into()));
    let down = || Err(Gap::ProviderDown("can't connect".into()));
    assert_eq!(counters(no_series(), refused()).unwrap_err().reason(), "QueryRefused");
    assert_eq!(counters(down(), refused()).unwrap_err().reason(), "QueryRefused");
    assert_eq!(counters(down(), no_series()).unwrap_err().reason(), "PrometheusDown");
    assert_eq!(counters(Ok(samples(&[1.0])), down()).unwrap_err().reason(), "PrometheusDown");

    let arms = PerArm { stable: counters(down(), down()), canary: counters(refused(), refused()) };
    assert_eq!(MetricOutcome::Counters(arms).gap().map(Gap::reason), Some("QueryRefused"));
}

#[test]
fn one_arm_with_samples_is_kept_while_the_other_has_none() {
    let outcome = MetricOutcome::Counters(PerArm {
        stable: counters(Ok(samples(&[10.0])), no_series()),
        canary: counters(no_series(), no_series()),
    });
    assert_eq!(outcome.gap().map(Gap::reason), Some("NoSeries"));
    assert!(matches!(outcome, MetricOutcome::Counters(PerArm { stable: Ok(_), canary: Err(_) })));
}

#[test]
fn only_gaps_that_do_not_pass_by_themselves_need_a_person() {
    let text = String::new;
    for gap in
        [Gap::Refused(text()), Gap::WrongShape(text()), Gap::AddressNotAllowed(text()), Gap::QueryNotAllowed(text())]
    {
        assert!(gap.needs_a_person(), "{}", gap.reason());
    }
    let passing = [
        Gap::NoSeries(text()),
        Gap::NoTraffic(text()),
        Gap::ProviderDown(text()),
        Gap::Unfinished(text()),
        Gap::Denied(text()),
        Gap::NotFinite(text()),
        Gap::Partial(vec![]),
    ];
    for gap in passing {
        assert!(!gap.needs_a_person(), "{}", gap.reason());
    }
}
