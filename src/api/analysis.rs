//! The `analysis` of a Rollout: which templates, how often, which error rates, and what to do when there is no verdict.

use std::time::Duration as StdDuration;

use kube::core::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::template::Argument;
use crate::judge;

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
    /// The longest time between two looks, at least 1s. Looking more often costs no error rate. Where it is shorter than the
    /// time between two scrapes, looks in between see nothing new and change nothing; only after three intervals, and at
    /// least 90 s, without new samples is it said that nothing can be seen.
    #[serde(default = "fifteen_seconds")]
    #[schemars(schema_with = "super::rollout::at_least_a_second")]
    pub interval: Duration,
    /// What is meant by the fields that are not given: how sure one must be, and how long one waits for it.
    #[serde(default)]
    pub preset: Preset,
    /// Alpha: the chance that a version without a regression is rolled back, for the whole rollout. 0.01 where it is not
    /// given, with the preset `fast` 0.05.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "probability")]
    pub false_rollback: Option<f64>,
    /// Beta: the chance that a step passes a version whose regression is at the margin or above, per step. 0.05 where it
    /// is not given, with the preset `cautious` 0.01.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "probability")]
    pub missed_regression: Option<f64>,
    /// What a regression leads to.
    #[serde(default)]
    pub on_regression: OnRegression,
    /// What happens when a step's longest time passes without a decision. `Pause` where it is not given, with the preset
    /// `fast` `Promote`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_timeout: Option<OnTimeout>,
    /// What happens when no evidence can be seen for long.
    #[serde(default)]
    pub on_no_data: OnNoData,
}

/// What is meant by the fields that are not given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Preset {
    /// Sooner and less sure: one good version in twenty may be rolled back, and a step that runs out of time passes where
    /// nothing looks wrong.
    Fast,
    /// The defaults.
    #[default]
    Balanced,
    /// Surer and later: a step must rule out half of the usual margin of error rates, with one chance in a hundred to be
    /// wrong.
    Cautious,
}

impl From<Preset> for judge::Preset {
    fn from(preset: Preset) -> Self {
        match preset {
            Preset::Fast => Self::Fast,
            Preset::Balanced => Self::Balanced,
            Preset::Cautious => Self::Cautious,
        }
    }
}

impl Analysis {
    /// What the preset stands for.
    pub fn preset_settings(&self) -> judge::PresetSettings {
        judge::Preset::from(self.preset).settings()
    }

    /// Alpha, as given or by the preset.
    pub fn false_rollback(&self) -> f64 {
        self.false_rollback.unwrap_or_else(|| self.preset_settings().false_rollback)
    }

    /// Beta, as given or by the preset.
    pub fn missed_regression(&self) -> f64 {
        self.missed_regression.unwrap_or_else(|| self.preset_settings().missed_regression)
    }

    /// What happens when time runs out, as given or by the preset.
    pub fn on_timeout(&self) -> judge::OnTimeout {
        match self.on_timeout {
            None => self.preset_settings().on_timeout,
            Some(OnTimeout::Pause) => judge::OnTimeout::Pause,
            Some(OnTimeout::Rollback) => judge::OnTimeout::Rollback,
            Some(OnTimeout::Promote) => judge::OnTimeout::Promote,
        }
    }
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
    #[schemars(schema_with = "super::rollout::at_least_a_second")]
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
