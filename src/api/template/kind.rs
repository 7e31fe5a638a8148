//! The kinds of metrics, each with the queries that fit it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The kind of a metric, with what is particular to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind<'a> {
    /// Errors among requests.
    ErrorRate(&'a ErrorRate),
    /// How long requests take.
    Latency(&'a Latency),
    /// A number of each pod.
    Gauge(&'a Gauge),
    /// Other events among requests.
    Rate(&'a Rate),
    /// A number of the canary with hard limits.
    Threshold(&'a Threshold),
}

impl Kind<'_> {
    /// Which side of the stable version is the bad one; none for a threshold, which says so by its limits.
    pub fn worse(self) -> Option<Worse> {
        match self {
            Self::ErrorRate(_) | Self::Latency(_) => Some(Worse::Higher),
            Self::Gauge(gauge) => Some(gauge.worse),
            Self::Rate(rate) => Some(rate.worse),
            Self::Threshold(_) => None,
        }
    }
}

/// The kind's name, as a template has it.
impl fmt::Display for Kind<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::ErrorRate(_) => "errorRate",
            Self::Latency(_) => "latency",
            Self::Gauge(_) => "gauge",
            Self::Rate(_) => "rate",
            Self::Threshold(_) => "threshold",
        })
    }
}

/// Which way is the bad one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Worse {
    /// More is worse, as of errors.
    #[default]
    Higher,
    /// Less is worse, as of orders.
    Lower,
}

/// Errors among requests, each as raw counters: one series per pod or proxy, never `rate()` or `increase()`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorRate {
    /// PromQL: the requests of one version so far.
    #[schemars(length(min = 1, max = 4096))]
    pub requests: String,
    /// PromQL: those of them that failed.
    #[schemars(length(min = 1, max = 4096))]
    pub errors: String,
}

/// Events among requests, each as raw counters: one series per pod or proxy, never `rate()` or `increase()`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rate {
    /// PromQL: the requests of one version so far.
    #[schemars(length(min = 1, max = 4096))]
    pub requests: String,
    /// PromQL: those of them that count.
    #[schemars(length(min = 1, max = 4096))]
    pub events: String,
    /// Whether more or fewer of them are worse.
    pub worse: Worse,
}

/// How long requests take, as raw buckets: never `rate()`, `increase()` or `histogram_quantile()`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Latency {
    /// PromQL: the histogram of one version, native, or classic with its `le` label (`.._bucket`).
    #[schemars(length(min = 1, max = 4096))]
    pub histogram: String,
}

/// A number that goes up and down, such as memory in use: one series per pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Gauge {
    /// PromQL: the number of each pod of one version.
    #[schemars(length(min = 1, max = 4096))]
    pub query: String,
    /// Whether more or less is worse.
    #[serde(default)]
    pub worse: Worse,
}

/// A number of the canary with hard limits, which it must break at consecutive looks to count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "has(self.min) || has(self.max)", "message": "a threshold must have min, max or both"},
    {"rule": "!has(self.min) || !has(self.max) || self.min <= self.max", "message": "threshold.min must not be above threshold.max"}
]))]
pub struct Threshold {
    /// PromQL with one number as its answer.
    #[schemars(length(min = 1, max = 4096))]
    pub query: String,
    /// The least good value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The greatest good value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// How many looks in a row must break the limit, at least an interval apart: looks at the same sample count once.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 100))]
    pub looks: u32,
}

fn three() -> u32 {
    3
}
