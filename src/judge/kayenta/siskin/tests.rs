//! Kayenta's question, answered by Siskin.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Small, fixed ups and downs around 1, different for each seed.
fn wobble(index: usize, seed: u32) -> f64 {
    1.0 + 0.03 * (f64::from(u32::try_from(index).unwrap() * 7 + seed * 13) * 0.7).sin()
}

/// A series of so many values around `level`.
fn series(count: usize, level: f64, seed: u32) -> Vec<f64> {
    (0..count).map(|index| level * wobble(index, seed)).collect()
}

fn judged(pairs: &[(&str, Value, Vec<f64>, Vec<f64>)]) -> KayentaJudgement {
    let metrics: Vec<Value> = pairs
        .iter()
        .map(|(name, canary, ..)| json!({"name": name, "groups": [name], "analysisConfigurations": {"canary": canary}}))
        .collect();
    let list = pairs.iter().map(|(name, _, experiment, control)| {
        let mut pair = MetricSetPair::of(*name, []);
        pair.values.experiment = Some(experiment.clone());
        pair.values.control = Some(control.clone());
        pair
    });
    let text = json!({
        "canaryConfig": {"metrics": metrics},
        "scoreThresholds": {"pass": 95, "marginal": 75},
        "metricSetPairList": list.collect::<Vec<_>>(),
    });
    judge_by_siskin(&JudgeRequest::from_json(text.to_string().as_bytes()).unwrap()).unwrap()
}

fn label_and_reason(canary: Value, experiment: Vec<f64>, control: Vec<f64>) -> (Label, String) {
    let judgement = judged(&[("latency", canary, experiment, control)]);
    let result = &judgement.results[0];
    (result.classification, result.classification_reason.clone().unwrap())
}

#[test]
fn a_third_more_is_high_and_a_third_less_is_low() {
    let control = series(120, 100.0, 0);
    let (label, reason) = label_and_reason(json!({}), series(120, 133.0, 1), control.clone());
    assert_eq!(label, Label::High);
    assert!(reason.starts_with("latency is higher on the canary: +33.1 %, between +3"), "{reason}");
    assert!(reason.ends_with("; -9.1 % to +10 % is ignored"), "{reason}");
    assert_eq!(label_and_reason(json!({}), series(120, 67.0, 1), control.clone()).0, Label::Low);
    // In the direction that does not count it is no failure.
    let (label, reason) = label_and_reason(json!({"direction": "increase"}), series(120, 67.0, 1), control);
    assert_eq!(label, Label::Pass);
    assert!(reason.starts_with("latency is the same within the margin: -3"), "{reason}");
}

#[test]
fn the_same_is_shown_to_be_the_same() {
    let judgement = judged(&[("latency", json!({}), series(120, 100.0, 1), series(120, 100.0, 0))]);
    assert_eq!(judgement.results[0].classification, Label::Pass);
    assert_eq!(judgement.score.score.to_bits(), 100f64.to_bits());
    let relative = judgement.results[0].result_metadata.as_ref().unwrap().relative_difference.unwrap();
    assert!(relative.low < 0.0 && relative.high > 0.0 && relative.high < 0.05, "{relative:?}");
}

#[test]
fn too_few_values_let_the_canary_go_on_but_not_end_well() {
    let judgement = judged(&[("latency", json!({"critical": true}), series(12, 300.0, 1), series(12, 100.0, 0))]);
    assert_eq!(judgement.results[0].classification, Label::Nodata);
    assert_eq!(
        judgement.results[0].classification_reason.as_deref(),
        Some("latency has 12 times at which both versions have a value, too few to know how they vary")
    );
    assert_eq!(judgement.score.score.to_bits(), 85f64.to_bits());
    assert_eq!(judgement.score.classification, crate::judge::kayenta::ScoreClass::Marginal);
}

#[test]
fn the_margin_is_what_the_configuration_allows() {
    let control = series(120, 100.0, 0);
    let wide = json!({"effectSize": {"allowedIncrease": 1.5}});
    assert_eq!(label_and_reason(wide, series(120, 133.0, 1), control.clone()).0, Label::Pass);
    let near = json!({"direction": "increase", "effectSize": {"allowedIncrease": 1.33}});
    let (label, reason) = label_and_reason(near, series(120, 133.0, 1), control);
    assert_eq!(label, Label::Nodata);
    assert!(reason.contains("is not certain yet") && reason.ends_with("up to +33 % has to be ruled out"), "{reason}");
}

#[test]
fn a_critical_failure_ends_it_once_it_is_beyond_the_critical_size() {
    let control = series(120, 100.0, 0);
    let critical = |limit: f64| json!({"critical": true, "effectSize": {"criticalIncrease": limit}});
    let score = |limit: f64| {
        let steady = ("cpu", json!({}), series(120, 1.0, 3), series(120, 1.0, 4));
        judged(&[("latency", critical(limit), series(120, 133.0, 1), control.clone()), steady]).score
    };
    assert_eq!(score(1.2).score.to_bits(), 0f64.to_bits());
    assert!(score(1.2).classification_reason.starts_with("Canary Failed: latency is higher on the canary"));
    assert_eq!(score(2.0).score.to_bits(), 50f64.to_bits());
}

#[test]
fn values_are_compared_with_those_of_their_own_time() {
    // Both arms swing by a factor of 100 together, and the canary is a fifth higher all the time.
    let swing = |index: usize| if index % 20 < 10 { 1.0 } else { 100.0 };
    let of = |level: f64, seed: u32| -> Vec<f64> {
        (0..200).map(|index| level * swing(index) * wobble(index, seed)).collect()
    };
    let (mut experiment, control) = (of(1.2, 1), of(1.0, 0));
    experiment[7] = f64::NAN;
    assert_eq!(label_and_reason(json!({"direction": "increase"}), experiment, control).0, Label::High);
}

#[test]
fn zeros_are_compared_by_their_difference() {
    assert_eq!(label_and_reason(json!({}), vec![0.0; 50], vec![0.0; 50]).0, Label::Pass);
    let sparse: Vec<f64> = (0..200).map(|index| if index % 3 == 0 { 2.0 } else { 0.0 }).collect();
    let (label, reason) = label_and_reason(json!({"nanStrategy": "replace"}), sparse, vec![f64::NAN; 200]);
    assert_eq!(label, Label::High, "{reason}");
}

#[test]
fn nothing_at_all_is_not_a_verdict_unless_it_was_asked_for() {
    let nothing = || vec![f64::NAN; 60];
    let (label, reason) = label_and_reason(json!({"critical": true}), nothing(), series(60, 1.0, 0));
    assert_eq!((label, reason.as_str()), (Label::Nodata, "latency has no time at which both versions have a value"));
    let must = json!({"critical": true, "mustHaveData": true});
    let judgement = judged(&[("latency", must, nothing(), series(60, 1.0, 0))]);
    assert_eq!(judgement.results[0].classification, Label::NodataFailMetric);
    assert_eq!(judgement.score.score.to_bits(), 0f64.to_bits());
}

fn any_series() -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![any::<f64>(), -10.0..10.0f64, 0.1..10.0f64, Just(f64::NAN), Just(0.0), Just(f64::MAX)];
    prop::collection::vec(value, 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_series_and_no_setting_can_break_it(
        experiment in any_series(),
        control in any_series(),
        direction in prop_oneof![Just("increase"), Just("decrease"), Just("either")],
        [critical, replace, muted] in any::<[bool; 3]>(),
        limits in any::<[f64; 4]>(),
    ) {
        let limit = |index: usize| limits[index].to_string();
        let canary = json!({
            "direction": direction,
            "critical": critical,
            "muted": muted,
            "nanStrategy": if replace { "replace" } else { "remove" },
            "effectSize": {
                "allowedIncrease": limit(0), "allowedDecrease": limit(1),
                "criticalIncrease": limit(2), "criticalDecrease": limit(3),
            },
        });
        let metric = json!({"name": "m", "groups": ["m"], "analysisConfigurations": {"canary": canary}});
        let mut pair = MetricSetPair::of("m", []);
        pair.values.experiment = Some(experiment);
        pair.values.control = Some(control);
        let request = JudgeRequest {
            canary_config: serde_json::from_value(json!({"metrics": [metric]})).unwrap(),
            score_thresholds: Some(ScoreThresholds { pass: 95.0, marginal: 75.0 }),
            metric_set_pair_list: vec![pair],
        };
        let judgement = judge_by_siskin(&request).unwrap();
        prop_assert!((0.0..=100.0).contains(&judgement.score.score), "{judgement:?}");
        // What is answered is JSON, whatever the numbers.
        serde_json::to_string(&judgement).unwrap();
    }
}
