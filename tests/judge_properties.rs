//! What holds for the judge whatever it is fed.

use std::time::Duration;

use proptest::prelude::*;
use siskin::judge::{
    ArmSamples, CountBaseline, CountHistory, CounterState, Counts, Direction, ErrorRateEvidence, ErrorRateJudge,
    ErrorRateSettings, Look, Margin, MetricEvidence, MetricLook, OnTimeout, PodCounts, RatioDesign, RatioProcess,
    RatioSequence, RatioState, Sample, Samples, ShareProcess, ShareState, StepClock, StepWeight, decide,
};

const STEP: StepWeight = StepWeight { weight: 10.0, final_weight: 50.0 };

/// A failing case is printed, smallest form first; no file is written beside the sources.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Counts as they occur.
fn ordinary_counts() -> impl Strategy<Value = Counts> {
    (0u32..2000, 0u32..20_000, 0u32..200, 0u32..2000).prop_map(|(canary, stable, canary_errors, stable_errors)| {
        Counts {
            canary_requests: f64::from(canary),
            stable_requests: f64::from(stable),
            canary_errors: f64::from(canary_errors),
            stable_errors: f64::from(stable_errors),
        }
    })
}

/// Anything that a float can be.
fn any_counts() -> impl Strategy<Value = Counts> {
    (any::<f64>(), any::<f64>(), any::<f64>(), any::<f64>()).prop_map(
        |(canary_requests, stable_requests, canary_errors, stable_errors)| Counts {
            canary_requests,
            stable_requests,
            canary_errors,
            stable_errors,
        },
    )
}

/// Anything that is finite and not negative.
fn finite_counts() -> impl Strategy<Value = Counts> {
    any_counts().prop_map(|counts| {
        let finite = |value: f64| if value.is_finite() { value.abs() } else { 0.0 };
        Counts {
            canary_requests: finite(counts.canary_requests),
            stable_requests: finite(counts.stable_requests),
            canary_errors: finite(counts.canary_errors),
            stable_errors: finite(counts.stable_errors),
        }
    })
}

fn mixed_counts() -> impl Strategy<Value = Vec<Counts>> {
    prop::collection::vec(prop_oneof![ordinary_counts(), finite_counts(), any_counts()], 0..30)
}

fn dispersion() -> impl Strategy<Value = f64> {
    prop_oneof![Just(1.0), 1.0..50.0]
}

fn judge_after(dispersion: f64, intervals: &[Counts]) -> ErrorRateJudge {
    let baseline = Some(CountBaseline::of_dispersion(dispersion));
    let settings = ErrorRateSettings { baseline, ..ErrorRateSettings::default() };
    let mut judge = ErrorRateJudge::start(settings, STEP);
    for counts in intervals {
        judge.update(counts);
    }
    judge
}

fn bits(state: &RatioState) -> String {
    serde_json::to_string(state).expect("a state is a string")
}

/// JSON has no NaN and no infinity, so what reads back as it was holds neither.
fn holds_only_numbers(evidence: &ErrorRateEvidence) -> bool {
    let text = serde_json::to_string(evidence).expect("evidence is plain data");
    serde_json::from_str::<ErrorRateEvidence>(&text).is_ok_and(|back| back == *evidence)
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn no_input_makes_evidence_undefined(intervals in mixed_counts(), dispersion in dispersion(), seconds in 0u64..100_000) {
        let evidence = judge_after(dispersion, &intervals).evidence(Duration::from_secs(seconds));
        prop_assert!(holds_only_numbers(&evidence), "{evidence:?}");
        for rate in [evidence.canary.rate, evidence.stable.rate].into_iter().flatten() {
            prop_assert!(0.0 <= rate.low && rate.low <= rate.estimate, "{rate:?}");
            prop_assert!(rate.estimate <= rate.high && rate.high <= 1.0, "{rate:?}");
        }
    }

    #[test]
    fn no_input_makes_a_decision_fail(intervals in mixed_counts(), seconds in 0u64..3000, critical: bool) {
        let evidence = MetricEvidence::Counts(judge_after(1.0, &intervals).evidence(Duration::from_secs(seconds)));
        let metric = MetricLook { name: "errors".into(), weight: 1.0, critical, evidence, missing: None };
        let clock = StepClock {
            elapsed: Duration::from_secs(seconds),
            min: Duration::from_mins(2),
            max: Duration::from_mins(20),
        };
        for on_timeout in [OnTimeout::Pause, OnTimeout::Rollback, OnTimeout::Promote] {
            let metrics = vec![metric.clone()];
            let decision = decide(&Look { metrics, limits: vec![], clock, on_timeout, false_rollback: 0.01 });
            let text = decision.verdict.explain();
            prop_assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
    }

    #[test]
    fn the_interval_of_the_ratio_is_never_undefined(intervals in mixed_counts()) {
        let mut sequence = RatioSequence::new();
        for counts in &intervals {
            sequence.update(counts);
        }
        let interval = sequence.interval(0.05);
        prop_assert!(interval.low <= interval.estimate && interval.estimate <= interval.high, "{interval:?}");
    }

    #[test]
    fn a_silent_arm_changes_nothing(before in ordinary_counts(), silent in ordinary_counts(), canary: bool) {
        let mut silent = silent;
        if canary { silent.canary_requests = 0.0 } else { silent.stable_requests = 0.0 }
        let once = judge_after(3.0, &[before]);
        let twice = judge_after(3.0, &[before, silent]);
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn a_judge_that_is_stored_after_each_look_stays_the_same_to_the_bit(intervals in mixed_counts(), dispersion in dispersion()) {
        let baseline = Some(CountBaseline::of_dispersion(dispersion));
    let settings = ErrorRateSettings { baseline, ..ErrorRateSettings::default() };
        let mut stored = ErrorRateJudge::start(settings, STEP);
        for counts in &intervals {
            stored.update(counts);
            let text = serde_json::to_string(&stored.state()).expect("a state is plain data");
            let state = serde_json::from_str(&text).expect("what was written can be read");
            stored = ErrorRateJudge::resume(settings, STEP, state);
        }
        let kept = judge_after(dispersion, &intervals);
        let text = |judge: &ErrorRateJudge| serde_json::to_string(&judge.state()).expect("a state is plain data");
        prop_assert_eq!(text(&stored), text(&kept));
    }

    #[test]
    fn with_the_arms_swapped_harm_becomes_safety(intervals in prop::collection::vec(ordinary_counts(), 1..20)) {
        let equal = Margin { ratio: 1.0, absolute: 0.0 };
        let mut harm = RatioProcess::new(RatioDesign::harm(equal, 1.0));
        let mut safe = RatioProcess::new(RatioDesign { direction: Direction::Safe, ..RatioDesign::harm(equal, 1.0) });
        for counts in &intervals {
            harm.update(counts);
            safe.update(&Counts {
                canary_requests: counts.stable_requests,
                stable_requests: counts.canary_requests,
                canary_errors: counts.stable_errors,
                stable_errors: counts.canary_errors,
            });
        }
        let (harm, safe) = (harm.log_evidence(), safe.log_evidence());
        prop_assert!((harm - safe).abs() <= 1e-9 * harm.abs().max(1.0), "{harm} and {safe}");
    }

    #[test]
    fn more_canary_errors_are_never_less_evidence_of_harm(counts in ordinary_counts(), more in 1u32..50) {
        prop_assume!(counts.is_informative());
        let evidence = |counts: &Counts| {
            let mut process = RatioProcess::new(RatioDesign::harm(Margin::ERROR_RATE_DEAD_ZONE, 1.0));
            process.update(counts);
            process.log_evidence()
        };
        let worse = Counts { canary_errors: counts.canary_errors + f64::from(more), ..counts };
        let (worse, before) = (evidence(&worse), evidence(&counts));
        prop_assert!(worse >= before - 1e-9 * before.abs().max(1.0), "{worse} after {before}");
    }

    #[test]
    fn counters_never_give_what_no_counter_can_give(values in prop::collection::vec((0usize..3, any::<f64>(), any::<bool>()), 0..60)) {
        let mut state = CounterState::default();
        for look in values.chunks(6) {
            let samples_of = |arm: usize| {
                let samples: Vec<Sample> = look
                    .iter()
                    .filter(|(owner, ..)| *owner != arm)
                    .map(|&(owner, value, started_in_run)| Sample { series: owner.to_string(), pod: owner.to_string(), stratum: String::new(), value, started_in_run })
                    .collect();
                (!samples.is_empty()).then(|| ArmSamples { requests: samples.clone(), errors: samples })
            };
            let look = state.look(&Samples { canary: samples_of(0), stable: samples_of(1), at: None });
            if let siskin::judge::Reading::Counted(counts) = look.reading {
                prop_assert!(counts.canary_requests > 0.0 && counts.stable_requests > 0.0, "{counts:?}");
                prop_assert!(counts.canary_errors >= 0.0 && counts.stable_errors >= 0.0, "{counts:?}");
            }
            let text = serde_json::to_string(&state).expect("a state is plain data");
            prop_assert_eq!(&serde_json::from_str::<CounterState>(&text).expect("what was written can be read"), &state);
        }
    }

    #[test]
    fn the_state_of_a_process_is_small(intervals in mixed_counts()) {
        let judge = judge_after(1.0, &intervals);
        let text = serde_json::to_string(&judge.state()).expect("a state is plain data");
        prop_assert!(text.len() < 1000, "{} bytes: {text}", text.len());
    }
}

proptest! {
    #![proptest_config(cases(12))]

    /// A fair game, reckoned exactly: over all counts that can occur, weighted with their Poisson probability, one
    /// coin is worth one coin on the boundary, and less inside the null.
    #[test]
    fn nobody_gains_by_betting_against_a_true_claim(
        canary_requests in 5u32..40, stable_requests in 5u32..100, stable_rate in 0.001..0.05f64, inside in 0.0..1.0f64,
    ) {
        let margin = Margin::ERROR_RATE_DEAD_ZONE;
        let (canary_requests, stable_requests) = (f64::from(canary_requests), f64::from(stable_requests));
        let boundary = margin.ratio * stable_rate + margin.absolute;
        let worth = |direction: Direction, canary_rate: f64| {
            let mut worth = 0.0;
            for (canary_errors, canary_chance) in poisson(canary_requests * canary_rate) {
                for (stable_errors, stable_chance) in poisson(stable_requests * stable_rate) {
                    let mut process =
                        RatioProcess::new(RatioDesign { direction, ..RatioDesign::harm(margin, 1.0) });
                    process.update(&Counts { canary_requests, stable_requests, canary_errors, stable_errors });
                    worth += process.log_evidence().exp() * canary_chance * stable_chance;
                }
            }
            worth
        };
        for direction in [Direction::Harm, Direction::Safe] {
            let on_boundary = worth(direction, boundary);
            prop_assert!((on_boundary - 1.0).abs() < 1e-6, "{direction:?}: {on_boundary}");
        }
        let harm_inside = worth(Direction::Harm, boundary * inside);
        prop_assert!(harm_inside <= 1.0 + 1e-9, "{harm_inside}");
    }
}

/// Counts and their chances, as far as they matter even against the largest bet.
fn poisson(mean: f64) -> Vec<(f64, f64)> {
    let mut chance = (-mean).exp();
    let mut all = Vec::new();
    for count in 0..60u32 {
        let count = f64::from(count);
        all.push((count, chance));
        chance *= mean / (count + 1.0);
    }
    all
}

#[test]
fn a_process_with_nothing_left_survives_json() {
    let mut share = ShareProcess::new(1.0, 1);
    share.update(&Counts { canary_requests: 1e15, stable_requests: 1.0, canary_errors: 0.0, stable_errors: 9.0 });
    let text = serde_json::to_string(share.state()).expect("a state is a string");
    assert_eq!(*share.state(), serde_json::from_str(&text).expect("what was written can be read"));

    // All capital bets at once: the cash is negative infinity.
    let process = RatioProcess::new(RatioDesign::safe(Margin::ERROR_RATE_LIMIT, 2.0));
    let back: RatioState = serde_json::from_str(&bits(process.state())).expect("what was written can be read");
    assert_eq!(bits(&back), bits(process.state()));
    assert_eq!(RatioProcess::resume(*process.design(), back), process);
}

#[test]
fn a_state_that_would_roll_back_at_once_is_refused() {
    use base64::Engine as _;
    let mut bytes = vec![1, 1];
    bytes.extend([f64::INFINITY; 15].iter().flat_map(|number| number.to_le_bytes()));
    let text = base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes);
    let error = RatioState::try_from(text).expect_err("no process gains infinitely much");
    assert_eq!(error.to_string(), "stored evidence holds inf at position 0, which no process can reach");
}

/// Copied whole: an update can't allocate, because nothing of it is on the heap.
fn owns_no_memory<T: Copy>() {}

#[test]
fn a_process_is_fewer_than_two_hundred_bytes_and_owns_no_memory() {
    owns_no_memory::<RatioProcess>();
    owns_no_memory::<ShareProcess>();
    for size in [size_of::<RatioState>(), size_of::<ShareState>()] {
        assert!(size < 200, "{size}");
    }
}

/// Counters of three pods an arm that grow by some requests and errors at each look.
fn looks() -> impl Strategy<Value = Vec<Samples>> {
    let pod = (0u32..200, 0u32..5);
    prop::collection::vec((prop::collection::vec(pod, 6), 0u32..8), 1..40).prop_map(|looks| {
        let mut totals = [(0.0, 0.0); 6];
        let look = |(growth, missing): (Vec<(u32, u32)>, u32)| {
            for (total, (requests, errors)) in totals.iter_mut().zip(growth) {
                total.0 += f64::from(requests);
                total.1 += f64::from(errors);
            }
            let samples = |arm: usize, pick: fn(&(f64, f64)) -> f64| {
                let sample = |pod: usize| Sample {
                    series: format!("pod-{pod}"),
                    pod: format!("pod-{pod}"),
                    stratum: (pod % 2).to_string(),
                    value: pick(&totals[3 * arm + pod]),
                    started_in_run: true,
                };
                (0..3).map(sample).collect::<Vec<_>>()
            };
            let arm = |arm: usize| ArmSamples { requests: samples(arm, |t| t.0), errors: samples(arm, |t| t.1) };
            Samples { canary: (missing != 0).then(|| arm(0)), stable: (missing != 1).then(|| arm(1)), at: None }
        };
        looks.into_iter().map(look).collect()
    })
}

fn reversed(samples: &Samples) -> Samples {
    let arm = |arm: &ArmSamples| ArmSamples {
        requests: arm.requests.iter().rev().cloned().collect(),
        errors: arm.errors.iter().rev().cloned().collect(),
    };
    Samples { canary: samples.canary.as_ref().map(arm), stable: samples.stable.as_ref().map(arm), at: samples.at }
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn a_replay_of_the_same_looks_gives_the_same_bits_in_any_order_of_series_and_across_restarts(looks in looks()) {
        let mut history = CountHistory::default();
        for tick in 0..200u32 {
            let pod = |pod: u32| PodCounts {
                pod: pod.to_string(),
                requests: 100.0,
                events: f64::from(if (tick + pod) % 40 < 2 { 15 } else { (tick * 7 + pod) % 3 }),
                ..PodCounts::default()
            };
            history.push(&(0..3).map(pod).collect::<Vec<_>>());
        }
        let settings = ErrorRateSettings::default();
        let settings = ErrorRateSettings { baseline: history.baseline(settings.margin), ..settings };
        let mut straight = ErrorRateJudge::start(settings, STEP);
        let mut restarted = straight.clone();
        for samples in &looks {
            straight.look(samples);
            restarted.look(&reversed(samples));
            let text = serde_json::to_string(&restarted.state()).expect("a state is plain data");
            let state = serde_json::from_str(&text).expect("what was written can be read");
            restarted = ErrorRateJudge::resume(ErrorRateSettings::default(), STEP, state);
        }
        let text = |judge: &ErrorRateJudge| serde_json::to_string(&judge.state()).expect("a state is plain data");
        prop_assert_eq!(text(&straight), text(&restarted));
        let evidence = |judge: &ErrorRateJudge| judge.evidence(Duration::from_secs(1)).log_harm.to_bits();
        prop_assert_eq!(evidence(&straight), evidence(&restarted));
    }
}
