//! `AnalysisTemplate` and `ClusterAnalysisTemplate`: named metrics with typed kinds and arguments.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Metrics that Rollouts of its namespace can use.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "siskin.dev",
    version = "v1alpha1",
    kind = "AnalysisTemplate",
    plural = "analysistemplates",
    singular = "analysistemplate",
    category = "siskin",
    namespaced,
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct AnalysisTemplateSpec {
    /// What the queries may use as `args.<name>`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub args: Vec<Argument>,
    /// What is measured at every look.
    #[schemars(length(min = 1, max = 12), extend("x-kubernetes-validations" = [
        {"rule": "self.all(metric, self.exists_one(other, other.name == metric.name))", "message": "metrics must not have the same name twice"}
    ]))]
    pub metrics: Vec<Metric>,
}

/// Metrics that Rollouts of every namespace can use.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "siskin.dev",
    version = "v1alpha1",
    kind = "ClusterAnalysisTemplate",
    plural = "clusteranalysistemplates",
    singular = "clusteranalysistemplate",
    category = "siskin",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct ClusterAnalysisTemplateSpec {
    /// The same as an `AnalysisTemplate`'s.
    #[serde(flatten)]
    pub template: AnalysisTemplateSpec,
}

/// A named value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Argument {
    /// The argument's name, as in `{{ args.name }}`.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*$"))]
    pub name: String,
    /// In a Rollout: the value. In a template: the default, without which a Rollout must give one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub value: Option<String>,
}

/// One metric: exactly one of its kinds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "has(self.errorRate) != has(self.threshold)", "message": "a metric must have exactly one of errorRate and threshold"}
]))]
pub struct Metric {
    /// The metric's name, as shown to people.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Errors among requests, compared between the versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_rate: Option<ErrorRate>,
    /// A number of the canary with hard limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Threshold>,
    /// Whether the metric decides (true), or only warns.
    #[serde(default = "yes")]
    pub critical: bool,
    /// The metric's share of the evidence for harm, relative to the other critical metrics.
    #[serde(default = "one")]
    #[schemars(extend("x-kubernetes-validations" = [{"rule": "self > 0.0 && self <= 1000.0", "message": "weight must be above 0 and at most 1000"}]))]
    pub weight: f64,
    /// A base URL of Prometheus other than the operator's own; it must be one that the operator allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub address: Option<String>,
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
    /// Up to where a difference is ignored. 1.05 and 0.0001 where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignore: Option<MarginSpec>,
    /// From where a difference must be ruled out before a step passes. 1.5 and 0.001 where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude: Option<MarginSpec>,
}

/// A margin on the canary's rate: `relative` times the stable rate, plus `absolute`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MarginSpec {
    /// Factor on the stable version's rate.
    #[schemars(extend("x-kubernetes-validations" = [{"rule": "self >= 1.0 && self <= 100.0", "message": "relative must be from 1 to 100"}]))]
    pub relative: f64,
    /// Added to it, as a share of the requests.
    #[schemars(extend("x-kubernetes-validations" = [{"rule": "self >= 0.0 && self <= 1.0", "message": "absolute must be from 0 to 1"}]))]
    pub absolute: f64,
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
    /// How many looks in a row must break the limit.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 100))]
    pub looks: u32,
}

fn yes() -> bool {
    true
}

fn one() -> f64 {
    1.0
}

fn three() -> u32 {
    3
}
