//! The status of a Rollout: where the run stands, the numbers behind it, and what has to be put back afterwards.
//!
//! It is the source of truth of the state machine. Routes and workloads are outputs and are never read back as a
//! position, so whatever is needed to go on after a restart stands here.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, MicroTime};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{analysis_state::AnalysisState, rollout::RouteKindName, verb::VerbRequest};
use crate::route::RouteBefore;

/// What is known of a Rollout.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutStatus {
    /// The generation of the spec that this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The strategy, for the printed column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
    /// Where the Rollout stands.
    pub phase: Phase,
    /// Why it stands there, in one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The last verdict in one word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// The step that the run is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepStatus>,
    /// The canary's share of the traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<WeightStatus>,
    /// The uid of the workload that the revisions are of. Another uid under its name is another workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload_uid: Option<String>,
    /// The `pod-template-hash` of the version that users can rely on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stable_revision: Option<String>,
    /// The `pod-template-hash` of the canary's pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_revision: Option<String>,
    /// `Ready`, `Progressing`, `Healthy`, `Detectable`, `Routed`, `Writable`, each from when it is first known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// What each metric says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<MetricEvidence>,
    /// How many runs there were.
    #[serde(skip_serializing_if = "is_zero")]
    pub runs: u64,
    /// The inner state of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunStatus>,
    /// What the routes looked like before the run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<RouteMemory>,
    /// The last ten runs, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outcomes: Vec<Outcome>,
    /// The last request of a person, and what came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_verb: Option<VerbAnswer>,
    /// The beginning of the last request that could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable_verb: Option<String>,
}

/// Where a Rollout stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// Something that is needed is missing; the `Ready` condition says what.
    #[default]
    Pending,
    /// No run is on its way.
    Idle,
    /// The canary's pods are started; no traffic yet.
    Preparing,
    /// The canary has its share of the traffic and is judged.
    Progressing,
    /// As `Progressing`, but going no further by itself.
    Paused,
    /// The workload's own rolling update brings the new version.
    Promoting,
    /// The routes are as before, the canary goes.
    Finishing,
    /// The traffic is back on the stable version, the canary goes.
    RollingBack,
    /// The workload is held on the stable version; a revert or a new template ends it.
    RolledBack,
}

/// The step that a run is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepStatus {
    /// From 0.
    pub index: u32,
    /// How many there are.
    pub count: u32,
    /// `2/3`, for the printed column.
    pub position: String,
}

/// The canary's share of the traffic, in percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WeightStatus {
    /// What the step asks for.
    pub desired: u32,
    /// What the routes have, as far as the data plane has said so.
    pub applied: u32,
}

/// What one route looked like before the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouteMemory {
    /// What kind of route it is.
    pub kind: RouteKindName,
    /// Its name.
    pub name: String,
    /// What is put back.
    pub before: RouteBefore,
}

/// The inner state of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunStatus {
    /// When it began.
    pub started_at: MicroTime,
    /// Whether the user's Service is the stable backend. Decided once, so that an edit of the spec moves no traffic.
    #[serde(default)]
    pub pinned: bool,
    /// Other Services that select the workload's pods, and that the run has pinned too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pinned_services: Vec<String>,
    /// When the current phase or step was entered; deadlines of waiting count from here.
    pub since: MicroTime,
    /// When the current weight was reached. Metric windows start here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached_at: Option<MicroTime>,
    /// How long the step has lasted, counting only time in which evidence could be seen. Milliseconds.
    #[serde(default)]
    pub elapsed_ms: u64,
    /// The last look that saw something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<MicroTime>,
    /// Since when nothing can be seen, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blind: Option<Blind>,
    /// When the routes were put back. What they named before goes a moment later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored_at: Option<MicroTime>,
    /// Since when too few of the canary's pods are ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unready_since: Option<MicroTime>,
    /// Since when the API server does not take something that the run needs written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_since: Option<MicroTime>,
    /// Since when an object is missing that the run needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_since: Option<MicroTime>,
    /// The wait that the run is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<PauseStatus>,
    /// What is kept of the analysis between two looks.
    #[serde(default)]
    pub analysis: AnalysisState,
    /// How the run ends, once that is decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Outcome>,
}

/// Since when nothing can be seen, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Blind {
    /// Since when.
    pub since: MicroTime,
    /// The reason in one word.
    pub reason: String,
    /// The reason in a sentence.
    pub message: String,
}

/// A wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PauseStatus {
    /// What is waited for.
    pub reason: PauseReason,
    /// Since when.
    pub since: MicroTime,
    /// The step's `elapsedMs` then; a pause of a given length counts from here.
    #[serde(default)]
    pub from_ms: u64,
}

/// Why a run waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PauseReason {
    /// A person asked for it.
    Person,
    /// The step says so, and a person resumes.
    Step,
    /// The step's longest time passed without a decision.
    Timeout,
    /// No evidence could be seen for too long.
    NoData,
    /// A regression was found; the traffic is back on the stable version.
    Regression,
}

/// What one metric says. Rates are shares of the requests; evidence is a natural logarithm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MetricEvidence {
    /// `template/metric`.
    pub name: String,
    /// `errorRate`, `rate`, `latency`, `gauge` or `threshold`.
    pub kind: String,
    /// What it says, in one word.
    pub verdict: String,
    /// What it says, in one sentence.
    pub message: String,
    /// Requests and errors of the canary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<ArmCounts>,
    /// Requests and errors of the stable version, in the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stable: Option<ArmCounts>,
    /// Quantiles of the canary's latency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_quantiles: Option<ArmQuantiles>,
    /// Quantiles of the stable version's latency, in the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stable_quantiles: Option<ArmQuantiles>,
    /// The mean of the canary's gauge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_mean: Option<f64>,
    /// The mean of the stable version's gauge, in the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stable_mean: Option<f64>,
    /// The canary's pod that is out of line with its others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// The canary's rate less the stable version's, for a latency of requests above the edge nearest the 99th
    /// percentile; for a gauge, the difference as a share of the stable value; for a threshold, the last value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<f64>,
    /// The interval of the estimate, valid at every look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
    /// Evidence that the canary is worse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub harm: Option<f64>,
    /// The run is rolled back where the metrics' weighted evidence for harm reaches this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub harm_threshold: Option<f64>,
    /// Evidence that the canary is not worse by the margin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safe: Option<f64>,
    /// The step passes where this is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safe_threshold: Option<f64>,
}

/// Requests of one version, and those that failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArmCounts {
    /// All requests.
    pub requests: f64,
    /// Failed ones.
    pub errors: f64,
}

/// Quantiles of one version's latency, in the unit of its histogram, interpolated between bucket edges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArmQuantiles {
    /// Requests that were compared.
    pub requests: f64,
    /// The median.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50: Option<f64>,
    /// The 90th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p90: Option<f64>,
    /// The 99th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99: Option<f64>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// What became of the new version.
    pub outcome: OutcomeKind,
    /// Why, in one word.
    pub reason: String,
    /// Why, in one sentence with its numbers.
    pub message: String,
    /// The run's number.
    pub run: u64,
    /// The canary's revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// When it was decided.
    pub at: MicroTime,
}

/// What became of a new version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OutcomeKind {
    /// It is what all users get.
    Promoted,
    /// It was taken back.
    RolledBack,
    /// Its author took it back; nobody is to blame.
    Reverted,
    /// A newer one took its place.
    Superseded,
}

/// What came of a person's request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerbAnswer {
    /// The request.
    pub request: VerbRequest,
    /// Whether it was done.
    pub accepted: bool,
    /// What was done, or why not.
    pub message: String,
}

impl Phase {
    /// Whether a run is on its way in this phase.
    pub fn running(self) -> bool {
        !matches!(self, Self::Pending | Self::Idle | Self::RolledBack)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
