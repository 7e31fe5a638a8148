//! Gauges as they come: level, worse, leaking, at zero, with few pods.

use std::time::Duration;

use super::*;
use crate::judge::margin::{Margin, StepWeight};

const STEP: StepWeight = StepWeight { weight: 10.0, final_weight: 50.0 };

/// Small, fixed ups and downs, different for each pod.
fn wobble(look: u32, pod: u32) -> f64 {
    1.0 + 0.02 * (f64::from(look * 7 + pod * 13) * 0.7).sin()
}

fn pods(count: u32, value: impl Fn(u32) -> f64) -> Vec<GaugeSample> {
    (0..count).map(|pod| GaugeSample { pod: format!("pod-{pod}"), value: value(pod), warming_up: false }).collect()
}

/// A judge after looks at 3 canary and 5 stable pods around 100.
fn judge_after(settings: GaugeSettings, looks: u32, canary: impl Fn(u32) -> f64) -> GaugeJudge {
    let mut judge = GaugeJudge::start(settings, STEP);
    for look in 0..looks {
        judge.look(&GaugeSamples {
            canary: Some(pods(3, |pod| canary(look) * wobble(look, pod))),
            stable: Some(pods(5, |pod| 100.0 * wobble(look, pod + 3))),
        });
    }
    judge
}

fn evidence(looks: u32, canary: impl Fn(u32) -> f64) -> GaugeEvidence {
    judge_after(GaugeSettings::default(), looks, canary).evidence(Duration::from_secs(10) * looks)
}

#[test]
fn a_canary_that_needs_a_third_more_is_found_and_an_equal_one_is_safe() {
    let heavy = evidence(120, |_| 133.0);
    assert!(heavy.is_harmful(0.01) && !heavy.is_safe() && !heavy.inside_margin(), "{heavy:?}");
    let equal = evidence(120, |_| 100.0);
    assert!(!equal.is_harmful(0.5) && equal.is_safe() && equal.inside_margin(), "{equal:?}");
    assert!(equal.decides() && equal.lack().is_none(), "{equal:?}");
}

#[test]
fn before_thirty_looks_nothing_is_certain() {
    let early = evidence(29, |_| 400.0);
    assert!(!early.is_harmful(0.5) && !early.is_safe(), "{early:?}");
    assert!(early.explain_harm("memory").ends_with("nothing is certain yet"));
}

#[test]
fn where_less_is_worse_a_drop_is_harm_and_a_rise_is_not() {
    let settings = GaugeSettings { worse: Worse::Lower, ..GaugeSettings::default() };
    let drop = judge_after(settings, 120, |_| 60.0).evidence(Duration::ZERO);
    assert!(drop.is_harmful(0.01), "{drop:?}");
    assert!(drop.explain("hit rate").contains("40 % below the stable"), "{}", drop.explain("hit rate"));
    let rise = judge_after(settings, 120, |_| 160.0).evidence(Duration::ZERO);
    assert!(!rise.is_harmful(0.5) && rise.is_safe(), "{rise:?}");
}

#[test]
fn a_gauge_that_reaches_zero_is_compared_by_differences_from_then_on() {
    let settings = GaugeSettings { dead_zone: Margin { ratio: 1.1, absolute: 5.0 }, ..GaugeSettings::default() };
    let mut judge = judge_after(settings, 40, |_| 100.0);
    judge.look(&GaugeSamples { canary: Some(pods(3, |_| 0.0)), stable: Some(pods(5, |_| 0.0)) });
    let evidence = judge.evidence(Duration::ZERO);
    assert_eq!(evidence.scale, GaugeScale::Difference);
    assert!((evidence.run.looks - 1.0).abs() < 1e-12, "{evidence:?}");
    assert_eq!(evidence.harm_boundary, Some(5.0));
}

#[test]
fn a_leak_shows_as_a_slope() {
    let leak = evidence(640, |look| 100.0 * (1.0 + f64::from(look) / 6400.0));
    let slope = leak.slope.unwrap();
    assert!((1.3e-4..1.7e-4).contains(&slope.per_look), "{slope:?}");
    assert_eq!(slope.rising, slope.steps);
    assert!(evidence(640, |_| 100.0).slope.unwrap().per_look.abs() < 1e-5);
}

#[test]
fn with_one_canary_pod_a_gauge_may_warn_but_not_decide() {
    let mut judge = GaugeJudge::start(GaugeSettings::default(), STEP);
    for look in 0..120 {
        judge.look(&GaugeSamples {
            canary: Some(pods(1, |pod| 200.0 * wobble(look, pod))),
            stable: Some(pods(5, |pod| 100.0 * wobble(look, pod + 3))),
        });
    }
    let evidence = judge.evidence(Duration::ZERO);
    assert!(evidence.is_harmful(0.05) && !evidence.decides(), "{evidence:?}");
}

#[test]
fn a_single_pair_of_pods_says_nothing() {
    let mut judge = GaugeJudge::start(GaugeSettings::default(), STEP);
    for look in 0..120 {
        judge.look(&GaugeSamples {
            canary: Some(pods(1, |pod| 200.0 * wobble(look, pod))),
            stable: Some(pods(1, |pod| 100.0 * wobble(look, pod + 3))),
        });
    }
    assert!(!judge.evidence(Duration::ZERO).is_harmful(0.5));
}

#[test]
fn young_pods_and_values_that_are_no_numbers_do_not_count() {
    let mut judge = GaugeJudge::start(GaugeSettings::default(), STEP);
    let mut canary = pods(3, |_| 100.0);
    canary[0].value = f64::NAN;
    canary[1].value = f64::INFINITY;
    canary[2].warming_up = true;
    let outcome = judge.look(&GaugeSamples { canary: Some(canary), stable: Some(pods(5, |_| 100.0)) });
    assert_eq!(outcome, GaugeOutcome { reading: GaugeReading::CanaryMissing, dropped_samples: 2 });
    assert!(judge.evidence(Duration::ZERO).lack().is_some());
}

#[test]
fn a_new_step_asks_for_safety_anew_and_remembers_harm() {
    let mut judge = judge_after(GaugeSettings::default(), 120, |_| 133.0);
    judge.new_step(STEP);
    let evidence = judge.evidence(Duration::ZERO);
    assert!(evidence.is_harmful(0.01) && evidence.lack().is_some(), "{evidence:?}");
}

#[test]
fn the_time_until_safety_comes_closer() {
    let seconds =
        |looks| evidence(looks, |look| 100.0 * (1.0 + 0.2 * (f64::from(look) * 0.9).sin())).seconds_until_safe();
    let (early, late) = (seconds(40).unwrap(), seconds(60).unwrap());
    assert!(late < early, "{early} then {late}");
    assert_eq!(evidence(120, |_| 150.0).seconds_until_safe(), None);
}

#[test]
fn a_judge_that_is_stored_after_each_look_stays_the_same_to_the_bit() {
    let kept = judge_after(GaugeSettings::default(), 150, |look| 100.0 + f64::from(look % 11));
    let mut stored = GaugeJudge::start(GaugeSettings::default(), STEP);
    for look in 0..150 {
        stored.look(&GaugeSamples {
            canary: Some(pods(3, |pod| (100.0 + f64::from(look % 11)) * wobble(look, pod))),
            stable: Some(pods(5, |pod| 100.0 * wobble(look, pod + 3))),
        });
        let text = serde_json::to_string(&stored.state()).unwrap();
        stored = GaugeJudge::resume(GaugeSettings::default(), STEP, serde_json::from_str(&text).unwrap());
    }
    assert_eq!(stored, kept);
}

#[test]
fn the_sentences_say_what_an_operator_would_say() {
    let heavy = evidence(120, |_| 150.0);
    let text = heavy.explain_harm("memory");
    assert!(
        text.starts_with("memory 150 is 50 % above the stable 100 (120 looks, 3 and 5 pods): certainly at least "),
        "{text}"
    );
    assert!(text.ends_with("% worse, harmful above 10 % worse"), "{text}");
}
