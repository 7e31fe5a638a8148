//! The recording of an analysis: every look with its numbers, and how it ended. Reports, plots and `-o json` are drawn
//! from it, so whatever they show stands here.
//!
//! Rates are shares of requests, weights are percent. Evidence is the natural logarithm of the number that sentences,
//! tables and charts show: 5.4 is "evidence 221". What is not known is left out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::replay::record::{ReplayDecision, ReplayRecord, ReplayStep};
pub use crate::judge::Standing;
use crate::{
    judge::{Interval, latency::LatencyUnit},
    model::Timestamp,
};

/// An analysis from its first look to its last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// What is compared, in the words of whoever asked: `shop/web`, or a file's name.
    pub subject: String,
    /// The canary's variables, `revision` for example.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub canary: BTreeMap<String, String>,
    /// The stable version's variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stable: BTreeMap<String, String>,
    /// What the analysis was told.
    pub settings: SettingsRecord,
    /// The metrics, in the order in which they were named.
    pub metrics: Vec<MetricRecord>,
    /// The looks, in the order of time.
    pub looks: Vec<LookRecord>,
    /// How it ended.
    pub outcome: Outcome,
    /// The look that decided; none while nothing is decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
    /// Why it ended so, in one sentence.
    pub message: String,
    /// Metrics that look wrong and do not decide.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What other rules would have decided from the same data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub second_verdicts: Vec<SecondVerdict>,
    /// What was decided then, where this is a replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<ReplayRecord>,
}

/// How an analysis ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// The canary was shown to be safe.
    Promote,
    /// The canary was shown to be worse, or broke a hard limit.
    Rollback,
    /// Neither.
    #[default]
    Undecided,
}

/// What the analysis was told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SettingsRecord {
    /// Chance of rolling back a version that is no worse, for the whole analysis.
    pub false_rollback: f64,
    /// Chance of passing a version at the margin, for each step.
    pub missed_regression: f64,
    /// The longest time between two looks, in seconds.
    pub interval_seconds: f64,
    /// The least time of a step, in seconds.
    pub min_seconds: f64,
    /// The longest time of a step, in seconds.
    pub max_seconds: f64,
    /// What happens when a step's longest time passes without a decision: `Pause`, `Rollback` or `Promote`.
    pub on_timeout: String,
    /// Where the numbers came from: an address, or a file's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// What kind of metric it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MetricKind {
    /// Errors among requests.
    ErrorRate,
    /// Slow requests among requests, by the edges of a histogram.
    Latency,
    /// A number of each pod.
    Gauge,
    /// Other events among requests.
    Rate,
    /// A number of the canary with hard limits.
    Threshold,
}

/// What is the same at every look of one metric, and what is told of it once, at the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricRecord {
    /// `template/metric`.
    pub name: String,
    /// What kind it is.
    pub kind: MetricKind,
    /// Whether it decides, or only warns.
    pub critical: bool,
    /// Its share of the evidence for harm, relative to the other critical metrics.
    pub weight: f64,
    /// Whether lower values are the bad ones.
    #[serde(default)]
    pub lower_is_worse: bool,
    /// The least good value of the canary, where there is a hard limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The greatest good value of the canary, where there is a hard limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The unit of a latency's edges and quantiles, as far as the name of the histogram tells it.
    #[serde(default)]
    pub unit: LatencyUnit,
    /// Up to where a difference is ignored, and from where it must be ruled out, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<String>,
    /// What was learned from history before the first look, as name and value: `dispersion`, `3.2`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baseline: Vec<Fact>,
    /// The pods at the last look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pods: Vec<PodRecord>,
    /// The edges of a latency histogram at the last look, from the lowest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<EdgeRecord>,
    /// Quantiles of the latency at the last look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quantiles: Vec<QuantileRecord>,
}

/// A number or word to be shown as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// The value, as people read it.
    pub value: String,
}

/// One pod since the analysis began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodRecord {
    /// The pod's name.
    pub pod: String,
    /// Whether it is one of the canary's.
    pub canary: bool,
    /// Requests; 0 for a gauge.
    pub requests: f64,
    /// Events among them; for a gauge its mean value.
    pub events: f64,
    /// Whether it stands out from the other pods of its version.
    pub stands_out: bool,
}

/// One edge of a latency histogram since the analysis began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgeRecord {
    /// The edge, in the unit of the histogram (mostly seconds or milliseconds).
    pub edge: f64,
    /// Share of the canary's requests above it.
    pub canary: f64,
    /// Share of the stable version's requests above it.
    pub stable: f64,
    /// Canary's share relative to the stable version's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<Range>,
    /// Whether the edge takes part in the evidence.
    pub judged: bool,
}

/// One quantile of the latency since the analysis began, in the unit of the histogram.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuantileRecord {
    /// In (0, 1): 0.99 is the 99th percentile.
    pub quantile: f64,
    /// The canary's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Range>,
    /// The stable version's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<Range>,
}

/// One look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LookRecord {
    /// The time of the numbers.
    pub at: Timestamp,
    /// The step, from 0.
    pub step: u32,
    /// The canary's weight in this step, in percent; none where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// The canary's share of the requests since the last look, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// What follows from the look.
    pub verdict: LookVerdict,
    /// Why, in one sentence.
    pub message: String,
    /// Evidence for harm of all metrics that decide, together.
    pub log_harm: f64,
    /// The evidence for harm that rolls back.
    pub log_harm_threshold: f64,
    /// Each metric, in the order of [`Record::metrics`].
    pub metrics: Vec<MetricLookRecord>,
}

/// What follows from a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LookVerdict {
    /// Back to the stable version.
    Rollback,
    /// On to the next step.
    Advance,
    /// The step lasted too long.
    TimedOut,
    /// Not yet.
    Continue,
    /// Nothing could be seen.
    NoData,
}

/// One metric at one look. Evidence and rates are since the analysis began, but safety is since the step began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricLookRecord {
    /// What it says.
    pub standing: Standing,
    /// What it says, in one sentence.
    pub message: String,
    /// The canary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<ArmRecord>,
    /// The stable version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<ArmRecord>,
    /// Canary less stable version: of rates a share, of gauges a relative difference. Its bounds come with 20 looks and 20
    /// events of each version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<Range>,
    /// The canary's rate as a multiple of the stable version's. It is within its bounds where both rates are within theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<Range>,
    /// Evidence that the canary is worse; none for hard limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_harm: Option<f64>,
    /// The evidence for harm at which this metric alone would roll back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_harm_threshold: Option<f64>,
    /// Evidence that the canary is not worse by the margin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_safe: Option<f64>,
    /// The evidence of safety that passes the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_safe_threshold: Option<f64>,
    /// Seconds until safety is expected to be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds_until_safe: Option<f64>,
    /// The canary's value, for hard limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// For a latency: requests above this edge are the slow ones that are counted, in the unit of the histogram.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slower_than: Option<f64>,
}

/// One version at one look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArmRecord {
    /// Requests since the analysis began; for a gauge the number of pods.
    pub requests: f64,
    /// Events among them (errors, slow requests at the edge nearest the 99th percentile); for a gauge the mean value.
    pub events: f64,
    /// Requests since the last look that had both versions; for a gauge the number of pods at this look.
    pub new_requests: f64,
    /// Events among those; for a gauge the mean value at this look.
    pub new_events: f64,
    /// Events as a share of requests; none before the first request, and for a gauge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Range>,
}

/// An estimate with the bounds that the data allow; a bound that is not there is open.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Range {
    /// The best estimate.
    pub estimate: f64,
    /// The lower bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// The upper bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
}

/// What another rule would have decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecondVerdict {
    /// The rule: `Kayenta`, `threshold 1 %, 5 failures`.
    pub rule: String,
    /// What it would have decided.
    pub outcome: Outcome,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Why, in one sentence.
    pub message: String,
}

impl From<Interval> for Range {
    /// JSON has no infinities: an infinite bound is an open one.
    fn from(Interval { estimate, low, high }: Interval) -> Self {
        Self { estimate, low: low.is_finite().then_some(low), high: high.is_finite().then_some(high) }
    }
}

impl Record {
    /// The last look.
    pub fn last(&self) -> Option<&LookRecord> {
        self.looks.last()
    }

    /// How long the looks took from the first to the last, in seconds.
    pub fn seconds(&self) -> f64 {
        match (self.looks.first(), self.looks.last()) {
            (Some(first), Some(last)) => last.at.duration_since(first.at).as_secs_f64(),
            _ => 0.0,
        }
    }
}
