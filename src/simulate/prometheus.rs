//! Prometheus: scrapes pods at an interval, misses some, is down at times, and answers with the counters that it has.

use std::collections::BTreeMap;

use super::{clock::Millis, pods::Pod, random::Random};
use crate::{
    measure::{ArmCounters, Counters, Gap, MeasureRequest, Measurement, MetricOutcome, PerArm, Queries, Sample},
    model::{POD_TEMPLATE_HASH, Timestamp},
};

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
