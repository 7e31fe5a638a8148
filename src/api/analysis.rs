//! The `analysis` of a Rollout: which templates, how often, which error rates, and what to do when there is no verdict.

use std::time::Duration as StdDuration;

use kube::core::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::template::Argument;

/// How the new version is compared with the old one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Analysis {
    /// The templates whose metrics are measured, all of them at every look.
    #[schemars(length(min = 1, max = 10))]
    pub templates: Vec<TemplateRef>,
    /// Values for the templates' arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub args: Vec<Argument>,
    /// The longest time between two looks. Looking more often costs no error rate.
    #[serde(default = "fifteen_seconds")]
    #[schemars(schema_with = "super::rollout::positive_duration")]
    pub interval: Duration,
    /// Alpha: the chance that a version without a regression is rolled back, for the whole rollout.
    #[serde(default = "one_percent")]
    #[schemars(schema_with = "probability")]
    pub false_rollback: f64,
    /// Beta: the chance that a step passes a version whose regression is at the margin or above, per step.
    #[serde(default = "five_percent")]
    #[schemars(schema_with = "probability")]
    pub missed_regression: f64,
    /// What a regression leads to.
    #[serde(default)]
    pub on_regression: OnRegression,
    /// What happens when a step's longest time passes without a decision.
    #[serde(default)]
    pub on_timeout: OnTimeout,
    /// What happens when no evidence can be seen for long.
    #[serde(default)]
    pub on_no_data: OnNoData,
}

/// Names a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateRef {
    /// The template's name: an `AnalysisTemplate` of the namespace, else a `ClusterAnalysisTemplate`.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// What a regression leads to. In each case the traffic goes back to the stable version first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnRegression {
    /// The run ends and the canary goes.
    #[default]
    Rollback,
    /// The canary stays, without traffic, for a person to look at and decide.
    Pause,
}

/// What happens when a step's longest time passes without a decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnTimeout {
    /// Wait for a person at the current weight.
    #[default]
    Pause,
    /// Roll back.
    Rollback,
    /// Go on to the next step.
    Promote,
}

/// What happens when no evidence can be seen for long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OnNoData {
    /// How long to hold before acting.
    #[serde(default = "ten_minutes")]
    #[schemars(schema_with = "super::rollout::positive_duration")]
    pub after: Duration,
    /// What to do then.
    #[serde(default)]
    pub action: NoDataPolicy,
}

impl Default for OnNoData {
    fn default() -> Self {
        Self { after: ten_minutes(), action: NoDataPolicy::default() }
    }
}

/// What to do when no evidence could be seen for long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NoDataPolicy {
    /// Wait for a person at the current weight.
    #[default]
    Pause,
    /// Roll back, because a version that can't be seen should not stay in front of users.
    Rollback,
}

fn fifteen_seconds() -> Duration {
    StdDuration::from_secs(15).into()
}

fn ten_minutes() -> Duration {
    StdDuration::from_mins(10).into()
}

fn one_percent() -> f64 {
    0.01
}

fn five_percent() -> f64 {
    0.05
}

/// The schema of an error probability: above 0 and below one half.
fn probability(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "number",
        "x-kubernetes-validations": [{
            "rule": "self > 0.0 && self < 0.5",
            "message": "an error probability must be above 0 and below 0.5"
        }]
    })
}
