//! The edge to Prometheus: a template's queries are filled in ([`MetricTemplate::render`], without a network), sent
//! ([`measure`]) and read as raw samples. It decides nothing: differences, resets and evidence are the judge's, and
//! whatever goes wrong here is a [`Gap`] with its reason, which holds a rollout and is never a verdict.
//!
//! Counters are read raw, by instant queries, all of a look at the same time: `rate()` and `increase()` extrapolate,
//! and two arms read at two times are not compared but confused.

mod allow;
mod answer;
mod client;
mod histogram;
mod metric;
mod outcome;
mod promql;
mod series;
mod template;

use futures::future::join_all;
use histogram::histograms;

pub use allow::{AddressError, AllowedAddresses};
pub use client::{Client, ClientOptions};
pub use metric::{
    Arguments, Arm, Counters, MetricError, MetricQuery, MetricTemplate, PerArm, Queries, QueryTemplates, Variant,
};
pub use outcome::{ArmCounters, Gap, HistogramSample, Measurement, MetricOutcome, QueryOutcome, QueryRecord, Sample};
pub use series::{Labels, pod_of, stratum_of};
pub use template::{Template, TemplateError};

use crate::model::Timestamp;

/// One look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasureRequest {
    /// The time at which every query is evaluated.
    pub at: Timestamp,
    /// What is asked.
    pub metrics: Vec<MetricQuery>,
}

/// Asks everything of one look, at once. Never fails: what could not be had is a gap of its metric.
pub async fn measure(client: &Client, request: &MeasureRequest) -> Measurement {
    let looks = request.metrics.iter().map(|metric| look(client, metric, request.at));
    let mut measurement = Measurement { at: request.at, metrics: Vec::new(), queries: Vec::new(), spared: 0 };
    for (metric, (outcome, queries)) in request.metrics.iter().zip(join_all(looks).await) {
        measurement.metrics.push((metric.name.clone(), outcome));
        measurement.queries.extend(queries);
    }
    measurement
}

async fn look(client: &Client, metric: &MetricQuery, at: Timestamp) -> (MetricOutcome, Vec<QueryRecord>) {
    let ask = |query| client.ask(metric.address.as_deref(), query, at);
    match &metric.queries {
        Queries::Counters(PerArm { stable, canary }) => {
            let (stable_requests, stable_events, canary_requests, canary_events) =
                tokio::join!(ask(&stable.requests), ask(&stable.events), ask(&canary.requests), ask(&canary.events));
            let records = vec![stable_requests.1, stable_events.1, canary_requests.1, canary_events.1];
            let arms = PerArm {
                stable: counters(stable_requests.0, stable_events.0),
                canary: counters(canary_requests.0, canary_events.0),
            };
            (MetricOutcome::Counters(arms), records)
        }
        Queries::Histogram(PerArm { stable, canary }) => {
            let (stable, canary) = tokio::join!(ask(stable), ask(canary));
            let arms = PerArm { stable: stable.0.and_then(histograms), canary: canary.0.and_then(histograms) };
            (MetricOutcome::Histograms(arms), vec![stable.1, canary.1])
        }
        Queries::Gauge(PerArm { stable, canary }) => {
            let (stable, canary) = tokio::join!(ask(stable), ask(canary));
            (MetricOutcome::Gauges(PerArm { stable: stable.0, canary: canary.0 }), vec![stable.1, canary.1])
        }
        Queries::Threshold(query) => {
            let (outcome, record) = ask(query).await;
            (MetricOutcome::Value(outcome.and_then(|samples| single(query, &samples))), vec![record])
        }
    }
}

/// Puts the counters of one arm together. Where requests are counted, no series of events means that there was none
/// yet.
fn counters(requests: QueryOutcome, events: QueryOutcome) -> ArmCounters {
    match (requests, events) {
        (Ok(requests), Ok(events)) => Ok(Counters { requests, events }),
        (Ok(requests), Err(Gap::NoSeries(_))) => Ok(Counters { requests, events: Vec::new() }),
        (Err(one), Err(other)) if other.urgency() > one.urgency() => Err(other),
        (Err(gap), _) | (_, Err(gap)) => Err(gap),
    }
}

/// The value of a query that must have one.
fn single(query: &str, samples: &[Sample]) -> Result<f64, Gap> {
    match samples {
        [sample] if sample.value.is_finite() => Ok(sample.value),
        [sample] => Err(Gap::NotFinite(sample.value.to_string())),
        [first, second, ..] => Err(Gap::WrongShape(format!(
            "it gives {} series ({}, {}, ..), and a threshold needs one",
            samples.len(),
            first.series,
            second.series
        ))),
        [] => Err(Gap::NoSeries(query.to_owned())),
    }
}

/// What Prometheus says of a query before it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// It takes the query.
    Accepted,
    /// It does not, or its answer can't be used; with the reason.
    Refused(Gap),
    /// It could not be asked, or not say; with the reason.
    Unknown(Gap),
}

/// Asks Prometheus whether it takes a query, by evaluating it: its own parser endpoint is missing in older versions,
/// and what stands in for Prometheus answers it in ways that can't be told from a refusal.
pub async fn check(client: &Client, address: Option<&str>, query: &str, at: Timestamp) -> Check {
    match client.ask(address, query, at).await.0 {
        Ok(_) | Err(Gap::NoSeries(_) | Gap::NoTraffic(_) | Gap::NotFinite(_) | Gap::Partial(_)) => Check::Accepted,
        Err(gap) if gap.needs_a_person() => Check::Refused(gap),
        Err(gap) => Check::Unknown(gap),
    }
}

#[cfg(test)]
mod tests;
