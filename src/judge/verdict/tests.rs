//! The order of the decision rule, and what its sentences say.

use super::*;
use crate::judge::gauge::{GaugeSample, GaugeSamples};
use crate::judge::{
    CountBaseline, Counts, ErrorRateJudge, ErrorRateSettings, GaugeJudge, GaugeSettings, RateLimit, StepWeight,
};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A metric that really saw `intervals` seconds of 1 000 requests, a tenth of them at the canary.
fn metric(name: &str, canary_errors: f64, stable_errors: f64, intervals: u64) -> MetricLook {
    let settings =
        ErrorRateSettings { baseline: Some(CountBaseline::of_dispersion(1.0)), ..ErrorRateSettings::default() };
    let mut judge = ErrorRateJudge::start(settings, StepWeight { weight: 10.0, final_weight: 10.0 });
    let counts = Counts { canary_requests: 100.0, stable_requests: 900.0, canary_errors, stable_errors };
    for _ in 0..intervals {
        judge.update(&counts);
    }
    let evidence = MetricEvidence::Counts(judge.evidence(seconds(intervals)));
    MetricLook { name: name.into(), weight: 1.0, critical: true, evidence, missing: None }
}

fn healthy() -> MetricLook {
    metric("error rate", 0.0, 1.0, 600)
}

fn young() -> MetricLook {
    metric("error rate", 0.0, 1.0, 10)
}

fn ill() -> MetricLook {
    metric("error rate", 20.0, 4.0, 5)
}

fn limit(value: Option<f64>, breaches: u32) -> LimitLook {
    let limit = Limit { min: None, max: Some(0.9), consecutive: 3 };
    let breached = value.is_some() && breaches >= 3;
    let reading = LimitReading { value, breaches, breached };
    LimitLook { name: "saturation".into(), critical: true, limit, reading, missing: None }
}

fn look(metrics: Vec<MetricLook>, limits: Vec<LimitLook>, elapsed: u64) -> Look {
    let clock = StepClock { elapsed: seconds(elapsed), min: seconds(120), max: seconds(1200) };
    Look { metrics, limits, clock, on_timeout: OnTimeout::Pause, false_rollback: 0.01 }
}

fn verdict_of(metrics: Vec<MetricLook>, limits: Vec<LimitLook>, elapsed: u64) -> Verdict {
    decide(&look(metrics, limits, elapsed)).verdict
}

#[test]
fn harm_rolls_back_before_the_minimum_time_and_says_why() {
    let verdict = verdict_of(vec![ill()], vec![], 5);
    assert!(matches!(verdict, Verdict::Rollback(RollbackCause::Regression { .. })), "{verdict:?}");
    let text = verdict.explain();
    assert!(
        text.starts_with("error rate 20 % (100 of 500) is above the stable 0.44 % (20 of 4500): evidence "),
        "{text}"
    );
    assert!(text.ends_with(" against 100; rolling back"), "{text}");
}

#[test]
fn safety_advances_only_after_the_minimum_time() {
    let early = verdict_of(vec![healthy()], vec![], 60);
    assert_eq!(early, Verdict::Continue(Waiting::MinimumTime { elapsed: seconds(60), min: seconds(120) }));
    assert_eq!(early.explain(), "nothing is left to be shown after 60 s, but the step lasts at least 2 min; holding");
    let verdict = verdict_of(vec![healthy()], vec![], 600);
    assert!(matches!(verdict, Verdict::Advance { .. }), "{verdict:?}");
    let text = verdict.explain();
    assert!(text.starts_with("error rate 0 % (0 of 60000) is below the stable 0.11 % (600 of 540000)"), "{text}");
    assert!(text.ends_with(" against 20, after 10 min; advancing"), "{text}");
}

#[test]
fn a_young_step_goes_on_and_foretells_when_it_will_be_safe() {
    let verdict = verdict_of(vec![young()], vec![], 10);
    let text = verdict.explain();
    assert!(matches!(&verdict, Verdict::Continue(waiting) if !waiting.will_be_late()), "{verdict:?}");
    assert!(text.contains("evidence of safety 3.9 against 20") && text.contains("; safe in about "), "{text}");
}

#[test]
fn a_step_that_will_not_make_it_says_so_at_once() {
    let verdict = verdict_of(vec![young()], vec![], 1190);
    assert!(matches!(&verdict, Verdict::Continue(waiting) if waiting.will_be_late()), "{verdict:?}");
    assert!(verdict.explain().contains("but the step ends in 10 s"), "{}", verdict.explain());
}

#[test]
fn a_canary_that_looks_ill_is_told_when_it_will_be_rolled_back() {
    let text = verdict_of(vec![metric("error rate", 4.0, 9.0, 3)], vec![], 3).explain();
    assert!(text.contains("; rolled back in about ") && text.ends_with(" at this rate"), "{text}");
}

#[test]
fn a_few_errors_foretell_no_rollback() {
    let text = verdict_of(vec![metric("error rate", 1.0, 9.0, 1)], vec![], 1).explain();
    assert!(!text.contains("rolled back"), "{text}");
    let worse = metric("error rate", 3.0, 9.0, 1);
    let MetricEvidence::Counts(evidence) = &worse.evidence else { panic!("{worse:?}") };
    assert!(evidence.log_harm < 10f64.ln(), "{evidence:?}");
    assert_eq!(evidence.seconds_until_harm, None);
}

#[test]
fn with_enough_errors_the_difference_is_told_with_its_bounds() {
    let text = metric("error rate", 1.0, 9.0, 100).evidence.explain("error rate");
    assert!(text.contains("equals the stable 1 % (900 of 90000), difference 0 points (-"), "{text}");
}

/// A gauge of three pods a version, whose canary has `factor` times the memory of the stable version.
fn gauge(factor: f64, looks: u32) -> MetricLook {
    let samples = |factor: f64, look: u32| {
        let value = |pod: u32| 100.0 * factor * (1.0 + 0.001 * f64::from((look * 7 + pod * 3) % 5));
        Some(
            (0..3).map(|pod| GaugeSample { pod: format!("pod-{pod}"), value: value(pod), warming_up: false }).collect(),
        )
    };
    let mut judge = GaugeJudge::start(GaugeSettings::default(), StepWeight { weight: 10.0, final_weight: 10.0 });
    for look in 0..looks {
        judge.look(&GaugeSamples { canary: samples(factor, look), stable: samples(1.0, look) });
    }
    let evidence = MetricEvidence::Gauge(Box::new(judge.evidence(seconds(u64::from(looks)))));
    MetricLook { name: "memory".into(), weight: 1.0, critical: true, evidence, missing: None }
}

#[test]
fn a_critical_gauge_that_is_worse_by_its_margin_rolls_back_by_itself() {
    let verdict = verdict_of(vec![healthy(), gauge(1.5, 200)], vec![], 600);
    assert!(matches!(verdict, Verdict::Rollback(RollbackCause::OutOfBounds { .. })), "{}", verdict.explain());
    assert!(verdict.explain().ends_with("; rolling back"), "{}", verdict.explain());
}

#[test]
fn a_critical_gauge_that_is_not_yet_sure_vetoes_promotion() {
    let verdict = verdict_of(vec![healthy(), gauge(1.0, 5)], vec![], 600);
    assert!(!matches!(verdict, Verdict::Advance { .. } | Verdict::Rollback(_)), "{}", verdict.explain());
}

#[test]
fn what_a_gauge_may_spend_of_the_level_is_not_there_for_the_e_values() {
    let level = |metrics: &[MetricLook]| Harm::of(&metrics.iter().collect::<Vec<_>>(), 0.01).log_threshold.exp();
    assert!((level(&[healthy()]) - 100.0).abs() < 1e-9);
    assert!((level(&[healthy(), gauge(1.0, 40)]) - 200.0).abs() < 1e-9);
}

#[test]
fn a_rate_beyond_its_hard_limit_rolls_back() {
    let limit = Some(RateLimit { min: None, max: Some(0.01) });
    let mut judge = ErrorRateJudge::start(
        ErrorRateSettings { limit, ..ErrorRateSettings::default() },
        StepWeight { weight: 50.0, final_weight: 50.0 },
    );
    for _ in 0..100 {
        judge.update(&Counts {
            canary_requests: 1000.0,
            stable_requests: 900.0,
            canary_errors: 13.0,
            stable_errors: 8.9,
        });
    }
    let evidence = MetricEvidence::Counts(judge.evidence(seconds(100)));
    let over = MetricLook { name: "errors".into(), weight: 1.0, critical: true, evidence, missing: None };
    let text = verdict_of(vec![over], vec![], 100).explain();
    assert!(text.contains(": evidence of being above its limit of 1 % "), "{text}");
    assert!(text.ends_with(" against 100; rolling back"), "{text}");
}

#[test]
fn every_critical_metric_must_be_safe() {
    let verdict = verdict_of(vec![healthy(), young()], vec![], 600);
    assert!(matches!(verdict, Verdict::Continue(Waiting::Evidence { .. })), "{verdict:?}");
    let not_critical = MetricLook { critical: false, ..young() };
    let verdict = verdict_of(vec![healthy(), not_critical], vec![], 600);
    assert!(matches!(verdict, Verdict::Advance { .. }), "{verdict:?}");
}

#[test]
fn missing_data_neither_promote_nor_roll_back() {
    for metric in [healthy(), ill()] {
        let missing = MetricLook { missing: Some("Prometheus does not answer".into()), ..metric };
        let verdict = verdict_of(vec![missing], vec![], 5000);
        assert!(matches!(verdict, Verdict::NoData { .. }), "{verdict:?}");
        assert_eq!(verdict.explain(), "no data for error rate: Prometheus does not answer; holding");
    }
}

#[test]
fn a_step_without_canary_requests_is_no_data() {
    let verdict = verdict_of(vec![metric("error rate", 0.0, 0.0, 0)], vec![], 5000);
    assert!(verdict.explain().contains("the canary has had no requests in this step"), "{verdict:?}");
}

#[test]
fn a_metric_without_data_does_not_hide_the_harm_that_another_shows() {
    let missing = MetricLook { missing: Some("the query gave no series".into()), ..healthy() };
    let verdict = verdict_of(vec![missing, ill()], vec![], 5);
    assert!(matches!(verdict, Verdict::Rollback(_)), "{verdict:?}");
}

#[test]
fn a_limit_rolls_back_only_after_enough_looks_in_a_row() {
    let verdict = verdict_of(vec![healthy()], vec![limit(Some(0.95), 2)], 600);
    assert_eq!(verdict.explain(), "saturation 0.95 is above 0.9 in 2 of 3 looks in a row; holding");
    let verdict = verdict_of(vec![healthy()], vec![limit(Some(0.95), 3)], 600);
    assert_eq!(verdict.explain(), "saturation 0.95 is above 0.9 over 3 looks in a row; rolling back");
    let verdict = verdict_of(vec![healthy()], vec![limit(None, 3)], 600);
    assert!(matches!(verdict, Verdict::NoData { .. }), "{verdict:?}");
}

#[test]
fn what_is_not_critical_warns_and_does_nothing() {
    let metrics = vec![healthy(), MetricLook { critical: false, name: "beta errors".into(), ..ill() }];
    let limits = vec![LimitLook { critical: false, ..limit(Some(0.95), 3) }];
    let decision = decide(&look(metrics, limits, 600));
    assert!(matches!(decision.verdict, Verdict::Advance { .. }), "{decision:?}");
    assert_eq!(decision.warnings, ["beta errors", "saturation"]);
}

#[test]
fn a_step_that_times_out_does_what_the_user_chose() {
    let action = |on_timeout, metric: MetricLook| {
        let verdict = decide(&Look { on_timeout, ..look(vec![metric], vec![], 1200) }).verdict;
        match verdict {
            Verdict::TimedOut { action, .. } => action,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(action(OnTimeout::Pause, young()), TimeoutAction::Pause);
    assert_eq!(action(OnTimeout::Rollback, young()), TimeoutAction::Rollback);
    assert_eq!(action(OnTimeout::Promote, young()), TimeoutAction::Advance);
    let outside_margin = metric("error rate", 2.0, 6.0, 3);
    assert_eq!(action(OnTimeout::Promote, outside_margin), TimeoutAction::Pause);
}

#[test]
fn a_step_without_analysis_lasts_its_minimum_time() {
    assert!(matches!(verdict_of(vec![], vec![], 60), Verdict::Continue(_)));
    let verdict = verdict_of(vec![], vec![], 120);
    assert_eq!(verdict.explain(), "nothing speaks against it after 2 min; advancing");
}
