//! Whatever values a gauge's looks bring, evidence stays defined, and a replay gives the same bits.

use std::time::Duration;

use proptest::prelude::*;
use siskin::judge::gauge::{GaugeSample, GaugeSamples, Worse};
use siskin::judge::{GaugeEvidence, GaugeJudge, GaugeSettings, GaugeState, Margin, StepWeight};

use crate::histogram::any_number;
use crate::holds;

const STEP: StepWeight = StepWeight { weight: 10.0, final_weight: 50.0 };

fn look() -> impl Strategy<Value = GaugeSamples> {
    let value = prop_oneof![3 => 50.0..150.0, 1 => any_number()];
    let sample = (0u8..4, value, prop::bool::weighted(0.05)).prop_map(|(pod, value, warming_up)| GaugeSample {
        pod: format!("p{pod}"),
        value,
        warming_up,
    });
    let arm = prop::option::weighted(0.95, prop::collection::vec(sample, 0..5));
    (arm.clone(), arm).prop_map(|(canary, stable)| GaugeSamples { canary, stable })
}

fn settings() -> impl Strategy<Value = GaugeSettings> {
    (any::<bool>(), 1.0..2.0, 0.0..10.0).prop_map(|(higher, ratio, absolute)| GaugeSettings {
        worse: if higher { Worse::Higher } else { Worse::Lower },
        margin: Margin { ratio, absolute },
        ..GaugeSettings::default()
    })
}

#[test]
fn no_value_makes_evidence_undefined_and_a_restart_at_every_look_gives_the_same_bits() {
    holds(150, &(settings(), prop::collection::vec(look(), 0..60)), |(settings, looks)| {
        let mut kept = GaugeJudge::start(settings, STEP);
        let mut stored = GaugeJudge::start(settings, STEP);
        for look in &looks {
            kept.look(look);
            stored.look(look);
            let text = serde_json::to_string(&stored.state()).expect("a state is plain data");
            let state: GaugeState = serde_json::from_str(&text).expect("what was written can be read");
            stored = GaugeJudge::resume(settings, STEP, state);
        }
        prop_assert_eq!(&stored, &kept);
        let evidence = kept.evidence(Duration::from_mins(10));
        let text = serde_json::to_string(&evidence).expect("evidence is plain data");
        let back = serde_json::from_str::<GaugeEvidence>(&text);
        prop_assert!(back.is_ok_and(|back| back == evidence), "{evidence:?}");
        for sentence in [evidence.explain("memory"), evidence.explain_safety("memory"), evidence.explain_harm("memory")]
        {
            prop_assert!(!sentence.contains("NaN") && !sentence.contains("inf"), "{sentence}");
        }
        prop_assert!(!(evidence.is_harmful(0.05) && evidence.is_safe() && settings.margin == settings.dead_zone));
        Ok(())
    });
}

#[test]
fn with_the_arms_swapped_and_the_direction_turned_the_difference_is_the_same() {
    holds(100, &prop::collection::vec((50.0..150.0, 50.0..150.0), 30..80), |values| {
        let run = |worse: Worse, swapped: bool| {
            let mut judge = GaugeJudge::start(GaugeSettings { worse, ..GaugeSettings::default() }, STEP);
            for (one, other) in &values {
                let arm = |value: f64| {
                    Some(
                        (0..3)
                            .map(|pod| GaugeSample { pod: pod.to_string(), value, warming_up: false })
                            .collect::<Vec<_>>(),
                    )
                };
                let (canary, stable) = if swapped { (*other, *one) } else { (*one, *other) };
                judge.look(&GaugeSamples { canary: arm(canary), stable: arm(stable) });
            }
            judge.evidence(Duration::ZERO).lower_bound(0.05)
        };
        prop_assert_eq!(run(Worse::Higher, false).map(f64::to_bits), run(Worse::Lower, true).map(f64::to_bits));
        Ok(())
    });
}
