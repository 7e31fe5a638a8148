//! Prometheus: scrapes pods at an interval, misses some, is down at times, and answers with the counters that it has.

use std::collections::BTreeMap;

use super::{clock::Millis, pods::Pod, random::Random};
use crate::{
    analysis::HistoryRequest,
    measure::{ArmCounters, Counters, Gap, MeasureRequest, Measurement, MetricOutcome, PerArm, Queries, Sample},
    model::{POD_TEMPLATE_HASH, Timestamp},
};

/// How many ticks of the past it tells: an hour of them, which is enough to be believed.
const TICKS_OF_HISTORY: usize = 242;
/// Requests of one pod in one of them.
const REQUESTS_OF_A_TICK: f64 = 20_000.0;

/// A Prometheus and what it has scraped.
#[derive(Debug)]
pub struct Prometheus {
    /// Whether it answers.
    pub up: bool,
    /// The time between two scrapes.
    pub interval: Millis,
    /// The chance that a scrape of one pod fails.
    pub missed: f64,
    due: Millis,
    series: BTreeMap<String, Series>,
}

/// What was scraped of one pod.
#[derive(Clone, Debug)]
struct Series {
    revision: String,
    requests: f64,
    errors: f64,
}

impl Prometheus {
    /// One that is up and has scraped nothing.
    pub fn new(interval: Millis, missed: f64) -> Self {
        Self { up: true, interval, missed, due: 0, series: BTreeMap::new() }
    }

    /// When the next scrape is due.
    pub fn next(&self) -> Millis {
        self.due
    }

    /// Scrapes, if it is time to. A pod that is gone or did not answer has no current sample.
    pub fn scrape(&mut self, pods: &[Pod], random: &mut Random, now: Millis) {
        if now < self.due {
            return;
        }
        self.due = now + self.interval;
        if !self.up {
            return;
        }
        self.series.clear();
        for pod in pods.iter().filter(|pod| pod.serves(now)) {
            if !random.chance(self.missed) {
                let revision = pod.labels.get(POD_TEMPLATE_HASH).cloned().unwrap_or_default();
                let series = Series { revision, requests: pod.requests, errors: pod.errors };
                self.series.insert(pod.name.clone(), series);
            }
        }
    }

    /// Answers a look. Queries name the revision that they are about between quotes.
    pub fn answer(&self, request: &MeasureRequest) -> Measurement {
        let metrics = request.metrics.iter().map(|metric| {
            let outcome = match &metric.queries {
                Queries::Counters(arms) => MetricOutcome::Counters(PerArm {
                    stable: self.counters(&arms.stable.requests, request.at),
                    canary: self.counters(&arms.canary.requests, request.at),
                }),
                Queries::Histogram(arms) => {
                    MetricOutcome::Histograms(arms.as_ref().map(|query| Err(Gap::NoSeries(query.clone()))))
                }
                Queries::Gauge(arms) => {
                    MetricOutcome::Gauges(arms.as_ref().map(|query| Err(Gap::NoSeries(query.clone()))))
                }
                Queries::Threshold(query) => MetricOutcome::Value(Err(Gap::NoSeries(query.clone()))),
            };
            (metric.name.clone(), outcome)
        });
        Measurement { at: request.at, metrics: metrics.collect(), queries: Vec::new(), spared: 0 }
    }

    /// Tells the past of the pods that it knows: as steady as their whole life so far.
    pub fn history(&self, request: &HistoryRequest) -> Vec<Measurement> {
        if !self.up {
            return Vec::new();
        }
        let ticks: Vec<Timestamp> = request.window.ticks().collect();
        let last = &ticks[ticks.len().saturating_sub(TICKS_OF_HISTORY)..];
        let look = |(tick, at): (usize, &Timestamp)| {
            let metrics = request.metrics.iter().filter_map(|metric| {
                let Queries::Counters(arms) = &metric.queries else { return None };
                let past = |arm: &Counters<String>| self.past(&arm.requests, tick, *at);
                Some((metric.name.clone(), MetricOutcome::Counters(arms.as_ref().map(past))))
            });
            Measurement { at: *at, metrics: metrics.collect(), queries: Vec::new(), spared: 0 }
        };
        last.iter().enumerate().map(look).collect()
    }

    fn past(&self, query: &str, tick: usize, at: Timestamp) -> ArmCounters {
        let mut counters = self.counters(query, at)?;
        let rates: BTreeMap<_, _> = counters
            .requests
            .iter()
            .map(|sample| {
                let errors = counters.events.iter().find(|errors| errors.series == sample.series);
                let rate = errors.map_or(0.0, |errors| errors.value / sample.value.max(1.0));
                (sample.series.clone(), rate)
            })
            .collect();
        let requests = tick as f64 * REQUESTS_OF_A_TICK;
        for sample in &mut counters.requests {
            sample.value = requests;
        }
        for sample in &mut counters.events {
            sample.value = (requests * rates.get(&sample.series).copied().unwrap_or(0.0)).floor();
        }
        Ok(counters)
    }

    fn counters(&self, query: &str, at: Timestamp) -> ArmCounters {
        if !self.up {
            return Err(Gap::ProviderDown("connection refused".to_owned()));
        }
        let revision = query.split('"').nth(1).unwrap_or_default();
        let mut counters: Counters<Vec<Sample>> = Counters::default();
        for (name, series) in self.series.iter().filter(|(_, series)| series.revision == revision) {
            let sample = |value| Sample::new([("pod".to_owned(), name.clone())].into(), value, at);
            counters.requests.push(sample(series.requests));
            // A counter of errors comes to be with the first error.
            counters.events.extend((series.errors > 0.0).then(|| sample(series.errors)));
        }
        if counters.requests.is_empty() { Err(Gap::NoSeries(query.to_owned())) } else { Ok(counters) }
    }
}
