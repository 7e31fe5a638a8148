//! The judge of one rate, from counts and from counters.

use super::*;
use crate::judge::{CountHistory, PodCounts, RateLimit};

const STEP: StepWeight = StepWeight { weight: 10.0, final_weight: 50.0 };
const HEALTHY: Counts =
    Counts { canary_requests: 100.0, stable_requests: 900.0, canary_errors: 0.0, stable_errors: 1.0 };
const ILL: Counts = Counts { canary_errors: 20.0, ..HEALTHY };

fn poisson() -> ErrorRateSettings {
    ErrorRateSettings { baseline: Some(CountBaseline::of_dispersion(1.0)), ..ErrorRateSettings::default() }
}

fn judge_after(counts: Counts, intervals: usize) -> ErrorRateJudge {
    let mut judge = ErrorRateJudge::start(poisson(), STEP);
    for _ in 0..intervals {
        judge.update(&counts);
    }
    judge
}

#[test]
fn a_new_step_asks_for_safety_anew_and_remembers_harm() {
    let mut judge = judge_after(ILL, 1);
    let harm = judge.evidence(Duration::ZERO).log_harm;
    judge.new_step(StepWeight { weight: 25.0, final_weight: 50.0 });
    let evidence = judge.evidence(Duration::ZERO);
    assert_eq!(evidence.log_harm.to_bits(), harm.to_bits());
    assert!(evidence.log_safe.abs() < 1e-12, "{evidence:?}");
    assert!(evidence.step_canary_requests.abs() < 1e-12 && evidence.canary.requests > 0.0, "{evidence:?}");
}

#[test]
fn a_healthy_canary_comes_closer_to_safety_in_about_the_time_foretold() {
    let judge = judge_after(HEALTHY, 10);
    let foretold = judge.evidence(Duration::from_secs(10)).seconds_until_safe.unwrap();
    let mut taken = 0;
    let mut going_on = judge;
    while going_on.evidence(Duration::ZERO).log_safe < log_threshold(0.05) {
        going_on.update(&HEALTHY);
        taken += 1;
    }
    let taken = f64::from(taken);
    assert!((0.5..=1.0).contains(&(taken / foretold)), "foretold {foretold} s, taken {taken} s");
}

#[test]
fn an_ill_canary_has_no_time_until_safe_and_is_outside_the_margin() {
    let evidence = judge_after(ILL, 3).evidence(Duration::from_secs(3));
    assert_eq!(evidence.seconds_until_safe, None);
    assert!(!evidence.inside_margin);
    assert!(evidence.log_harm >= evidence.log_harm_threshold, "{evidence:?}");
}

#[test]
fn clustered_errors_need_the_second_opinion() {
    let settings =
        ErrorRateSettings { baseline: Some(CountBaseline::of_dispersion(3.0)), ..ErrorRateSettings::default() };
    let mut judge = ErrorRateJudge::start(settings, STEP);
    judge.update(&Counts { canary_errors: 90.0, ..HEALTHY });
    assert!(judge.harm.raw().log_evidence() > 4.7);
    assert!(judge.evidence(Duration::ZERO).log_harm.abs() < 1e-12);
}

#[test]
fn after_a_short_history_a_burst_on_one_pod_needs_more_than_its_raw_counts() {
    let after = |seconds: f64| {
        let baseline = CountBaseline { seconds: Some(seconds), ticks: 120, ..CountBaseline::of_dispersion(1.0) };
        let settings = ErrorRateSettings { baseline: Some(baseline), ..ErrorRateSettings::default() };
        let mut judge = ErrorRateJudge::start(settings, STEP);
        judge.update(&Counts { canary_errors: 90.0, ..HEALTHY });
        judge.evidence(Duration::ZERO)
    };
    assert!(after(7_200.0).is_harmful(0.01), "two hours have shown that it has no bursts");
    let short = after(1_800.0);
    assert!(short.log_harm.abs() < 1e-12 && !short.is_harmful(0.01), "{short:?}");
    assert_eq!((short.spread.history_seconds, short.spread.dispersion.to_bits()), (Some(1_800.0), 2f64.to_bits()));
}

#[test]
fn a_service_without_history_is_taken_to_have_clusters_until_two_ticks_agree() {
    let mut judge = ErrorRateJudge::start(ErrorRateSettings::default(), STEP);
    judge.update(&Counts { canary_errors: 90.0, ..HEALTHY });
    assert!(judge.evidence(Duration::ZERO).log_harm.abs() < 1e-12);
    judge.update(&Counts { canary_errors: 90.0, ..HEALTHY });
    assert!(judge.evidence(Duration::ZERO).log_harm > 0.0);
}

#[test]
fn fewer_conversions_are_harm_and_more_are_safe() {
    let after = |canary_errors: f64| {
        let settings = ErrorRateSettings {
            baseline: Some(CountBaseline::of_dispersion(1.0)),
            ..ErrorRateSettings::wanted_events()
        };
        let mut judge = ErrorRateJudge::start(settings, STEP);
        for _ in 0..100 {
            judge.update(&Counts {
                canary_requests: 500.0,
                stable_requests: 4500.0,
                canary_errors,
                stable_errors: 450.0,
            });
        }
        judge.evidence(Duration::from_secs(100))
    };
    let fewer = after(20.0);
    assert!(fewer.is_harmful(0.01) && !fewer.inside_margin && fewer.seconds_until_safe.is_none(), "{fewer:?}");
    let more = after(60.0);
    assert!(!more.is_harmful(0.5) && more.inside_margin && more.log_safe >= more.log_safe_threshold, "{more:?}");
}

#[test]
fn a_rate_beyond_its_hard_limit_is_over_it_although_the_versions_hardly_differ() {
    let limit = Some(RateLimit { min: None, max: Some(0.01) });
    let mut judge = ErrorRateJudge::start(ErrorRateSettings { limit, ..ErrorRateSettings::default() }, STEP);
    for _ in 0..100 {
        judge.update(&Counts {
            canary_requests: 1000.0,
            stable_requests: 900.0,
            canary_errors: 13.0,
            stable_errors: 8.9,
        });
    }
    assert!(judge.evidence(Duration::ZERO).is_over_limit(), "{:?}", judge.evidence(Duration::ZERO));
}

fn pod(name: &str, stratum: &str, requests: f64, events: f64) -> PodCounts {
    PodCounts { pod: name.into(), stratum: stratum.into(), requests, events }
}

#[test]
fn a_route_that_only_fails_on_both_versions_is_no_harm_where_routes_are_compared_by_themselves() {
    // The canary has more of the bad route's traffic. Pooled, it has 10 % errors against 2 %.
    let stratified = Tick {
        canary: vec![pod("c", "/bad", 100.0, 20.0), pod("c", "/good", 100.0, 0.0)],
        stable: vec![pod("s", "/bad", 100.0, 20.0), pod("s", "/good", 900.0, 0.0)],
        seconds: None,
    };
    let pooled =
        Tick { canary: vec![pod("c", "", 200.0, 20.0)], stable: vec![pod("s", "", 1000.0, 20.0)], seconds: None };
    let harm_after = |tick: &Tick, dispersion: f64| {
        let baseline = Some(CountBaseline::of_dispersion(dispersion));
        let mut judge = ErrorRateJudge::start(ErrorRateSettings { baseline, ..ErrorRateSettings::default() }, STEP);
        for _ in 0..60 {
            judge.update_pods(tick);
        }
        judge.evidence(Duration::ZERO).log_harm
    };
    for dispersion in [1.0, 3.0] {
        assert!(harm_after(&stratified, dispersion) < 0.5, "{dispersion}");
        assert!(harm_after(&pooled, dispersion) > 4.6, "{dispersion}");
    }
}

#[test]
fn a_bad_pod_is_named_in_the_sentence() {
    let mut judge = ErrorRateJudge::start(ErrorRateSettings::default(), STEP);
    for _ in 0..30 {
        judge.update_pods(&Tick {
            canary: vec![pod("web-0", "", 30.0, 0.0), pod("web-1", "", 30.0, 4.0), pod("web-2", "", 30.0, 0.0)],
            stable: vec![pod("web-9", "", 900.0, 1.0)],
            seconds: None,
        });
    }
    let text = judge.evidence(Duration::from_secs(30)).explain("errors");
    assert!(text.ends_with("; pod web-1 has 13.3 % (120 of 900), the canary's other pods 0 %"), "{text}");
}

#[test]
fn what_is_learned_late_only_raises_the_dispersion() {
    let mut judge = ErrorRateJudge::start(
        ErrorRateSettings { baseline: Some(CountBaseline::of_dispersion(2.5)), ..ErrorRateSettings::default() },
        STEP,
    );
    judge.update(&ILL);
    let before = judge.evidence(Duration::ZERO).log_harm;
    judge.learn(CountBaseline::of_dispersion(1.0));
    assert!((judge.evidence(Duration::ZERO).spread.dispersion - 2.5).abs() < 1e-12);
    judge.learn(CountBaseline::of_dispersion(8.0));
    assert!((judge.evidence(Duration::ZERO).spread.dispersion - 8.0).abs() < 1e-12);
    assert_eq!(judge.evidence(Duration::ZERO).log_harm.to_bits(), before.to_bits(), "the past isn't rewritten");
}

#[test]
fn the_state_survives_json_to_the_bit() {
    let judge = judge_after(ILL, 7);
    let text = serde_json::to_string(&judge.state()).unwrap();
    let back = ErrorRateJudge::resume(ErrorRateSettings::default(), STEP, serde_json::from_str(&text).unwrap());
    assert_eq!(back, judge);
}

#[test]
fn a_canary_that_is_far_worse_is_not_safe_where_caps_make_both_versions_alike() {
    let pods = |count: usize, requests: f64, events: f64| {
        (0..count).map(|index| pod(&format!("web-{index}"), "", requests, events)).collect::<Vec<_>>()
    };
    let mut history = CountHistory::default();
    for _ in 0..240 {
        history.push(&pods(10, 2_000.0, 0.0));
    }
    let settings = ErrorRateSettings::default();
    let baseline = history.baseline(settings.margin);
    let mut judge = ErrorRateJudge::start(ErrorRateSettings { baseline, ..settings }, STEP);
    for _ in 0..60 {
        // Both have become worse than their history knows, one of them twenty times as much.
        judge.update_pods(&Tick { canary: pods(1, 2_000.0, 400.0), stable: pods(9, 2_000.0, 20.0), seconds: None });
    }
    let evidence = judge.evidence(Duration::from_mins(10));
    assert!(evidence.log_safe >= evidence.log_safe_threshold, "capped counts alone take it for safe: {evidence:?}");
    assert!(!evidence.inside_margin && evidence.seconds_until_safe.is_none(), "{evidence:?}");
    assert!(!crate::judge::MetricEvidence::Counts(evidence).is_safe());
}
