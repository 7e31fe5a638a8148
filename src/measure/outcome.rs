//! What a look at Prometheus gave: samples, or the reason why there are none. A reason is never a verdict; it makes a
//! rollout hold and say why.

use std::{fmt, time::Duration};

use super::metric::{Counters, PerArm};
use crate::model::Timestamp;

/// One value of one series.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The series' labels, sorted, as PromQL writes them: `{instance="10.0.0.7:8080",pod="web-1"}`. The same at every look.
    pub series: String,
    /// The value as Prometheus has it: NaN and the infinities included.
    pub value: f64,
    /// The time that the value is said to be of; for an instant query the time that was asked for.
    pub at: Timestamp,
}

/// Why there is nothing to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gap {
    /// The query found nothing. Holds the query.
    NoSeries(String),
    /// There are series, but no request between two looks. Known only from differences, so no query ends like this; it
    /// stands here because it is shown in the same place. Holds which arm it is.
    NoTraffic(String),
    /// Prometheus could not be reached, was too slow, overloaded or failed itself, or something else answered in its
    /// place. Holds what happened.
    ProviderDown(String),
    /// Prometheus answered that it won't do this query. Holds its own text.
    Refused(String),
    /// The query works, but what it gives is not what the metric needs. Holds what it gave.
    WrongShape(String),
    /// The only value is NaN or infinite, as after a division by zero. Holds the value.
    NotFinite(String),
    /// Prometheus warned that its answer may be incomplete. Holds the warnings.
    Partial(Vec<String>),
    /// The operator has not allowed the address. Holds the sentence that says so.
    AddressNotAllowed(String),
}

impl Gap {
    /// The reason in one word, for conditions, events and labels of metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoSeries(_) => "NoSeries",
            Self::NoTraffic(_) => "NoTraffic",
            Self::ProviderDown(_) => "PrometheusDown",
            Self::Refused(_) => "QueryRefused",
            Self::WrongShape(_) => "QueryResultUnusable",
            Self::NotFinite(_) => "NotANumber",
            Self::Partial(_) => "PartialAnswer",
            Self::AddressNotAllowed(_) => "AddressNotAllowed",
        }
    }

    /// Whether the gap stays until someone changes the template, its arguments or the controller's flags.
    pub fn needs_a_person(&self) -> bool {
        self.urgency() >= Self::WrongShape(String::new()).urgency()
    }

    /// Of several gaps of one metric the most urgent is shown: what a person has to mend, then what explains the others.
    pub(super) fn urgency(&self) -> u8 {
        match self {
            Self::NoTraffic(_) => 0,
            Self::NoSeries(_) => 1,
            Self::NotFinite(_) => 2,
            Self::Partial(_) => 3,
            Self::ProviderDown(_) => 4,
            Self::WrongShape(_) => 5,
            Self::Refused(_) => 6,
            Self::AddressNotAllowed(_) => 7,
        }
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSeries(query) => write!(out, "Prometheus has no series for `{query}`"),
            Self::NoTraffic(arm) => write!(out, "no request reached the {arm} version since the last look"),
            Self::ProviderDown(text) => write!(out, "Prometheus gives no answer: {text}"),
            Self::Refused(text) => write!(out, "Prometheus refuses the query: {text}"),
            Self::WrongShape(text) => write!(out, "the query can't be used: {text}"),
            Self::NotFinite(value) => write!(out, "the query gives {value}, which can't be compared with a limit"),
            Self::Partial(warnings) => write!(out, "Prometheus' answer may be incomplete: {}", warnings.join("; ")),
            Self::AddressNotAllowed(text) => out.write_str(text),
        }
    }
}

/// What one query gave.
#[derive(Clone, Debug, PartialEq)]
pub enum QueryOutcome {
    /// At least one sample, sorted by series, each series once.
    Samples(Vec<Sample>),
    /// Nothing to judge.
    Gap(Gap),
}

impl QueryOutcome {
    /// The outcome in one word: `Samples`, or the gap's reason.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Samples(_) => "Samples",
            Self::Gap(gap) => gap.reason(),
        }
    }
}

/// What one metric gave at one look.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricOutcome {
    /// Raw counters of both arms, read at the same time. `requests` has samples in both; `errors` may be empty, because a
    /// counter of errors comes to be with the first error.
    Counters(PerArm<Counters<Vec<Sample>>>),
    /// The finite value of a threshold.
    Value(f64),
    /// Nothing to judge.
    Gap(Gap),
}

/// How one query went, for the controller's own metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryRecord {
    /// [`QueryOutcome::reason`].
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
}
