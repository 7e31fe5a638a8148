//! `AnalysisTemplate` and `ClusterAnalysisTemplate`: named metrics with typed kinds and arguments.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod kind;
mod margin;
mod rules;

pub use kind::{ErrorRate, Gauge, Kind, Latency, Rate, Threshold, Worse};
pub use margin::{HardLimit, MarginSpec, Margins};

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
#[schemars(extend("x-kubernetes-validations" = rules::metric()))]
pub struct Metric {
    /// The metric's name, as shown to people.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Errors among requests, compared between the versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_rate: Option<ErrorRate>,
    /// How long requests take, compared between the versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// A number of each pod that goes up and down, compared between the versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gauge: Option<Gauge>,
    /// Events other than errors among requests, compared between the versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// A number of the canary with hard limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Threshold>,
    /// Whether the metric decides, or only warns. It decides where this is not given, unless it is a gauge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critical: Option<bool>,
    /// The metric's share of the evidence for harm, relative to the other critical metrics.
    #[serde(default = "one")]
    #[schemars(extend("x-kubernetes-validations" = [{"rule": "self > 0.0 && self <= 1000.0", "message": "weight must be above 0 and at most 1000"}]))]
    pub weight: f64,
    /// Labels that part the requests into kinds, such as routes or zones: the versions are compared within each kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), inner(length(min = 1, max = 128)))]
    pub by: Vec<String>,
    /// The label that names the pod of a series: the first of pod, `k8s_pod_name`, `kubernetes_pod_name`, `pod_name` and
    /// instance that there is where this is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub pod: Option<String>,
    /// How much worse the canary may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<Margins>,
    /// A hard limit on the canary's own share, whatever the stable version's is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<HardLimit>,
    /// A base URL of Prometheus other than the operator's own; it must be one that the operator allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub address: Option<String>,
}

impl Metric {
    /// The metric's kind; none where none is given, which the API server refuses.
    pub fn kind(&self) -> Option<Kind<'_>> {
        let Self { error_rate, latency, gauge, rate, threshold, .. } = self;
        (error_rate.as_ref().map(Kind::ErrorRate))
            .or_else(|| latency.as_ref().map(Kind::Latency))
            .or_else(|| gauge.as_ref().map(Kind::Gauge))
            .or_else(|| rate.as_ref().map(Kind::Rate))
            .or_else(|| threshold.as_ref().map(Kind::Threshold))
    }

    /// Whether the metric decides.
    pub fn is_critical(&self) -> bool {
        self.critical.unwrap_or(self.gauge.is_none())
    }

    /// Up to where a difference is ignored: what is given, or the kind's default.
    pub fn ignore(&self) -> MarginSpec {
        let given = self.margin.and_then(|margins| margins.ignore);
        given.unwrap_or_else(|| margin::ignored_by_default(self.kind()))
    }

    /// From where a difference must be ruled out before a step passes: what is given, or the kind's default.
    pub fn exclude(&self) -> MarginSpec {
        let given = self.margin.and_then(|margins| margins.exclude);
        given.unwrap_or_else(|| margin::excluded_by_default(self.kind()))
    }
}

fn one() -> f64 {
    1.0
}

#[cfg(test)]
mod tests;
