//! What a look at Prometheus gave: samples, or the reason why there are none. A reason is never a verdict; it makes a
//! rollout hold and say why.

use std::{sync::Arc, time::Duration};

use super::{
    metric::{Counters, PerArm},
    series::{self, Labels},
};
use crate::{judge::Histogram, model::Timestamp};

/// One value of one series.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The series' labels, sorted, as PromQL writes them: `{instance="10.0.0.7:8080",pod="web-1"}`. The same at every
    /// look.
    pub series: Arc<str>,
    /// The same labels, to look values up.
    pub labels: Arc<Labels>,
    /// The value as Prometheus has it: NaN and the infinities included.
    pub value: f64,
    /// The time that the value is said to be of; for an instant query the time that was asked for.
    pub at: Timestamp,
}

impl Sample {
    /// A value of the series with these labels.
    pub fn new(labels: Labels, value: f64, at: Timestamp) -> Self {
        Self { series: series::text(&labels).into(), labels: Arc::new(labels), value, at }
    }
}

/// The buckets of one series: of a classic histogram the series without its `le`.
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramSample {
    /// The series' labels, as [`Sample::series`] has them.
    pub series: Arc<str>,
    /// The same labels, to look values up.
    pub labels: Arc<Labels>,
    /// The time that the buckets are said to be of.
    pub at: Timestamp,
    /// The observations so far.
    pub histogram: Histogram,
}

/// Why there is nothing to judge.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Gap {
    /// The query found nothing. Holds the query.
    #[error("Prometheus has no series for `{0}`")]
    NoSeries(String),
    /// There are series, but no request between two looks. Known only from differences, so no query ends like this; it
    /// stands here because it is shown in the same place. Holds which arm it is.
    #[error("no request reached the {0} version since the last look")]
    NoTraffic(String),
    /// Prometheus could not be reached, was too slow, overloaded or failed itself, or something else answered in its
    /// place. Holds what happened.
    #[error("Prometheus gives no answer: {0}")]
    ProviderDown(String),
    /// Prometheus took the query and did not come to an answer: it took too long, or failed at it. Holds what happened.
    /// Asked for less at once, it may.
    #[error("Prometheus gives no answer: {0}")]
    Unfinished(String),
    /// Prometheus, or what stands before it, wants to know who asks, or does not let them in. Holds what it answered.
    #[error("Prometheus denies access: {0}")]
    Denied(String),
    /// Prometheus answered that it won't do this query. Holds its own text.
    #[error("Prometheus refuses the query: {0}")]
    Refused(String),
    /// The query works, but what it gives is not what the metric needs. Holds what it gave.
    #[error("the query can't be used: {0}")]
    WrongShape(String),
    /// All that there is are values which are NaN or infinite, as after a division by zero. Holds one of them.
    #[error("the query gives {0}, which is no number that can be compared")]
    NotFinite(String),
    /// Prometheus warned that its answer may be incomplete. Holds the warnings.
    #[error("Prometheus' answer may be incomplete: {}", .0.join("; "))]
    Partial(Vec<String>),
    /// The operator has not allowed the address. Holds the sentence that says so.
    #[error("{0}")]
    AddressNotAllowed(String),
    /// The operator lets each namespace see its own series alone, and the query can't be bounded to them. Holds the
    /// sentence that says why.
    #[error("{0}")]
    QueryNotAllowed(String),
}

impl Gap {
    /// The reason in one word, for conditions, events and labels of metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoSeries(_) => "NoSeries",
            Self::NoTraffic(_) => "NoTraffic",
            Self::ProviderDown(_) | Self::Unfinished(_) => "PrometheusDown",
            Self::Denied(_) => "PrometheusDenied",
            Self::Refused(_) => "QueryRefused",
            Self::WrongShape(_) => "QueryResultUnusable",
            Self::NotFinite(_) => "NotANumber",
            Self::Partial(_) => "PartialAnswer",
            Self::AddressNotAllowed(_) => "AddressNotAllowed",
            Self::QueryNotAllowed(_) => "QueryNotAllowed",
        }
    }

    /// Whether the gap stays until someone changes the template, its arguments or the controller's flags.
    pub fn needs_a_person(&self) -> bool {
        matches!(self, Self::WrongShape(_) | Self::Refused(_) | Self::AddressNotAllowed(_) | Self::QueryNotAllowed(_))
    }

    /// Whether it is Prometheus that can't be asked at all, whatever the query.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::ProviderDown(_) | Self::Unfinished(_) | Self::Denied(_))
    }

    /// Of several gaps of one metric the most urgent is shown: what a person has to mend, then what explains the
    /// others.
    pub(super) fn urgency(&self) -> u8 {
        match self {
            Self::NoTraffic(_) => 0,
            Self::NoSeries(_) => 1,
            Self::NotFinite(_) => 2,
            Self::Partial(_) => 3,
            Self::ProviderDown(_) | Self::Unfinished(_) => 4,
            Self::Denied(_) => 5,
            Self::WrongShape(_) => 6,
            Self::Refused(_) => 7,
            Self::AddressNotAllowed(_) | Self::QueryNotAllowed(_) => 8,
        }
    }
}

/// What one query gave: at least one sample, sorted by series, each series once; or nothing to judge.
pub type QueryOutcome = Result<Vec<Sample>, Gap>;

/// What one metric gave at one look.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricOutcome {
    /// Raw counters, each arm for itself, all read at the same time.
    Counters(PerArm<ArmCounters>),
    /// Raw histograms, each arm for itself, all read at the same time; each arm has at least one.
    Histograms(PerArm<Result<Vec<HistogramSample>, Gap>>),
    /// Numbers of the pods, each arm for itself, all read at the same time; each arm has at least one.
    Gauges(PerArm<Result<Vec<Sample>, Gap>>),
    /// The finite value of a threshold.
    Value(Result<f64, Gap>),
}

/// The counters of one arm. `requests` has samples; `events` may be empty, because a counter of events comes to be with
/// the first of them.
pub type ArmCounters = Result<Counters<Vec<Sample>>, Gap>;

impl MetricOutcome {
    /// Why there is nothing to judge: of two arms' gaps the more urgent one, the stable arm's where they are equal.
    pub fn gap(&self) -> Option<&Gap> {
        let gaps = match self {
            Self::Counters(arms) => [arms.stable.as_ref().err(), arms.canary.as_ref().err()],
            Self::Histograms(arms) => [arms.stable.as_ref().err(), arms.canary.as_ref().err()],
            Self::Gauges(arms) => [arms.stable.as_ref().err(), arms.canary.as_ref().err()],
            Self::Value(value) => [value.as_ref().err(), None],
        };
        gaps.into_iter().flatten().reduce(|one, other| if other.urgency() > one.urgency() { other } else { one })
    }
}

/// How one query went, for the controller's own metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryRecord {
    /// `Samples`, or [`Gap::reason`].
    pub outcome: &'static str,
    /// From asking for a free slot to the last byte read.
    pub took: Duration,
}

/// One look: every metric's outcome at the same time.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// The time that every query was evaluated at.
    pub at: Timestamp,
    /// Each metric's name and outcome, in the order asked.
    pub metrics: Vec<(String, MetricOutcome)>,
    /// How the queries went, in no order.
    pub queries: Vec<QueryRecord>,
    /// How many queries were spared because another one's answer held theirs.
    pub spared: u64,
}
