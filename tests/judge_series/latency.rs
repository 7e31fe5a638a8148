//! Whatever histograms a latency's looks bring, evidence stays defined, and a replay gives the same bits.

use std::time::Duration;

use proptest::prelude::*;
use siskin::judge::latency::{HistogramSamples, LatencySettings, LatencyUnit, SeriesHistogram};
use siskin::judge::{Histogram, LatencyEvidence, LatencyHistory, LatencyJudge, LatencyState, StepWeight};

use crate::histogram::any_histogram;
use crate::holds;

const STEP: StepWeight = StepWeight { weight: 10.0, final_weight: 50.0 };

fn settings() -> LatencySettings {
    LatencySettings { unit: LatencyUnit::Seconds, ..LatencySettings::default() }
}

/// A histogram that has grown for some looks, as most do.
fn ordinary() -> impl Strategy<Value = Histogram> {
    (1u32..40, 0u32..40).prop_map(|(looks, slow)| {
        let total = 400.0 * f64::from(looks);
        let above = |share: f64| total - f64::from(looks) * share * (1.0 + f64::from(slow) / 20.0);
        let cumulative = [(0.1, above(100.0)), (0.5, above(20.0)), (1.0, above(2.0)), (f64::INFINITY, total)];
        Histogram::classic(&cumulative, None).expect("a histogram")
    })
}

fn series() -> impl Strategy<Value = SeriesHistogram> {
    let histogram = prop_oneof![3 => ordinary(), 1 => any_histogram().prop_filter_map("broken", Result::ok)];
    (0u8..3, 0u8..2, histogram, any::<bool>(), prop::bool::weighted(0.1)).prop_map(
        |(series, stratum, histogram, started_in_run, warming_up)| SeriesHistogram {
            series: format!("s{series}"),
            stratum: if stratum == 0 { String::new() } else { format!("s{series}") },
            histogram,
            started_in_run,
            warming_up,
        },
    )
}

fn look() -> impl Strategy<Value = HistogramSamples> {
    let arm = || prop::option::weighted(0.9, prop::collection::vec(series(), 0..4));
    (arm(), arm()).prop_map(|(canary, stable)| HistogramSamples { canary, stable })
}

/// JSON has no NaN and no infinity, so what reads back as it was holds neither.
fn check_defined(evidence: &LatencyEvidence) -> Result<(), TestCaseError> {
    let text = serde_json::to_string(evidence).expect("evidence is plain data");
    let back = serde_json::from_str::<LatencyEvidence>(&text);
    prop_assert!(back.as_ref().is_ok_and(|back| back == evidence), "{evidence:?}");
    for sentence in [evidence.explain("latency"), evidence.explain_safety("latency"), evidence.explain_harm("latency")]
    {
        prop_assert!(!sentence.contains("NaN") && !sentence.contains("inf"), "{sentence}");
    }
    Ok(())
}

#[test]
fn no_histogram_makes_evidence_undefined() {
    holds(200, &prop::collection::vec(look(), 0..12), |looks| {
        let mut judge = LatencyJudge::start(settings(), STEP);
        for look in &looks {
            let outcome = judge.look(look);
            prop_assert_eq!(outcome.edges.is_empty(), outcome.reading.lack().is_some(), "{:?}", outcome);
            check_defined(&judge.evidence(Duration::from_mins(1)))?;
        }
        let report = judge.report();
        let text = serde_json::to_string(&report).expect("a report is plain data");
        prop_assert_eq!(serde_json::from_str(&text).ok(), Some(report));
        Ok(())
    });
}

#[test]
fn a_replay_and_a_restart_at_every_look_give_the_same_bits() {
    holds(150, &prop::collection::vec(look(), 0..12), |looks| {
        let mut kept = LatencyJudge::start(settings(), STEP);
        let mut stored = LatencyJudge::start(settings(), STEP);
        for look in &looks {
            kept.look(look);
            stored.look(look);
            let text = serde_json::to_string(&stored.state()).expect("a state is plain data");
            let state: LatencyState = serde_json::from_str(&text).expect("what was written can be read");
            stored = LatencyJudge::resume(settings(), STEP, state);
        }
        let text = |judge: &LatencyJudge| serde_json::to_string(&judge.state()).expect("a state is plain data");
        prop_assert_eq!(text(&stored), text(&kept));
        prop_assert_eq!(stored.evidence(Duration::ZERO), kept.evidence(Duration::ZERO));
        Ok(())
    });
}

#[test]
fn the_order_in_which_series_come_makes_no_difference() {
    let looks = prop::collection::vec(prop::collection::vec((ordinary(), ordinary()), 4), 1..8);
    holds(200, &looks, |looks| {
        let run = |backwards: bool| {
            let mut judge = LatencyJudge::start(settings(), STEP);
            for look in &looks {
                let arm = |canary: bool| {
                    let mut arm: Vec<SeriesHistogram> = look
                        .iter()
                        .enumerate()
                        .map(|(index, (one, other))| SeriesHistogram {
                            series: format!("pod-{index}"),
                            stratum: String::new(),
                            histogram: if canary { one.clone() } else { other.clone() },
                            started_in_run: false,
                            warming_up: false,
                        })
                        .collect();
                    if backwards {
                        arm.reverse();
                    }
                    Some(arm)
                };
                judge.look(&HistogramSamples { canary: arm(true), stable: arm(false) });
            }
            serde_json::to_string(&judge.state()).expect("a state is plain data")
        };
        prop_assert_eq!(run(false), run(true));
        Ok(())
    });
}

#[test]
fn any_history_gives_a_baseline_that_a_run_can_use_or_none() {
    holds(150, &(prop::collection::vec(prop::collection::vec(series(), 0..3), 0..30), look()), |(ticks, look)| {
        let mut history = LatencyHistory::default();
        for tick in &ticks {
            history.push(tick);
        }
        let baseline = history.baseline();
        if let Some(baseline) = &baseline {
            prop_assert!((1..=12).contains(&baseline.edges.len()), "{baseline:?}");
            prop_assert!(baseline.edges.iter().all(|edge| (1.0..=50.0).contains(&edge.dispersion)), "{baseline:?}");
            prop_assert!(baseline.edges.windows(2).all(|pair| pair[0].edge < pair[1].edge), "{baseline:?}");
        }
        let mut judge = LatencyJudge::start(LatencySettings { baseline, ..settings() }, STEP);
        judge.look(&look);
        check_defined(&judge.evidence(Duration::ZERO))
    });
}

#[test]
fn a_damaged_state_is_refused_and_not_believed() {
    holds(
        300,
        &(prop::collection::vec(look(), 1..6), any::<prop::sample::Index>(), any::<char>()),
        |(looks, place, with)| {
            let mut judge = LatencyJudge::start(settings(), STEP);
            for look in &looks {
                judge.look(look);
            }
            let mut text: Vec<char> =
                serde_json::to_string(&judge.state()).expect("a state is plain data").chars().collect();
            let place = place.index(text.len());
            text[place] = with;
            let text: String = text.into_iter().collect();
            // Either an error, or a state that can go on without a panic.
            if let Ok(state) = serde_json::from_str::<LatencyState>(&text) {
                let mut judge = LatencyJudge::resume(settings(), STEP, state);
                for look in &looks {
                    judge.look(look);
                }
                judge.evidence(Duration::ZERO);
            }
            Ok(())
        },
    );
}
