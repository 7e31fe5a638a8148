//! What the stable version did before the analysis: how much its counts vary, where a pod's bursts are capped, which
//! edges of a latency are looked at. Asked for before the first look, so that evidence can't depend on the choice; what
//! is asked later, of the stable version alone, can only make the judge more careful.
//! Without an answer the analysis goes on, with a second opinion on whatever speaks against the canary.

use std::{collections::BTreeMap, time::Duration};

use jiff::SignedDuration;

use super::Metric;
use crate::{
    api::{AnalysisState, Kind, MetricBaseline},
    judge::{CountBaseline, CountHistory, LatencyHistory, PodCounts, counters::difference, latency::SeriesHistogram},
    measure::{
        Arm, Counters, HistogramSample, Measurement, MetricOutcome, MetricQuery, PerArm, Sample, Window, pod_of,
        stratum_of,
    },
    model::Timestamp,
};

/// How far back history reaches.
const WINDOW: SignedDuration = SignedDuration::from_hours(6);
/// The time between two ticks: finer ones would only be more to ask for, where the stable version is old enough.
const STEP: Duration = Duration::from_secs(15);
/// A version that is younger than so many of them is asked about in finer ticks,
const YOUNG: u32 = 32;
/// down to this: what is younger than half a minute has not shown what is usual of it.
const LEAST_STEP: Duration = Duration::from_secs(2);

/// How long what was learned counts. A service that has grown wilder since makes evidence harder to get; one that has
/// become calmer changes nothing.
const REFRESH: SignedDuration = SignedDuration::from_hours(1);

/// Whether history is to be asked for: before the first look, and every hour after.
pub fn due(state: &AnalysisState, now: Timestamp) -> bool {
    let last = state.refreshed_at.as_ref().or(state.learned_at.as_ref());
    last.is_none_or(|last| now.duration_since(last.0) >= REFRESH)
}

/// What to ask about the time before an analysis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRequest {
    /// The queries of the metrics that learn from history.
    pub metrics: Vec<MetricQuery>,
    /// The ticks.
    pub window: Window,
    /// The end of them as it was given.
    before: Timestamp,
    /// The time between two looks of the analysis.
    interval: Duration,
}

impl HistoryRequest {
    /// What is told by `ask`. Where the stable version turns out to be younger than was known, finer ticks are asked for:
    /// who compares two sets of labels by hand does not say how old the pods are.
    pub async fn told<F>(self, ask: impl Fn(Self) -> F) -> Vec<Measurement>
    where
        F: Future<Output = Vec<Measurement>>,
    {
        let known = ask(self.clone()).await;
        match self.finer(&known) {
            Some(finer) => ask(finer).await,
            None => known,
        }
    }

    /// What to ask again, where the first series began so late that their ticks are too few to learn from.
    fn finer(&self, known: &[Measurement]) -> Option<Self> {
        let first = known.iter().find(|tick| tells(std::slice::from_ref(tick)))?;
        // They began after the tick before.
        let since = first.at.checked_sub(SignedDuration::try_from(self.window.step()).ok()?).ok()?;
        let window = window(Some(since), self.before, self.interval)?;
        (window.step() < self.window.step()).then(|| Self { window, ..self.clone() })
    }
}

/// Whether there is anything in a history.
pub(super) fn tells(history: &[Measurement]) -> bool {
    history.iter().any(|tick| tick.metrics.iter().any(|(_, outcome)| knows_stable(outcome)))
}

fn knows_stable(outcome: &MetricOutcome) -> bool {
    match outcome {
        MetricOutcome::Counters(arms) => arms.stable.is_ok(),
        MetricOutcome::Histograms(arms) => arms.stable.is_ok(),
        MetricOutcome::Gauges(_) | MetricOutcome::Value(_) => false,
    }
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
    /// Variance of the events relative to Poisson, as evidence for harm takes it.
    pub dispersion: f64,
}

/// What history told of one metric.
pub(super) struct Learned {
    pub(super) baseline: MetricBaseline,
    /// The same for the judge of counts.
    pub(super) counts: Option<CountBaseline>,
    /// Requests per second, events as a share of them.
    rates: Option<(f64, f64)>,
}

impl Learned {
    pub(super) fn usual(&self, metric: &Metric) -> Option<Usual> {
        let (requests_per_second, rate) = self.rates?;
        let dispersion = self.counts?.tempering();
        Some(Usual { metric: metric.name.clone(), requests_per_second, rate, dispersion })
    }
}

/// What to ask about the time before an analysis that looks at this interval; nothing where no metric learns from it.
/// `since` is when the stable version came to be, where that is known.
pub fn history(
    metrics: &[Metric],
    arms: &PerArm<Arm>,
    since: Option<Timestamp>,
    before: Timestamp,
    interval: Duration,
) -> Option<HistoryRequest> {
    let learns =
        |metric: &&Metric| matches!(metric.spec.kind(), Some(Kind::ErrorRate(_) | Kind::Rate(_) | Kind::Latency(_)));
    let learning: Vec<Metric> = metrics.iter().filter(learns).cloned().collect();
    // The canary has no past. Both arms are asked as the stable version, which is one query.
    let stable = PerArm { stable: arms.stable.clone(), canary: arms.stable.clone() };
    let metrics = super::render(&learning, &stable);
    let window = window(since, before, interval)?;
    (!metrics.is_empty()).then_some(HistoryRequest { metrics, window, before, interval })
}

/// The last six hours, or the life of a version that is younger. Its ticks are shorter then, so that there are enough of
/// them to tell what is usual from chance.
fn window(since: Option<Timestamp>, before: Timestamp, interval: Duration) -> Option<Window> {
    let from = before.checked_sub(WINDOW).ok()?;
    let from = since.map_or(from, |since| from.max(since));
    let age = Duration::try_from(before.duration_since(from)).ok()?;
    // Whole seconds: what a range query takes everywhere.
    let fine = Duration::from_secs((age / YOUNG).as_secs());
    let usual = interval.max(STEP);
    Window::new(from, before, fine.clamp(LEAST_STEP.min(usual), usual)).ok()
}

/// What is usual of one metric that counts, as its history tells; nothing where there is too little of it.
pub fn usual(metric: &Metric, history: &[Measurement]) -> Option<Usual> {
    learn(metric, history)?.usual(metric)
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
        return Some(Learned { baseline, counts: None, rates: None });
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
    let counts = CountBaseline { seconds: Some(counted.seconds), ..counts };
    let baseline = MetricBaseline { name: metric.name.clone(), baseline: super::watch::text(&counts) };
    Some(Learned { baseline, counts: Some(counts), rates: counted.rates() })
}

/// Counters of the past, tick by tick.
#[derive(Default)]
struct Counted {
    history: CountHistory,
    /// Requests and events as last seen, by series; the flag tells events.
    bases: BTreeMap<(bool, String), f64>,
    /// The last tick that went into the history, or the first one after a gap.
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
        if first {
            self.last = Some(at);
            return;
        }
        // Where ticks are shorter than the time between two scrapes, a later tick has what this one misses.
        let pods: Vec<PodCounts> = pods.into_values().filter(|pod| pod.requests > 0.0 || pod.events > 0.0).collect();
        if pods.is_empty() {
            return;
        }
        let last = self.last.replace(at);
        self.seconds += last.map_or(0.0, |last| at.duration_since(last).as_secs_f64());
        self.requests += pods.iter().map(|pod| pod.requests).sum::<f64>();
        self.events += pods.iter().map(|pod| pod.events).sum::<f64>();
        self.history.push(&pods);
    }

    fn rates(&self) -> Option<(f64, f64)> {
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
