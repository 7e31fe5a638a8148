//! What is kept of an analysis between two looks, so that it goes on after a restart and can be replayed.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::judge::SampleRatioState;

/// What is kept of an analysis between two looks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisState {
    /// The metrics' states.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<MetricState>,
    /// What history said of the metrics before they began.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub baselines: Vec<MetricBaseline>,
    /// When history was asked for; none before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learned_at: Option<MicroTime>,
    /// When it was last asked for again; none in the first hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refreshed_at: Option<MicroTime>,
    /// What was learned after metrics had begun, in the order of time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub learned_later: Vec<LearnedLater>,
    /// The requests of the step, compared with its weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_ratio: Option<SampleRatioState>,
    /// The steps so far, with the times of their looks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepLooks>,
}

/// One metric's state, exact to the last bit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricState {
    /// `template/metric`.
    pub name: String,
    /// The judge's state, as it encodes it.
    pub state: String,
}

/// What history said of one metric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricBaseline {
    /// `template/metric`.
    pub name: String,
    /// The baseline, as its judge encodes it.
    pub baseline: String,
}

/// What history said of one metric after it had begun: only what raised its dispersion, or what it had lacked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LearnedLater {
    /// When.
    pub at: MicroTime,
    /// `template/metric`.
    pub name: String,
    /// The baseline, as its judge encodes it.
    pub baseline: String,
}

/// One step and the times of the looks that changed what is known, so that a replay can ask the same at the same times.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StepLooks {
    /// The canary's weight, in percent.
    pub weight: f64,
    /// The weight of the last step, in percent.
    pub final_weight: f64,
    /// The least time of the step, in seconds.
    pub min_seconds: f64,
    /// The longest time of the step, in seconds.
    pub max_seconds: f64,
    /// When it was entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entered_at: Option<MicroTime>,
    /// When its weight was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reached_at: Option<MicroTime>,
    /// How many looks there are.
    pub count: u32,
    /// The looks: pairs of numbers, each the milliseconds since the one before (the first since `enteredAt`), and the
    /// milliseconds that the step's clock went on; base 128, lowest digit first, the high bit set where another digit
    /// follows; as base64.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub looks: String,
}
