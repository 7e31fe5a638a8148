//! The promises of the judge, counted out on simulated rollouts: how often a harmless release is rolled back, how often
//! a harmful one passes, how soon a bad one is found. Seeds are fixed; the numbers are the same at each run.

use std::time::Duration;

use siskin::characterize::Stream;
use siskin::judge::interval::{REPORT_LEVEL, rate_interval};
use siskin::judge::{
    CountBaseline, Counts, DifferenceSums, ErrorRateJudge, ErrorRateSettings, Look, Margin, MetricEvidence, MetricLook,
    OnTimeout, RatioDesign, RatioProcess, StepClock, StepWeight, Verdict, decide, log_threshold,
};

const STEP: StepWeight = StepWeight { weight: 10.0, final_weight: 50.0 };

/// Events of the given mean in clusters whose sizes are geometric, of mean `size`.
fn clusters(stream: &mut Stream, mean: f64, size: f64) -> f64 {
    (0..stream.number(mean / size)).map(|_| stream.cluster(size)).sum()
}

/// What is counted of so many requests at these rates.
fn counted(stream: &mut Stream, canary: f64, stable: f64, canary_rate: f64, stable_rate: f64) -> Counts {
    Counts {
        canary_requests: canary,
        stable_requests: stable,
        canary_errors: stream.poisson(canary * canary_rate),
        stable_errors: stream.poisson(stable * stable_rate),
    }
}

/// What the chance may be estimated as, at most, if the true one is `level`: four standard errors above.
fn at_most(level: f64, runs: u32) -> f64 {
    level + 4.0 * (level * (1.0 - level) / f64::from(runs)).sqrt()
}

/// The share of runs in which a process ever reaches `ln(1 / level)`.
fn share_reaching(
    level: f64,
    runs: u32,
    design: RatioDesign,
    mut run: impl FnMut(&mut Stream, usize) -> Counts,
) -> f64 {
    let mut reached = 0u32;
    for seed in 0..runs {
        let mut stream = Stream::of(u64::from(seed), "promises", 0);
        let mut process = RatioProcess::new(design);
        let ever = (0..300).any(|look| {
            process.update(&run(&mut stream, look));
            process.log_evidence() >= log_threshold(level)
        });
        reached += u32::from(ever);
    }
    f64::from(reached) / f64::from(runs)
}

#[test]
fn a_release_on_the_edge_of_the_dead_zone_is_rolled_back_no_more_often_than_promised() {
    let margin = Margin::ERROR_RATE_DEAD_ZONE;
    let share = share_reaching(0.05, 500, RatioDesign::harm(margin, 1.0), |stream, _| {
        counted(stream, 100.0, 900.0, margin.ratio * 0.005 + margin.absolute, 0.005)
    });
    println!("false rollbacks at 0.05 on the boundary: {share}");
    assert!(share <= at_most(0.05, 500), "{share}");
}

#[test]
fn an_incident_in_both_arms_during_a_ramp_of_weights_rolls_back_no_more_often() {
    let margin = Margin::ERROR_RATE_DEAD_ZONE;
    let share = share_reaching(0.05, 500, RatioDesign::harm(margin, 1.0), |stream, look| {
        let stable_rate = if (100..160).contains(&look) { 0.2 } else { 0.002 + 0.00005 * look as f64 };
        let canary = 50.0 + 1.5 * look as f64;
        counted(stream, canary, 1000.0 - canary, margin.ratio * stable_rate + margin.absolute, stable_rate)
    });
    println!("false rollbacks at 0.05 with incident and ramp: {share}");
    assert!(share <= at_most(0.05, 500), "{share}");
}

#[test]
fn a_release_at_the_margin_passes_a_step_no_more_often_than_promised() {
    let margin = Margin::ERROR_RATE_LIMIT.graduated(StepWeight { weight: 10.0, final_weight: 50.0 });
    let share = share_reaching(0.05, 500, RatioDesign::safe(margin, 1.0), |stream, _| {
        counted(stream, 100.0, 900.0, margin.ratio * 0.005 + margin.absolute, 0.005)
    });
    println!("passes at 0.05 at the margin: {share}");
    assert!(share <= at_most(0.05, 500), "{share}");
}

/// Seconds until a rollback with a look every second: median and slowest of 101 runs.
fn seconds_until_rollback(settings: &ErrorRateSettings, canary_rate: f64, stable_rate: f64) -> (u64, u64) {
    let step = StepWeight { weight: 10.0, final_weight: 50.0 };
    let mut found: Vec<u64> = (0..101)
        .map(|seed| {
            let mut stream = Stream::of(seed, "promises", 0);
            let mut judge = ErrorRateJudge::start(*settings, step);
            (1..600)
                .find(|second| {
                    judge.update(&counted(&mut stream, 10.0, 90.0, canary_rate, stable_rate));
                    matches!(verdict(&judge, *second), Verdict::Rollback(_))
                })
                .expect("found within ten minutes")
        })
        .collect();
    found.sort_unstable();
    (found[50], found[100])
}

fn poisson() -> ErrorRateSettings {
    ErrorRateSettings { baseline: Some(CountBaseline::of_dispersion(1.0)), ..ErrorRateSettings::default() }
}

#[test]
fn twenty_percent_errors_at_ten_percent_weight_are_found_within_five_seconds() {
    let (median, slowest) = seconds_until_rollback(&poisson(), 0.2, 0.005);
    println!("seconds until a rollback: median {median}, slowest {slowest}");
    assert!(median <= 5, "{median}");
}

#[test]
fn of_a_service_without_history_they_are_found_within_eight_looks() {
    for stable_rate in [0.0, 0.005] {
        let (median, slowest) = seconds_until_rollback(&ErrorRateSettings::default(), 0.2, stable_rate);
        println!("looks until a rollback against {stable_rate}: median {median}, slowest {slowest}");
        assert!(median <= 8, "{stable_rate}: {median}");
    }
}

#[test]
fn a_service_without_history_whose_errors_come_in_clusters_is_rolled_back_no_more_often_than_promised() {
    for size in [3.0, 10.0] {
        let runs = 400u32;
        let rolled_back = (0..runs).filter(|&seed| {
            let mut stream = Stream::of(u64::from(seed), "promises", 0);
            let mut judge = ErrorRateJudge::start(ErrorRateSettings::default(), STEP);
            (0..360).any(|_| {
                judge.update(&Counts {
                    canary_requests: 100.0,
                    stable_requests: 900.0,
                    canary_errors: clusters(&mut stream, 0.5, size),
                    stable_errors: clusters(&mut stream, 4.5, size),
                });
                judge.evidence(Duration::ZERO).is_harmful(0.05)
            })
        });
        let share = rolled_back.count() as f64 / f64::from(runs);
        println!("false rollbacks at 0.05, clusters of {size}: {share}");
        assert!(share <= at_most(0.05, runs), "{size}: {share}");
    }
}

#[test]
fn an_equal_release_is_safe_in_about_the_time_that_was_measured_for_the_method() {
    let step = StepWeight { weight: 50.0, final_weight: 50.0 };
    let mut passed: Vec<u64> = (0..51)
        .map(|seed| {
            let mut stream = Stream::of(seed, "promises", 0);
            let mut judge = ErrorRateJudge::start(poisson(), step);
            (1..240)
                .map(|look| look * 10)
                .find(|second| {
                    judge.update(&counted(&mut stream, 500.0, 500.0, 0.005, 0.005));
                    matches!(verdict(&judge, *second), Verdict::Advance { .. })
                })
                .unwrap_or(2400)
        })
        .collect();
    passed.sort_unstable();
    println!("seconds until safe: median {}", passed[25]);
    assert!((120..=250).contains(&passed[25]), "{passed:?}");
}

#[test]
fn the_interval_of_a_rate_keeps_the_truth_at_every_look() {
    let runs = 200;
    let missed = (0..runs).filter(|&seed| {
        let mut stream = Stream::of(u64::from(seed), "promises", 0);
        let (mut requests, mut errors) = (0.0, 0.0);
        (0..60).any(|look| {
            let more = 20.0 * f64::from(look + 1);
            requests += more;
            errors += stream.poisson(more * 0.01).min(more);
            let interval = rate_interval(errors, requests, REPORT_LEVEL);
            !(interval.low..=interval.high).contains(&0.01)
        })
    });
    let share = missed.count() as f64 / f64::from(runs);
    println!("rate outside of its interval at some look: {share}");
    assert!(share <= at_most(REPORT_LEVEL, runs), "{share}");
}

#[test]
fn the_interval_of_the_difference_keeps_the_truth_at_every_look() {
    let runs = 500;
    let missed = (0..runs).filter(|&seed| {
        let mut stream = Stream::of(u64::from(seed), "promises", 0);
        let mut sums = DifferenceSums::default();
        (0..300).any(|_| {
            sums.update(&counted(&mut stream, 100.0, 900.0, 0.03, 0.02));
            sums.interval(REPORT_LEVEL).is_some_and(|interval| !(interval.low..=interval.high).contains(&0.01))
        })
    });
    let share = missed.count() as f64 / f64::from(runs);
    println!("difference outside of its interval at some look: {share}");
    assert!(share <= at_most(REPORT_LEVEL, runs), "{share}");
}

fn verdict(judge: &ErrorRateJudge, second: u64) -> Verdict {
    let elapsed = Duration::from_secs(second);
    let evidence = MetricEvidence::Counts(judge.evidence(elapsed));
    let metric = MetricLook { name: "error rate".into(), weight: 1.0, critical: true, evidence, missing: None };
    let clock = StepClock { elapsed, min: Duration::from_mins(2), max: Duration::from_hours(2) };
    let on_timeout = OnTimeout::Pause;
    decide(&Look { metrics: vec![metric], limits: vec![], clock, on_timeout, false_rollback: 0.01 }).verdict
}
