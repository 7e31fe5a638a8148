//! The promises for latencies and gauges, counted out on simulated rollouts. Seeds are fixed; the numbers are the same
//! at each run.

use std::time::Duration;

use siskin::characterize::Stream;
use siskin::judge::classical::distribution::normal_cdf;
use siskin::judge::gauge::{GaugeSample, GaugeSamples};
use siskin::judge::latency::{HistogramSamples, LatencySettings, SeriesHistogram};
use siskin::judge::{
    GaugeJudge, GaugeSettings, Histogram, LatencyBaseline, LatencyHistory, LatencyJudge, Margin, SampleRatioState,
    StepWeight,
};

const STEP: StepWeight = StepWeight { weight: 10.0, final_weight: 50.0 };
/// The default buckets of Prometheus' client libraries, in seconds.
const EDGES: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// What the chance may be estimated as, at most, if the true one is `level`: four standard errors above.
fn at_most(level: f64, runs: u32) -> f64 {
    level + 4.0 * (level * (1.0 - level) / f64::from(runs)).sqrt()
}

/// A pod whose latencies are lognormal with the given median and a deviation of 0.8.
struct Pod {
    cumulative: [f64; EDGES.len() + 1],
}

impl Pod {
    fn new() -> Self {
        Self { cumulative: [0.0; EDGES.len() + 1] }
    }

    /// Serves requests of one look.
    fn serve(&mut self, stream: &mut Stream, requests: f64, median: f64) {
        let share = |edge: f64| normal_cdf((edge / median).ln() / 0.8);
        let (mut below, mut served) = (0.0, 0.0);
        for (index, cumulative) in self.cumulative.iter_mut().enumerate() {
            let share = EDGES.get(index).map_or(1.0, |edge| share(*edge));
            served += stream.poisson(requests * (share - below));
            below = share;
            *cumulative += served;
        }
    }

    fn histogram(&self) -> Histogram {
        let edges = EDGES.into_iter().chain([f64::INFINITY]);
        let cumulative: Vec<(f64, f64)> = edges.zip(self.cumulative).collect();
        Histogram::classic(&cumulative, None).expect("a histogram")
    }

    fn series(&self) -> Vec<SeriesHistogram> {
        vec![SeriesHistogram {
            series: String::new(),
            stratum: String::new(),
            histogram: self.histogram(),
            started_in_run: false,
            warming_up: false,
        }]
    }
}

/// What 100 looks of an ordinary stable version teach.
fn learned() -> LatencyBaseline {
    let (mut stream, mut stable, mut history) = (Stream::of(7, "history", 0), Pod::new(), LatencyHistory::default());
    for _ in 0..100 {
        stable.serve(&mut stream, 900.0, 0.1);
        history.push(&stable.series());
    }
    history.baseline().expect("a baseline")
}

/// The look at which harm is found, if it is. Each look has 100 canary and 900 stable requests; `medians` gives those
/// of the canary's and the stable version's latencies.
fn found_at(seed: u64, settings: &LatencySettings, looks: u32, medians: impl Fn(u32) -> (f64, f64)) -> Option<u32> {
    let mut stream = Stream::of(seed, "series", 0);
    let (mut canary, mut stable) = (Pod::new(), Pod::new());
    let mut judge = LatencyJudge::start(settings.clone(), STEP);
    (0..looks).find(|look| {
        let (canary_median, stable_median) = medians(*look);
        canary.serve(&mut stream, 100.0, canary_median);
        stable.serve(&mut stream, 900.0, stable_median);
        judge.look(&HistogramSamples { canary: Some(canary.series()), stable: Some(stable.series()) });
        judge.evidence(Duration::ZERO).is_harmful(settings.false_rollback)
    })
}

/// Without a dead zone "equal" is the edge of the claim, where the chance of a false alarm is largest.
fn on_the_edge() -> LatencySettings {
    LatencySettings {
        dead_zone: Margin { ratio: 1.0, absolute: 0.0 },
        false_rollback: 0.05,
        baseline: Some(learned()),
        ..Default::default()
    }
}

#[test]
fn an_equal_latency_is_called_harmful_no_more_often_than_promised() {
    let (runs, settings) = (60, on_the_edge());
    let found = (0..runs).filter(|seed| found_at(u64::from(*seed), &settings, 60, |_| (0.1, 0.1)).is_some());
    let share = found.count() as f64 / f64::from(runs);
    println!("false alarms of a latency at 0.05 on the edge: {share}");
    assert!(share <= at_most(0.05, runs), "{share}");
}

#[test]
fn a_slow_spell_of_both_versions_is_called_harmful_no_more_often() {
    let (runs, settings) = (60, on_the_edge());
    let incident = |look: u32| if (20..40).contains(&look) { (0.3, 0.3) } else { (0.1, 0.1) };
    let found = (0..runs).filter(|seed| found_at(u64::from(*seed), &settings, 60, incident).is_some());
    let share = found.count() as f64 / f64::from(runs);
    println!("false alarms of a latency at 0.05 with an incident: {share}");
    assert!(share <= at_most(0.05, runs), "{share}");
}

#[test]
fn a_canary_that_is_slower_by_half_is_found_within_a_few_looks() {
    for (baseline, most) in [(Some(learned()), 5), (None, 20)] {
        let known = if baseline.is_some() { "with" } else { "without" };
        let settings = LatencySettings { baseline, ..LatencySettings::default() };
        let mut found: Vec<u32> =
            (0..21).map(|seed| found_at(seed, &settings, 100, |_| (0.15, 0.1)).unwrap_or(100)).collect();
        found.sort_unstable();
        println!("looks until +50 % is found {known} a history: median {}, slowest {}", found[10], found[20]);
        assert!(found[10] <= most, "{found:?}");
    }
}

#[test]
fn a_steady_history_gives_a_dispersion_near_one_and_no_guard() {
    let baseline = learned();
    println!("{baseline:?}");
    let edges = baseline.edges;
    assert!(!baseline.guarded && edges.iter().all(|edge| edge.dispersion < 1.5), "{edges:?}");
    assert_eq!(edges.iter().map(|edge| edge.edge).collect::<Vec<_>>(), [0.1, 0.25, 0.5, 1.0]);
}

/// Values of pods that differ from each other by 3 %, and wander with a memory of some ten looks.
struct Fleet {
    pods: Vec<(f64, f64)>,
}

impl Fleet {
    fn new(stream: &mut Stream, pods: u32) -> Self {
        Self { pods: (0..pods).map(|_| (0.03 * stream.normal(), 0.05 * stream.normal())).collect() }
    }

    fn look(&mut self, stream: &mut Stream, level: f64) -> Vec<GaugeSample> {
        let look = self.pods.iter_mut().enumerate().map(|(index, (own, wander))| {
            *wander = 0.9 * *wander + 0.05 * (1.0f64 - 0.81).sqrt() * stream.normal();
            GaugeSample { pod: index.to_string(), value: level * (*own + *wander).exp(), warming_up: false }
        });
        look.collect()
    }
}

fn gauge_found_at(seed: u64, settings: GaugeSettings, looks: u32, level: f64, canary: f64) -> Option<u32> {
    let mut stream = Stream::of(seed, "series", 0);
    let (mut canaries, mut stables) = (Fleet::new(&mut stream, 5), Fleet::new(&mut stream, 5));
    let mut judge = GaugeJudge::start(settings, STEP);
    (0..looks).find(|_| {
        let (canary, stable) = (canaries.look(&mut stream, canary), stables.look(&mut stream, 100.0));
        judge.look(&GaugeSamples { canary: Some(canary), stable: Some(stable) });
        judge.evidence(Duration::ZERO).is_harmful(level)
    })
}

#[test]
fn equal_gauges_are_called_harmful_no_more_often_than_promised() {
    let runs = 60;
    let settings = GaugeSettings { dead_zone: Margin { ratio: 1.0, absolute: 0.0 }, ..GaugeSettings::default() };
    let found = (0..runs).filter(|seed| gauge_found_at(u64::from(*seed), settings, 240, 0.05, 100.0).is_some());
    let share = found.count() as f64 / f64::from(runs);
    println!("false alarms of a gauge at 0.05 without a margin: {share}");
    assert!(share <= at_most(0.05, runs), "{share}");
}

#[test]
fn a_gauge_that_is_higher_by_half_is_found_within_ten_minutes() {
    let mut found: Vec<u32> =
        (0..31).map(|seed| gauge_found_at(seed, GaugeSettings::default(), 240, 0.05, 150.0).unwrap_or(240)).collect();
    found.sort_unstable();
    println!("looks until a gauge of +50 % is found: median {}, slowest {}", found[15], found[30]);
    assert!(found[15] <= 60, "{found:?}");
}

#[test]
fn a_split_as_planned_is_called_wrong_no_more_often_than_promised() {
    let runs = 1000;
    let found = (0..runs).filter(|seed| {
        let mut stream = Stream::of(u64::from(*seed), "split", 0);
        let mut state = SampleRatioState::default();
        state.new_step();
        (0..100).any(|_| {
            state.look(stream.poisson(100.0), stream.poisson(900.0));
            state.compare(0.1).is_some_and(|ratio| ratio.log_evidence >= ratio.log_threshold)
        })
    });
    let share = found.count() as f64 / f64::from(runs);
    println!("false alarms of the split at 0.0005: {share}");
    assert!(share <= at_most(0.001, runs), "{share}");
}
