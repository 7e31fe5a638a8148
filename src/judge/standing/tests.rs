//! Whatever a verdict says of a metric, its standing says, too.

use std::time::Duration;

use super::*;
use crate::judge::{
    CountBaseline, Counts, ErrorRateEvidence, ErrorRateJudge, ErrorRateSettings, Margin, MetricEvidence, OnTimeout,
    RateLimit, StepClock, StepWeight, decide,
};

/// A metric of 60 looks, a tenth of whose 10,000 requests are the canary's.
fn metric(name: &str, canary_errors: f64, stable_errors: f64, settings: &ErrorRateSettings) -> MetricLook {
    let settings = ErrorRateSettings { baseline: Some(CountBaseline::of_dispersion(1.0)), ..*settings };
    let mut judge = ErrorRateJudge::start(settings, StepWeight { weight: 10.0, final_weight: 10.0 });
    for _ in 0..60 {
        judge.update(&Counts { canary_requests: 1_000.0, stable_requests: 9_000.0, canary_errors, stable_errors });
    }
    let evidence = MetricEvidence::Counts(judge.evidence(Duration::from_mins(15)));
    MetricLook { name: name.into(), weight: 1.0, critical: true, evidence, missing: None }
}

fn safe(name: &str) -> MetricLook {
    metric(name, 5.0, 45.0, &ErrorRateSettings::default())
}

/// No worse than the stable version by its wide margin, and above 5 %.
fn beyond_its_limit(name: &str) -> MetricLook {
    let settings = ErrorRateSettings {
        dead_zone: Margin { ratio: 1.5, absolute: 0.0 },
        margin: Margin { ratio: 2.0, absolute: 0.0 },
        limit: Some(RateLimit { min: None, max: Some(0.05) }),
        ..ErrorRateSettings::default()
    };
    metric(name, 60.0, 441.0, &settings)
}

fn with(metric: MetricLook, change: impl Fn(&mut ErrorRateEvidence)) -> MetricLook {
    let MetricEvidence::Counts(mut evidence) = metric.evidence else { panic!("{metric:?}") };
    change(&mut evidence);
    MetricLook { evidence: MetricEvidence::Counts(evidence), ..metric }
}

fn standings(metrics: Vec<MetricLook>) -> (Decision, Vec<Standing>) {
    let minutes = Duration::from_mins;
    let clock = StepClock { elapsed: minutes(15), min: minutes(2), max: minutes(20) };
    let look = Look { metrics, limits: Vec::new(), clock, on_timeout: OnTimeout::Pause, false_rollback: 0.01 };
    let decision = decide(&look);
    let standings = look.metrics.iter().map(|metric| Standing::of_metric(metric, &look, &decision)).collect();
    (decision, standings)
}

#[test]
fn a_metric_that_rolled_back_by_its_hard_limit_is_not_called_safe() {
    let metric = beyond_its_limit("errors");
    assert!(metric.evidence.is_safe(), "the comparison alone would let it pass: {metric:?}");
    let (decision, standings) = standings(vec![metric]);
    assert!(matches!(decision.verdict, Verdict::Rollback(RollbackCause::OutOfBounds { .. })), "{decision:?}");
    assert_eq!(standings, [Standing::OverLimit]);
}

#[test]
fn a_metric_that_does_not_decide_and_is_beyond_its_limit_is_warned_of_once() {
    let metric = MetricLook { critical: false, ..beyond_its_limit("errors") };
    let (decision, standing) = standings(vec![safe("other"), metric]);
    assert!(matches!(decision.verdict, Verdict::Advance { .. }), "{decision:?}");
    assert_eq!(decision.warnings, ["errors"]);
    assert_eq!(standing, [Standing::Safe, Standing::OverLimit]);
    let both = with(MetricLook { critical: false, ..beyond_its_limit("errors") }, |evidence| evidence.log_harm = 9.0);
    assert_eq!(standings(vec![both]).0.warnings, ["errors"]);
}

#[test]
fn the_metric_that_weighs_most_in_a_rollback_is_called_worse_even_if_it_would_not_roll_back_alone() {
    let heavy = with(safe("heavy"), |evidence| evidence.log_harm = 60f64.ln());
    let light = with(safe("light"), |evidence| evidence.log_harm = 5_000f64.ln());
    let (decision, standings) = standings(vec![MetricLook { weight: 100.0, ..heavy }, light]);
    let Verdict::Rollback(RollbackCause::Regression { metric, .. }) = &decision.verdict else { panic!("{decision:?}") };
    assert_eq!(metric.name, "heavy");
    assert_eq!(standings, [Standing::Regressed; 2]);
    assert!(decision.log_harm >= decision.log_harm_threshold);
}

#[test]
fn evidence_of_safety_outside_the_margin_is_not_called_safe() {
    let outside = with(safe("errors"), |evidence| evidence.inside_margin = false);
    let (decision, standings) = standings(vec![outside]);
    assert!(matches!(decision.verdict, Verdict::Continue(_)), "{decision:?}");
    assert_eq!(standings, [Standing::Undecided]);
}

#[test]
fn what_can_not_be_seen_is_called_so_unless_it_has_rolled_back() {
    let unseen = |metric: MetricLook| MetricLook { missing: Some("Prometheus does not answer".into()), ..metric };
    assert_eq!(standings(vec![safe("seen"), unseen(safe("errors"))]).1, [Standing::Safe, Standing::NoData]);
    let (decision, standing) = standings(vec![safe("seen"), unseen(beyond_its_limit("errors"))]);
    assert!(matches!(decision.verdict, Verdict::Rollback(_)), "{decision:?}");
    assert_eq!(standing[1], Standing::OverLimit);
}
