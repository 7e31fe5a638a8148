//! Results of Kayenta's own classes on samples that show how they behave, kept as they came out.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::judge::kayenta::{Classification, Label, MetricSettings, classify, config::MetricConfig};

/// A metric that is judged by these settings.
fn settings(canary: &Value) -> MetricSettings {
    let metric = MetricConfig {
        name: "metric".to_owned(),
        groups: vec!["group".to_owned()],
        analysis_configurations: BTreeMap::from([("canary".to_owned(), canary.clone())]),
    };
    MetricSettings::of(&metric).unwrap()
}

fn by_default(experiment: &[f64], control: &[f64]) -> Classification {
    classify(&settings(&json!({})), experiment, control)
}

/// The label, and the ends and the middle of the interval to what was written down of them.
fn expect(found: &Classification, label: Label, low: f64, high: f64, estimate: f64) {
    let shift = found.shift.unwrap();
    assert_eq!(found.label, label, "{found:?}");
    for (found, wanted) in [(shift.low, low), (shift.high, high), (shift.estimate, estimate)] {
        // The difference of two infinities is no number.
        assert!(
            found.to_bits() == wanted.to_bits() || (found - wanted).abs() < 0.6e-5,
            "{shift:?} is not {low}, {high}, {estimate}"
        );
    }
}

#[test]
fn a_tenfold_increase_is_high() {
    let found = by_default(&[10.0, 20.0, 30.0, 40.0], &[1.0, 2.0, 3.0, 4.0]);
    expect(&found, Label::High, 6.0, 39.0, 22.5);
    assert_eq!(found.ratio.to_bits(), 10f64.to_bits());
    assert_eq!(found.reason("metric").as_deref(), Some("metric was classified as High"));
}

#[test]
fn one_value_against_one_other_is_an_error() {
    let found = by_default(&[5.0], &[3.0]);
    assert_eq!((found.label, found.critical), (Label::Error, false));
    assert_eq!(found.reason("metric").as_deref(), Some("Metric Classification Failed"));
}

#[test]
fn two_values_are_enough_for_high() {
    expect(&by_default(&[12.0, 13.0], &[10.0, 10.5]), Label::High, 1.5, 3.0, 2.25);
}

#[test]
fn a_single_value_is_enough_for_high() {
    let control = [10.0, 10.1, 10.2, 10.3, 10.4, 10.5, 10.6, 10.7];
    expect(&by_default(&[13.0], &control), Label::High, 2.3, 3.0, 2.65);
}

/// Ten values of which so many are 100 and the others 1.
fn hundreds(count: usize) -> Vec<f64> {
    [vec![100.0; count], vec![1.0; 10 - count]].concat()
}

#[test]
fn seven_of_ten_values_a_hundred_times_as_high_pass() {
    let strict = settings(&json!({
        "direction": "increase",
        "critical": true,
        "effectSize": {"allowedIncrease": 1.05, "criticalIncrease": 1.1},
    }));
    let found = classify(&strict, &hundreds(7), &[1.0; 10]);
    expect(&found, Label::Pass, 6.825e-5, 99.0, 98.99993);
    assert!((found.ratio - 70.3).abs() < 1e-9);

    let found = classify(&strict, &hundreds(8), &[1.0; 10]);
    expect(&found, Label::High, 98.99993, 99.0, 99.0);
    assert!(found.critical);
    assert_eq!(found.reason("metric").as_deref(), Some("The metric metric was classified as High (Critical)"));
}

#[test]
fn sparse_errors_pass() {
    expect(&by_default(&[0.0, 1.0, 2.0, 1.0, 0.0, 0.0], &[0.0; 6]), Label::Pass, 0.0, 2.0, 0.81273);
}

#[test]
fn a_change_of_the_spread_passes() {
    let experiment = [10.0, 10.1, 10.2, 10.3, 10.4, 10.5, 10.6, 17.0, 17.1, 17.2, 17.3, 17.4, 17.5, 17.6, 17.7];
    let control = [1.0, 100.0, 4.0, 101.0, 5.0, 102.0, 6.0, 103.0, 7.0, 104.0, 8.0, 105.0, 9.0, 106.0, 17.0];
    expect(&by_default(&experiment, &control), Label::Pass, -88.39996, 8.69998, -1.77724);
}

#[test]
fn errors_where_there_were_none_are_high_whatever_their_ratio() {
    let found = classify(&settings(&json!({"critical": true})), &[1.0, 4.0, 2.0, 3.0, 1.0], &[0.0; 5]);
    expect(&found, Label::High, 1.0, 4.0, 1.99996);
    assert!(found.critical && found.ratio.is_nan());
}

#[test]
fn a_quarter_more_passes_at_ten_values() {
    let experiment: Vec<f64> = (1..=10).map(|tenth| 1.0 + f64::from(tenth) / 10.0).collect();
    let control: Vec<f64> = (0..10).map(|twentieth| 1.0 + f64::from(twentieth) * 0.05).collect();
    let found = by_default(&experiment, &control);
    expect(&found, Label::Pass, 2.398e-5, 0.64998, 0.325);
    assert!((found.ratio - 1.265_306_122).abs() < 1e-6);
}

#[test]
fn small_numbers_lose_their_interval() {
    let scaled = |from: u32, scale: f64| (from..from + 6).map(|value| f64::from(value) * scale).collect::<Vec<f64>>();
    let found = by_default(&scaled(60, 1e-6), &scaled(20, 1e-6));
    assert_eq!(found.label, Label::High);
    let shift = found.shift.unwrap();
    for (found, wanted) in [(shift.low, 3.5e-5), (shift.high, 4.5e-5), (shift.estimate, 4.5e-5)] {
        assert!((found - wanted).abs() < 1e-12, "{shift:?}");
    }
    expect(&by_default(&scaled(60, 1.0), &scaled(20, 1.0)), Label::High, 36.00001, 43.99999, 40.0);
}

#[test]
fn one_infinite_value_passes_everything() {
    let found = by_default(&[1.0, 2.0, f64::INFINITY, 3.0, 2.0, 2.0], &[1.0, 2.0, 2.0, 1.0, 2.0, 1.0]);
    expect(&found, Label::Pass, f64::INFINITY, f64::INFINITY, f64::INFINITY);
}

#[test]
fn a_negative_decrease_passes_because_its_ratio_is_above_one() {
    let experiment = [-5.0, -6.0, -7.0, -8.0, -9.0, -10.0];
    let control = [-1.0, -2.0, -3.0, -4.0, -4.5, -4.8];
    expect(&by_default(&experiment, &control), Label::Pass, -7.99996, -1.00003, -4.0708);
}
