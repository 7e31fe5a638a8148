//! The edge to Prometheus: a template's queries are filled in ([`MetricTemplate::render`], without a network), sent
//! ([`measure`]) and read as raw samples. It decides nothing: differences, resets and evidence are the judge's, and
//! whatever goes wrong here is a [`Gap`] with its reason, which holds a rollout and is never a verdict.
//!
//! Counters are read raw, by instant queries, all of a look at the same time: `rate()` and `increase()` extrapolate,
//! and two arms read at two times are not compared but confused.

mod allow;
mod answer;
mod client;
mod credentials;
mod enforce;
mod gather;
mod group;
mod histogram;
mod history;
mod metric;
mod outcome;
mod promql;
mod selector;
mod series;
mod slots;
mod source;
mod template;
mod window;
mod wire;

pub use allow::{AddressError, AllowedAddresses};
pub use client::{Client, ClientOptions};
pub use credentials::{Authorization, CertificateFiles, CredentialError, CredentialFiles};
pub use enforce::{EnforceError, Enforced};
pub use history::{at_times, history};
pub use metric::{
    Arguments, Arm, Counters, MetricError, MetricQuery, MetricTemplate, PerArm, Queries, QueryTemplates, Variant,
};
pub use outcome::{ArmCounters, Gap, HistogramSample, Measurement, MetricOutcome, QueryOutcome, QueryRecord, Sample};
pub use series::{Labels, pod_of, stratum_of};
pub use template::{Template, TemplateError};
pub use window::{Window, WindowError};

use crate::model::Timestamp;
use answer::Span;
use source::Sources;

/// One look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasureRequest {
    /// The time at which every query is evaluated.
    pub at: Timestamp,
    /// What is asked.
    pub metrics: Vec<MetricQuery>,
}

/// Asks everything of one look, at once. Never fails: what could not be had is a gap of its metric. Where the client
/// gathers looks, the time of the measurement may be later than that of the request, by as long as it does.
pub async fn measure(client: &Client, request: &MeasureRequest) -> Measurement {
    let (at, answers, counted) = gather::gathered(client, &request.metrics, request.at).await;
    let look = |metric: &MetricQuery| {
        let answer = |query: &str| answers.to(metric, query);
        (metric.name.clone(), Sources::of(&metric.queries, answer).at(at))
    };
    let metrics = request.metrics.iter().map(look).collect();
    let (queries, spared) = if counted { (answers.records.clone(), answers.spared) } else { (Vec::new(), 0) };
    Measurement { at, metrics, queries, spared }
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

/// Asks Prometheus whether it takes a query of a namespace, by evaluating it: its own parser endpoint is missing in older versions,
/// and what stands in for Prometheus answers it in ways that can't be told from a refusal.
pub async fn check(client: &Client, namespace: &str, address: Option<&str>, query: &str, at: Timestamp) -> Check {
    let answer = match client.bounded(namespace, query) {
        Ok(query) => client.ask(namespace, address, &query, Span::At(at)).await.0,
        Err(gap) => Err(gap),
    };
    match answer {
        Ok(_) | Err(Gap::Partial(_)) => Check::Accepted,
        Err(gap) if gap.needs_a_person() => Check::Refused(gap),
        Err(gap) => Check::Unknown(gap),
    }
}

#[cfg(test)]
mod tests;
