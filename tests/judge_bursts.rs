//! A service whose pods fail now and then for half a minute, twenty pods, a tenth of the traffic on two canary pods: what
//! is learned from its history must neither take a burst for a regression nor hide a regression behind bursts. Seeds are
//! fixed; the numbers are the same at each run.

use siskin::characterize::Stream;
use siskin::judge::{CountHistory, ErrorRateJudge, ErrorRateSettings, PodCounts, StepWeight, Tick, log_threshold};

const SECONDS_PER_TICK: f64 = 10.0;
const REQUESTS_PER_POD: f64 = 50.0;
const RATE: f64 = 0.003;
/// What fails in a burst, how long it lasts, and how many a pod has in two hours.
const BURST_RATE: f64 = 0.3;
const BURST_TICKS: u32 = 3;
const BURSTS: f64 = 1.4;
const TWO_HOURS: usize = 720;
const STEP: StepWeight = StepWeight { weight: 10.0, final_weight: 10.0 };

/// Pods of one version, each with the ticks that are left of its burst.
struct Pods {
    names: Vec<String>,
    bursting: Vec<u32>,
    rate: f64,
}

impl Pods {
    fn new(version: &str, count: usize, rate: f64) -> Self {
        let names = (0..count).map(|pod| format!("{version}-{pod}")).collect();
        Self { names, bursting: vec![0; count], rate }
    }

    fn tick(&mut self, stream: &mut Stream) -> Vec<PodCounts> {
        let begins = BURSTS / TWO_HOURS as f64;
        self.names
            .iter()
            .zip(&mut self.bursting)
            .map(|(name, left)| {
                if *left == 0 && stream.uniform() < begins {
                    *left = BURST_TICKS;
                }
                let rate = if *left > 0 { BURST_RATE } else { self.rate };
                *left = left.saturating_sub(1);
                let events = stream.poisson(REQUESTS_PER_POD * rate);
                PodCounts { pod: name.clone(), stratum: String::new(), requests: REQUESTS_PER_POD, events }
            })
            .collect()
    }
}

/// The tick at which something is first true of a run of two hours, after six hours of history.
fn first_tick(seed: u64, canary_rate: f64, found: impl Fn(&ErrorRateJudge) -> bool) -> Option<usize> {
    let mut stream = Stream::of(seed, "bursts", 0);
    let mut before = Pods::new("stable", 20, RATE);
    let mut history = CountHistory::default();
    for _ in 0..3 * TWO_HOURS {
        history.push(&before.tick(&mut stream));
    }
    let settings = ErrorRateSettings::default();
    let baseline = history.baseline(settings.margin);
    let mut judge = ErrorRateJudge::start(ErrorRateSettings { baseline, ..settings }, STEP);
    let (mut canary, mut stable) = (Pods::new("canary", 2, canary_rate), Pods::new("stable", 18, RATE));
    (1..=TWO_HOURS).find(|_| {
        judge.update_pods(&Tick { canary: canary.tick(&mut stream), stable: stable.tick(&mut stream), seconds: None });
        found(&judge)
    })
}

fn median_seconds(canary_rate: f64, runs: u64, found: impl Fn(&ErrorRateJudge) -> bool) -> f64 {
    let mut ticks: Vec<usize> =
        (0..runs).map(|seed| first_tick(seed, canary_rate, &found).unwrap_or(usize::MAX / 2)).collect();
    ticks.sort_unstable();
    ticks[ticks.len() / 2] as f64 * SECONDS_PER_TICK
}

#[test]
fn bursts_of_pods_roll_back_no_more_often_than_promised() {
    let runs = 100u32;
    let count = (0..runs)
        .filter(|seed| first_tick(u64::from(*seed), RATE, |judge| judge.log_harm() >= log_threshold(0.05)).is_some());
    let share = count.count() as f64 / f64::from(runs);
    println!("false rollbacks at 0.05 under bursts: {share}");
    assert!(share <= 0.05 + 4.0 * (0.05f64 * 0.95 / f64::from(runs)).sqrt(), "{share}");
}

#[test]
fn four_times_the_errors_under_bursts_are_found_within_five_minutes() {
    let seconds = median_seconds(4.0 * RATE, 31, |judge| judge.log_harm() >= log_threshold(0.01));
    println!("seconds until fourfold errors are found under bursts: median {seconds}");
    assert!(seconds <= 300.0, "{seconds}");
}

#[test]
fn an_equal_version_of_a_bursty_service_is_safe_within_1000_seconds() {
    let seconds = median_seconds(RATE, 31, |judge| judge.log_safe() >= log_threshold(0.05));
    println!("seconds until an equal version is safe under bursts: median {seconds}");
    assert!(seconds <= 1000.0, "{seconds}");
}

#[test]
fn a_version_at_the_margin_of_a_bursty_service_passes_no_more_often_than_promised() {
    let settings = ErrorRateSettings::default();
    let rate = settings.margin.ratio * RATE + settings.margin.absolute;
    let runs = 60u32;
    let passed = (0..runs)
        .filter(|seed| first_tick(u64::from(*seed), rate, |judge| judge.log_safe() >= log_threshold(0.05)).is_some());
    let share = passed.count() as f64 / f64::from(runs);
    println!("passes at 0.05 at the margin under bursts: {share}");
    assert!(share <= 0.05 + 4.0 * (0.05f64 * 0.95 / f64::from(runs)).sqrt(), "{share}");
}
