//! What one query gave, cut into the values of one tick after the other, and read as what its metric needs.

use std::sync::Arc;

use super::{
    answer::{Answer, Series, Value, shorten},
    histogram::Families,
    metric::{Counters, PerArm, Queries},
    outcome::{ArmCounters, Gap, HistogramSample, MetricOutcome, QueryOutcome, Sample},
};
use crate::model::Timestamp;

/// The answer to one query, read tick by tick.
pub(super) struct Source {
    query: String,
    series: Result<Arc<Vec<Series>>, Gap>,
    /// For each series the first point that has not been passed.
    next: Vec<usize>,
    families: Option<Families>,
}

impl Source {
    pub(super) fn new(query: &str, answer: Answer) -> Self {
        let next = answer.as_ref().map_or(0, Vec::len);
        Self { query: query.to_owned(), series: answer.map(Arc::new), next: vec![0; next], families: None }
    }

    /// Which series have a value at a tick, by index. Ticks come in the order of time.
    fn values<'a>(next: &mut [usize], series: &'a [Series], at: Timestamp) -> Vec<(usize, &'a Value)> {
        let mut values = Vec::with_capacity(series.len());
        for (index, (series, next)) in series.iter().zip(next).enumerate() {
            while series.points.get(*next).is_some_and(|(time, _)| *time < at) {
                *next += 1;
            }
            values.extend(series.points.get(*next).filter(|(time, _)| *time == at).map(|(_, value)| (index, value)));
        }
        values
    }

    /// The numbers at a tick.
    pub(super) fn numbers(&mut self, at: Timestamp) -> QueryOutcome {
        let series = self.series.clone()?;
        let number = |(index, value): (usize, &Value)| match value {
            Value::Number(value) => {
                let Series { labels, text, .. } = &series[index];
                Ok(Sample { series: Arc::clone(text), labels: Arc::clone(labels), value: *value, at })
            }
            Value::Native(_) => Err(Gap::WrongShape(
                "it gives native histograms; take a number from them, as by `histogram_count(..)`".to_owned(),
            )),
        };
        let samples: Vec<_> =
            Self::values(&mut self.next, &series, at).into_iter().map(number).collect::<Result<_, _>>()?;
        if samples.is_empty() { Err(self.nothing()) } else { Ok(samples) }
    }

    /// The histograms at a tick.
    pub(super) fn histograms(&mut self, at: Timestamp) -> Result<Vec<HistogramSample>, Gap> {
        let series = self.series.clone()?;
        let families = self.families.get_or_insert_with(|| Families::of(&series));
        let histograms = families.at(at, &Self::values(&mut self.next, &series, at))?;
        if histograms.is_empty() { Err(self.nothing()) } else { Ok(histograms) }
    }

    /// The gap of a query that finds nothing. It is shown in statuses, and a query may be longer than those should be.
    fn nothing(&self) -> Gap {
        Gap::NoSeries(shorten(&self.query))
    }

    /// The one number at a tick.
    pub(super) fn single(&mut self, at: Timestamp) -> Result<f64, Gap> {
        match self.numbers(at)?.as_slice() {
            [sample] if sample.value.is_finite() => Ok(sample.value),
            [sample] => Err(Gap::NotFinite(sample.value.to_string())),
            samples => Err(Gap::WrongShape(format!(
                "it gives {} series ({}, ..), and a threshold needs one",
                samples.len(),
                samples.iter().take(2).map(|sample| &*sample.series).collect::<Vec<_>>().join(", ")
            ))),
        }
    }
}

/// The answers to what one metric asks.
pub(super) enum Sources {
    Counters(Box<PerArm<Counters<Source>>>),
    Histogram(PerArm<Source>),
    Gauge(PerArm<Source>),
    Threshold(Source),
}

impl Sources {
    /// The sources of a metric, by what each query is answered with.
    pub(super) fn of(queries: &Queries, mut answer: impl FnMut(&str) -> Answer) -> Self {
        let mut source = |query: &String| Source::new(query, answer(query));
        match queries {
            Queries::Counters(arms) => {
                let counters =
                    |arm: &Counters<String>| Counters { requests: source(&arm.requests), events: source(&arm.events) };
                Self::Counters(Box::new(arms.as_ref().map(counters)))
            }
            Queries::Histogram(arms) => Self::Histogram(arms.as_ref().map(source)),
            Queries::Gauge(arms) => Self::Gauge(arms.as_ref().map(source)),
            Queries::Threshold(query) => Self::Threshold(source(query)),
        }
    }

    /// What the metric gave at a tick. Ticks come in the order of time.
    pub(super) fn at(&mut self, at: Timestamp) -> MetricOutcome {
        match self {
            Self::Counters(arms) => MetricOutcome::Counters(
                PerArm::as_mut(arms).map(|arm| counters(arm.requests.numbers(at), arm.events.numbers(at))),
            ),
            Self::Histogram(arms) => MetricOutcome::Histograms(arms.as_mut().map(|source| source.histograms(at))),
            Self::Gauge(arms) => MetricOutcome::Gauges(arms.as_mut().map(|source| source.numbers(at))),
            Self::Threshold(source) => MetricOutcome::Value(source.single(at)),
        }
    }
}

/// Puts the counters of one arm together. Where requests are counted, no series of events means that there was none
/// yet; series of which none is a number mean that nobody knows.
pub(super) fn counters(requests: QueryOutcome, events: QueryOutcome) -> ArmCounters {
    match (requests.and_then(countable), events.and_then(countable)) {
        (Ok(requests), Ok(events)) => Ok(Counters { requests, events }),
        (Ok(requests), Err(Gap::NoSeries(_))) => Ok(Counters { requests, events: Vec::new() }),
        (Err(one), Err(other)) if other.urgency() > one.urgency() => Err(other),
        (Err(gap), _) | (_, Err(gap)) => Err(gap),
    }
}

fn countable(samples: Vec<Sample>) -> QueryOutcome {
    match samples.first() {
        Some(first) if !samples.iter().any(|sample| sample.value.is_finite()) => {
            Err(Gap::NotFinite(first.value.to_string()))
        }
        _ => Ok(samples),
    }
}
