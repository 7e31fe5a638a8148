//! `AnalysisRun`: one comparison of two sets of labels, made by hand, by a pipeline, or by a Rollout for its run.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::{CustomResource, core::Duration};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Analysis, AnalysisState, Blind, MetricEvidence};

/// Compares two sets of pods by what Prometheus says of them, once, until it is decided or its time is over.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "siskin.dev",
    version = "v1alpha1",
    kind = "AnalysisRun",
    plural = "analysisruns",
    singular = "analysisrun",
    shortname = "arun",
    category = "siskin",
    namespaced,
    derive = "PartialEq",
    status = "AnalysisRunStatus",
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Verdict", type_ = "string", json_path = ".status.verdict"),
    printcolumn(name = "Looks", type_ = "integer", json_path = ".status.looks"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "duration(self.minDuration) <= duration(self.maxDuration)", "message": "minDuration must not be longer than maxDuration"},
    {"rule": "dyn(self.arms.canary) != dyn(self.arms.stable)", "message": "arms.canary and arms.stable must differ: they are what is compared"}
]))]
#[expect(clippy::duplicated_attributes, reason = "each printed column has a type of its own, and two may be the same")]
pub struct AnalysisRunSpec {
    /// The templates, their arguments and the error rates, as in a Rollout's `analysis`.
    #[serde(flatten)]
    pub analysis: Analysis,
    /// What is compared.
    #[schemars(extend("x-kubernetes-validations" = [
        {"rule": "self == oldSelf", "message": "arms can't be changed; make another AnalysisRun"}
    ]))]
    pub arms: Arms,
    /// The canary's share of the traffic, in percent. Where it is given, requests are compared with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 99))]
    pub weight: Option<u32>,
    /// The analysis lasts at least this long before it can succeed.
    #[serde(default = "two_minutes")]
    #[schemars(schema_with = "super::rollout::at_least_a_second")]
    pub min_duration: Duration,
    /// Without a decision it ends after this time: `Inconclusive`, unless `onTimeout` is `Promote` and nothing looks wrong.
    #[serde(default = "twenty_minutes")]
    #[schemars(schema_with = "super::rollout::at_least_a_second")]
    pub max_duration: Duration,
    /// How long the AnalysisRun is kept once it has ended.
    #[serde(default = "one_week")]
    #[schemars(schema_with = "super::rollout::at_least_a_second")]
    pub ttl: Duration,
    /// The run of a Rollout whose analysis this is. The Rollout carries it out then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutRun>,
}

/// The two sets of labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Arms {
    /// The version on trial.
    pub canary: ArmVariables,
    /// The version that it is compared with.
    pub stable: ArmVariables,
}

/// What templates may say about one of the two, by the names of their variables. What is not given is "".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ArmVariables {
    /// The Service.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 253))]
    pub service: String,
    /// The workload that runs the pods.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 253))]
    pub workload: String,
    /// The hash that the server gave the pod template.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 253))]
    pub revision: String,
    /// The Service by which routes name it.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 253))]
    pub backend: String,
    /// The full name of that Service.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 253))]
    pub host: String,
    /// The Istio subset by which routes name it.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 253))]
    pub subset: String,
}

/// A run of a Rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutRun {
    /// The Rollout's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The run's number, from 1.
    pub run: u64,
}

/// How far an analysis has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisRunStatus {
    /// The generation of the spec that this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where it stands.
    pub phase: AnalysisPhase,
    /// The last verdict in one word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// Why it stands there, in one sentence with its numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The first look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<MicroTime>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<MicroTime>,
    /// What each metric says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<MetricEvidence>,
    /// How many looks changed what is known.
    pub looks: u32,
    /// The clock, which counts only time in which evidence could be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockState>,
    /// What is kept between two looks.
    pub state: AnalysisState,
}

/// Where an analysis stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum AnalysisPhase {
    /// Something that is needed is missing; the message says what.
    #[default]
    Pending,
    /// It looks.
    Running,
    /// The canary was shown not to be worse by the margin; or its time was over, nothing looked wrong, and `onTimeout` is
    /// `Promote`.
    Successful,
    /// The canary was shown to be worse, or broke a limit.
    Failed,
    /// Neither was shown in its time, or nothing could be seen. The message says what a Rollout would do then.
    Inconclusive,
    /// It could not be carried out.
    Error,
}

/// The clock of an analysis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClockState {
    /// The first look.
    pub since: MicroTime,
    /// The last look that saw something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<MicroTime>,
    /// How long evidence could be seen, in milliseconds.
    #[serde(default)]
    pub elapsed_ms: u64,
    /// Since when nothing can be seen, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blind: Option<Blind>,
}

impl AnalysisPhase {
    /// Whether it is over.
    pub fn ended(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }
}

fn two_minutes() -> Duration {
    std::time::Duration::from_mins(2).into()
}

fn twenty_minutes() -> Duration {
    std::time::Duration::from_mins(20).into()
}

fn one_week() -> Duration {
    std::time::Duration::from_hours(168).into()
}
