//! What the stable version did before the analysis: how much its counts vary, where a pod's bursts are capped, which
//! edges of a latency are looked at. Asked for once, before the first look, so that evidence can't depend on the choice.
//! Without an answer the analysis goes on, with a second opinion on whatever speaks against the canary.

use std::{collections::BTreeMap, time::Duration};

use jiff::SignedDuration;

use super::Metric;
use crate::{
    api::{Kind, MetricBaseline},
    judge::{CountBaseline, CountHistory, LatencyHistory, PodCounts, counters::difference, latency::SeriesHistogram},
    measure::{
        Arm, Counters, HistogramSample, Measurement, MetricOutcome, MetricQuery, PerArm, Sample, Window, pod_of,
        stratum_of,
    },
    model::Timestamp,
};

/// How far back history reaches.
const WINDOW: SignedDuration = SignedDuration::from_hours(6);
/// The time between two ticks at the least: finer ticks would only be more to ask for.
const LEAST_STEP: Duration = Duration::from_secs(15);

/// What to ask about the time before an analysis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRequest {
    /// The queries of the metrics that learn from history.
    pub metrics: Vec<MetricQuery>,
    /// The ticks.
    pub window: Window,
}

/// What is usual of a metric that counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Usual {
    /// `template/metric`.
    pub metric: String,
    /// Requests per second of the stable version.
    pub requests_per_second: f64,
    /// Events as a share of them.
    pub rate: f64,
    /// Variance of the events relative to Poisson.
    pub dispersion: f64,
}

/// What history told of one metric.
pub(super) struct Learned {
    pub(super) baseline: MetricBaseline,
    /// The same for the judge of counts, which may have begun already.
    pub(super) counts: Option<CountBaseline>,
    /// Requests per second, events as a share of them.
    pub(super) usual: Option<(f64, f64)>,
}

/// What to ask about the time before an analysis that looks at this interval; nothing where no metric learns from it.
pub fn history(
    metrics: &[Metric],
    arms: &PerArm<Arm>,
    before: Timestamp,
    interval: Duration,
) -> Option<HistoryRequest> {
    let learns =
        |metric: &&Metric| matches!(metric.spec.kind(), Some(Kind::ErrorRate(_) | Kind::Rate(_) | Kind::Latency(_)));
    let learning: Vec<Metric> = metrics.iter().filter(learns).cloned().collect();
    // The canary has no past. Both arms are asked as the stable version, which is one query.
    let stable = PerArm { stable: arms.stable.clone(), canary: arms.stable.clone() };
    let metrics = super::render(&learning, &stable);
    let window = Window::new(before.checked_sub(WINDOW).ok()?, before, interval.max(LEAST_STEP)).ok()?;
    (!metrics.is_empty()).then_some(HistoryRequest { metrics, window })
}

/// What history tells of one metric; nothing where there is too little of it.
pub(super) fn learn(metric: &Metric, history: &[Measurement]) -> Option<Learned> {
    let outcomes = history.iter().map(|tick| {
        let found = tick.metrics.iter().find(|(name, _)| *name == metric.name);
        (tick.at, found.map(|(_, outcome)| outcome))
    });
    if matches!(metric.spec.kind(), Some(Kind::Latency(_))) {
        let mut history = LatencyHistory::default();
        for (_, outcome) in outcomes {
            if let Some(MetricOutcome::Histograms(PerArm { stable: Ok(samples), .. })) = outcome {
                history.push(&of_histograms(metric, samples));
            }
        }
        let baseline = super::watch::text(&history.baseline()?);
        let baseline = MetricBaseline { name: metric.name.clone(), baseline };
        return Some(Learned { baseline, counts: None, usual: None });
    }
    let mut counted = Counted::default();
    for (at, outcome) in outcomes {
        match outcome {
            Some(MetricOutcome::Counters(PerArm { stable: Ok(counters), .. })) => counted.push(metric, at, counters),
            // What comes after a gap is of more than one tick.
            _ => counted.bases.clear(),
        }
    }
    let counts = counted.history.baseline(metric.margins()[1])?;
    let baseline = MetricBaseline { name: metric.name.clone(), baseline: super::watch::text(&counts) };
    Some(Learned { baseline, counts: Some(counts), usual: counted.usual() })
}

/// Counters of the past, tick by tick.
#[derive(Default)]
struct Counted {
    history: CountHistory,
    /// Requests and events as last seen, by series; the flag tells events.
    bases: BTreeMap<(bool, String), f64>,
    last: Option<Timestamp>,
    seconds: f64,
    requests: f64,
    events: f64,
}

impl Counted {
    fn push(&mut self, metric: &Metric, at: Timestamp, counters: &Counters<Vec<Sample>>) {
        let first = self.bases.is_empty();
        let mut pods: BTreeMap<(String, String), PodCounts> = BTreeMap::new();
        let mut bases = BTreeMap::new();
        for (is_event, samples) in [(false, &counters.requests), (true, &counters.events)] {
            for sample in samples.iter().filter(|sample| sample.value.is_finite() && sample.value >= 0.0) {
                let pod = pod_of(&sample.labels, metric.spec.pod.as_deref()).to_owned();
                let stratum = stratum_of(&sample.labels, &metric.spec.by);
                let key = (is_event, sample.series.to_string());
                // A counter of events comes to be with the first event of a source that was counted before.
                let begins = is_event && self.bases.contains_key(&(false, key.1.clone()));
                let base = self.bases.get(&key).copied().or(begins.then_some(0.0));
                bases.insert(key, sample.value);
                let Some(base) = base else { continue };
                let grown = difference(base, sample.value);
                let entry = pods.entry((stratum.clone(), pod.clone())).or_insert_with(|| PodCounts {
                    pod,
                    stratum,
                    ..PodCounts::default()
                });
                if is_event {
                    entry.events += grown;
                } else {
                    entry.requests += grown;
                }
            }
        }
        self.bases = bases;
        let last = self.last.replace(at);
        if first || pods.is_empty() {
            return;
        }
        let pods: Vec<PodCounts> = pods.into_values().collect();
        self.seconds += last.map_or(0.0, |last| at.duration_since(last).as_secs_f64());
        self.requests += pods.iter().map(|pod| pod.requests).sum::<f64>();
        self.events += pods.iter().map(|pod| pod.events).sum::<f64>();
        self.history.push(&pods);
    }

    fn usual(&self) -> Option<(f64, f64)> {
        let known = self.seconds > 0.0 && self.requests > 0.0;
        known.then(|| (self.requests / self.seconds, (self.events / self.requests).min(1.0)))
    }
}

fn of_histograms(metric: &Metric, samples: &[HistogramSample]) -> Vec<SeriesHistogram> {
    let of_series = |sample: &HistogramSample| SeriesHistogram {
        series: sample.series.to_string(),
        stratum: stratum_of(&sample.labels, &metric.spec.by),
        histogram: sample.histogram.clone(),
        started_in_run: true,
        warming_up: false,
    };
    samples.iter().map(of_series).collect()
}

#[cfg(test)]
mod tests;
