//! What judging costs: one update of one process, one tick of a whole error rate, and a round of ten thousand rollouts
//! with twelve processes each. `cargo bench --bench judge`. The bounds are 2 microseconds for an update and 250
//! milliseconds on one core for the round.
//!
//! On two cores that did nothing else, medians: 0.87 microseconds for an update for harm, 0.58 for safety, 0.12 for share
//! betting, 65 milliseconds for the round. On a machine that does other things at the same time the processor time
//! counts, and not the clock.

use divan::{Bencher, black_box};
use siskin::judge::{
    CountBaseline, CountHistory, Counts, ErrorRateJudge, ErrorRateSettings, Margin, PodCounts, RatioDesign,
    RatioProcess, ShareProcess, StepWeight, Tick,
};

const COUNTS: Counts =
    Counts { canary_requests: 100.0, stable_requests: 900.0, canary_errors: 1.0, stable_errors: 4.0 };
const STEP: StepWeight = StepWeight { weight: 10.0, final_weight: 50.0 };

fn main() {
    divan::main();
}

#[divan::bench]
fn one_update_of_evidence_for_harm(bencher: Bencher) {
    let mut process = RatioProcess::new(RatioDesign::harm(Margin::ERROR_RATE_DEAD_ZONE, 1.0));
    bencher.bench_local(|| {
        process.update(black_box(&COUNTS));
        process.log_evidence()
    });
}

#[divan::bench]
fn one_update_of_evidence_for_safety(bencher: Bencher) {
    let mut process = RatioProcess::new(RatioDesign::safe(Margin::ERROR_RATE_LIMIT, 1.0));
    bencher.bench_local(|| {
        process.update(black_box(&COUNTS));
        process.log_evidence()
    });
}

#[divan::bench]
fn one_update_of_share_betting(bencher: Bencher) {
    let mut process = ShareProcess::new(1.05, 2);
    bencher.bench_local(|| {
        process.update(black_box(&COUNTS));
        process.log_evidence()
    });
}

#[divan::bench(sample_count = 20)]
fn ten_thousand_rollouts_with_twelve_processes(bencher: Bencher) {
    let harm = RatioProcess::new(RatioDesign::harm(Margin::ERROR_RATE_DEAD_ZONE, 1.0));
    let safe = RatioProcess::new(RatioDesign::safe(Margin::ERROR_RATE_LIMIT, 1.0));
    let mut rollouts = vec![[harm, harm, harm, harm, harm, harm, safe, safe, safe, safe, safe, safe]; 10_000];
    bencher.bench_local(|| {
        let mut harmed = 0u32;
        for process in rollouts.iter_mut().flatten() {
            process.update(black_box(&COUNTS));
            harmed += u32::from(process.log_evidence() >= 4.6);
        }
        harmed
    });
}

/// Two canary pods and eighteen stable ones, capped, with all that a report needs.
#[divan::bench]
fn one_tick_of_an_error_rate_with_twenty_pods(bencher: Bencher) {
    let pods = |count: u32, events: f64| -> Vec<PodCounts> {
        let pod = |pod: u32| PodCounts { pod: format!("web-{pod}"), stratum: String::new(), requests: 50.0, events };
        (0..count).map(pod).collect()
    };
    let mut history = CountHistory::default();
    for tick in 0..720 {
        history.push(&pods(18, f64::from(tick % 7 / 6) + if tick % 100 == 0 { 9.0 } else { 0.0 }));
    }
    let baseline: Option<CountBaseline> = history.baseline(Margin::ERROR_RATE_LIMIT);
    let mut judge = ErrorRateJudge::start(ErrorRateSettings { baseline, ..ErrorRateSettings::default() }, STEP);
    let tick = Tick { canary: pods(2, 0.0), stable: pods(18, 0.0), seconds: None };
    bencher.bench_local(|| {
        judge.update_pods(black_box(&tick));
    });
}
