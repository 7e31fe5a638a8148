//! The judge as a whole: classifications, groups, scores and sentences, from JSON to JSON.

use serde_json::{Value, json};

use crate::judge::kayenta::{
    CanaryConfig, KayentaError, KayentaJudgement, Label, MetricSetPair, ScoreClass, ScoreThresholds, judge,
};

const THRESHOLDS: ScoreThresholds = ScoreThresholds { pass: 95.0, marginal: 75.0 };

/// A metric of one group, judged by these settings.
fn metric(name: &str, group: &str, canary: &Value) -> Value {
    json!({
        "name": name,
        "query": {"type": "prometheus", "metricName": name},
        "groups": [group],
        "analysisConfigurations": {"canary": canary},
        "scopeName": "default",
    })
}

fn config(metrics: &[Value], weights: &Value) -> CanaryConfig {
    let text = json!({
        "name": "canary",
        "description": "",
        "configVersion": "1",
        "applications": ["shop"],
        "judge": {"name": "NetflixACAJudge-v1.0", "judgeConfigurations": {}},
        "metrics": metrics,
        "templates": {},
        "classifier": {"groupWeights": weights},
    });
    CanaryConfig::from_json(&text.to_string()).unwrap()
}

fn pair(name: &str, experiment: &[f64], control: &[f64]) -> MetricSetPair {
    let mut pair = MetricSetPair::of(name, []);
    pair.values.experiment = Some(experiment.to_vec());
    pair.values.control = Some(control.to_vec());
    pair
}

fn high(name: &str) -> MetricSetPair {
    pair(name, &[10.0, 20.0, 30.0, 40.0], &[1.0, 2.0, 3.0, 4.0])
}

fn same(name: &str) -> MetricSetPair {
    pair(name, &[1.0, 2.0, 3.0], &[3.0, 1.0, 2.0])
}

fn empty(name: &str) -> MetricSetPair {
    pair(name, &[], &[1.0, f64::NAN])
}

fn judged(metrics: &[Value], weights: &Value, pairs: &[MetricSetPair]) -> KayentaJudgement {
    judge(&config(metrics, weights), Some(&THRESHOLDS), pairs).unwrap()
}

#[test]
fn groups_are_weighted_and_the_rest_is_shared() {
    let metrics = ["errors", "latency", "cpu", "memory"].map(|name| metric(name, name, &json!({})));
    let judgement = judged(
        &metrics,
        &json!({"errors": 40.0, "latency": "30"}),
        &[same("errors"), same("latency"), same("cpu"), high("memory")],
    );
    assert_eq!(judgement.score.score.to_bits(), 85f64.to_bits());
    assert_eq!(judgement.score.classification, ScoreClass::Marginal);
    assert_eq!(judgement.to_string(), "Marginal, score 85: memory High");
    let scores: Vec<(&str, f64)> =
        judgement.group_scores.iter().map(|group| (group.name.as_str(), group.score)).collect();
    assert_eq!(scores, [("errors", 100.0), ("latency", 100.0), ("cpu", 100.0), ("memory", 0.0)]);
}

#[test]
fn a_group_counts_its_passing_metrics() {
    let metrics = ["a", "b", "c"].map(|name| metric(name, "group", &json!({})));
    let judgement = judged(&metrics, &json!({"group": 100}), &[same("a"), same("b"), high("c")]);
    assert_eq!(judgement.score.score.to_bits(), 66.67f64.to_bits());
    assert_eq!(judgement.score.classification, ScoreClass::Fail);
    assert_eq!(judgement.score.classification_reason, "");
}

#[test]
fn a_critical_failure_is_the_end() {
    let metrics = [
        metric("errors", "a", &json!({"critical": true})),
        metric("cpu", "b", &json!({})),
        metric("c", "c", &json!({})),
    ];
    let judgement = judged(&metrics, &json!({}), &[high("errors"), same("cpu"), same("c")]);
    assert_eq!((judgement.score.score.to_bits(), judgement.score.classification), (0, ScoreClass::Fail));
    assert_eq!(
        judgement.score.classification_reason,
        "Canary Failed: The metric errors was classified as High (Critical)"
    );
    // Of the groups the scores are told all the same.
    assert_eq!(judgement.group_scores.len(), 3);
}

#[test]
fn a_critical_metric_without_data_is_the_end_too() {
    let metrics = [metric("errors", "a", &json!({"critical": "true", "mustHaveData": true}))];
    let judgement = judged(&metrics, &json!({}), &[empty("errors")]);
    assert_eq!(judgement.results[0].classification, Label::Nodata);
    assert_eq!(judgement.score.classification_reason, "Canary Failed: Missing data for errors");
}

#[test]
fn half_of_the_metrics_without_data_are_too_many() {
    let metrics = ["a", "b"].map(|name| metric(name, name, &json!({})));
    let judgement = judged(&metrics, &json!({}), &[same("a"), empty("b")]);
    assert_eq!(judgement.score.classification_reason, "Canary Failed: 50% or more metrics returned NODATA");
    // A group in which nothing could be judged is worth 0 in the list, and 100 in the sum where it comes to that.
    let metrics = ["a", "b", "c"].map(|name| metric(name, name, &json!({})));
    let judgement = judged(&metrics, &json!({}), &[same("a"), empty("b"), same("c")]);
    assert_eq!(judgement.group_scores[1].score.to_bits(), 0f64.to_bits());
    assert_eq!(judgement.score.score.to_bits(), 100f64.to_bits());
}

#[test]
fn missing_data_fail_a_metric_that_must_have_them_or_are_zeros() {
    let must = metric("must", "a", &json!({"mustHaveData": true}));
    let zero = metric("zero", "b", &json!({"nanStrategy": "replace"}));
    let judgement = judged(&[must, zero], &json!({"a": 50, "b": 50}), &[empty("must"), empty("zero")]);
    let labels: Vec<Label> = judgement.results.iter().map(|result| result.classification).collect();
    assert_eq!(labels, [Label::NodataFailMetric, Label::Pass]);
    assert_eq!(judgement.score.score.to_bits(), 50f64.to_bits());
}

#[test]
fn muted_metrics_are_told_and_do_not_count() {
    let metrics = [metric("a", "a", &json!({})), metric("b", "b", &json!({"muted": true, "critical": true}))];
    let judgement = judged(&metrics, &json!({}), &[same("a"), high("b")]);
    assert_eq!(judgement.score.score.to_bits(), 100f64.to_bits());
    assert_eq!(judgement.to_string(), "Pass, score 100: b High, muted");
}

#[test]
fn an_error_drops_out_of_the_score() {
    let metrics = [metric("a", "a", &json!({})), metric("b", "b", &json!({"critical": true}))];
    let judgement = judged(&metrics, &json!({}), &[same("a"), pair("b", &[5.0], &[3.0])]);
    assert_eq!(judgement.results[1].classification, Label::Error);
    assert_eq!(judgement.results[1].result_metadata, None);
    assert_eq!(judgement.score.classification, ScoreClass::Pass);
}

#[test]
fn no_data_at_all_fail() {
    let judgement = judged(&[], &json!(null), &[]);
    assert_eq!((judgement.score.score.to_bits(), judgement.score.classification), (0, ScoreClass::Fail));
}

#[test]
fn what_cant_be_judged_is_said() {
    let judge_with = |canary: Value, pairs: &[MetricSetPair]| {
        judge(&config(&[metric("errors", "a", &canary)], &json!({})), Some(&THRESHOLDS), pairs)
            .map(|judgement| judgement.score)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        judge_with(json!({}), &[same("error")]),
        "the data have a metric `error`, but the CanaryConfig has none of that name: add it to `metrics` or leave its \
         data out"
    );
    assert_eq!(
        judge_with(json!({"critical": "perhaps"}), &[same("errors")]),
        "metric `errors`: analysisConfigurations.canary.critical is \"perhaps\", which is neither true nor false"
    );
    assert_eq!(
        judge_with(json!({"effectSize": {"allowedIncrease": []}}), &[same("errors")]),
        "metric `errors`: analysisConfigurations.canary.effectSize.allowedIncrease is [], which is no number"
    );
    assert_eq!(
        judge_with(json!({"outliers": {"strategy": "remove", "outlierFactor": 0}}), &[same("errors")]),
        "metric `errors`: analysisConfigurations.canary.outliers.outlierFactor is 0, which is not above 0"
    );
    let mut half = same("errors");
    half.values.control = None;
    assert_eq!(
        judge_with(json!({}), &[half]),
        "metric `errors`: `values` has no `control`; without any data it must be there and empty"
    );
    let unclear = config(&[], &json!({}));
    assert_eq!(judge(&unclear, None, &[]), Err(KayentaError::NoThresholds));
    let weightless = config(&[], &json!({"a": "much"}));
    assert_eq!(
        judge(&weightless, Some(&THRESHOLDS), &[]).unwrap_err().to_string(),
        "classifier.groupWeights: the weight of group `a` is \"much\"; write a number of percent"
    );
    let error = CanaryConfig::from_json("{\"metrics\": 7}").unwrap_err().to_string();
    assert!(error.starts_with("this is no CanaryConfig of Kayenta: invalid type"), "{error}");
}

#[test]
fn words_that_kayenta_does_not_know_are_its_defaults() {
    let odd = metric("errors", "a", &json!({"direction": "up", "nanStrategy": "guess", "effectSize": {"measure": 7}}));
    let judgement = judged(&[odd], &json!({}), &[high("errors")]);
    assert_eq!(judgement.results[0].classification, Label::High);
}

#[test]
fn numbers_that_json_does_not_know_are_words() {
    let pair: MetricSetPair = serde_json::from_value(json!({
        "name": "errors",
        "id": "7",
        "tags": {"zone": "a"},
        "values": {"control": [1, "NaN", null, 2.5], "experiment": ["Infinity", "-Infinity", 0]},
        "scopes": {"control": {"startTimeIso": "2026-01-01T00:00:00Z", "startTimeMillis": 1, "stepMillis": 60000}},
        "attributes": {"control": {"query": "up"}},
    }))
    .unwrap();
    assert_eq!(pair.experiment().unwrap(), [f64::INFINITY, f64::NEG_INFINITY, 0.0]);
    assert!(pair.control().unwrap()[1].is_nan() && pair.control().unwrap()[2].is_nan());
    let written = serde_json::to_value(&pair).unwrap();
    assert_eq!(written["values"]["control"], json!([1.0, "NaN", "NaN", 2.5]));
    assert_eq!(written["values"]["experiment"], json!(["Infinity", "-Infinity", 0.0]));
}

#[test]
fn a_judgement_is_written_as_kayenta_writes_it() {
    let metrics = [metric("errors", "a", &json!({"critical": true}))];
    let judgement = judged(&metrics, &json!({}), &[pair("errors", &[1.0, 4.0, 2.0, 3.0, 1.0], &[0.0; 5])]);
    let written = serde_json::to_value(&judgement).unwrap();
    assert_eq!(
        written,
        json!({
            "judgeName": "NetflixACAJudge-v1.0",
            "results": [{
                "name": "errors",
                "id": "errors",
                "tags": {},
                "classification": "High",
                "classificationReason": "The metric errors was classified as High (Critical)",
                "groups": ["a"],
                "experimentMetadata": {
                    "stats": {"min": 1.0, "max": 4.0, "mean": 2.2, "std": 1.303_840_481_040_529_7, "count": 5},
                },
                "controlMetadata": {"stats": {"min": 0.0, "max": 0.0, "mean": 0.0, "std": 0.0, "count": 5}},
                "resultMetadata": {
                    "ratio": "NaN",
                    "difference": {"low": 1.0, "high": 4.0, "estimate": 1.999_963_797_785_825_3},
                },
                "critical": true,
                "muted": false,
            }],
            "groupScores": [{"name": "a", "score": 0.0, "classification": "", "classificationReason": ""}],
            "score": {
                "score": 0.0,
                "classification": "Fail",
                "classificationReason": "Canary Failed: The metric errors was classified as High (Critical)",
            },
        })
    );
    assert_eq!(serde_json::from_value::<KayentaJudgement>(written).unwrap().score, judgement.score);
}
