//! `Rollout`: which workload, which traffic, which strategy, and how it is judged.

use std::time::Duration as StdDuration;

use kube::{CustomResource, core::Duration};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{analysis::Analysis, status::RolloutStatus};

/// The least time before the next step where the step does not say.
const LEAST_HOLD: StdDuration = StdDuration::from_mins(2);
/// The longest time of a step where the step does not say.
const LONGEST_HOLD: StdDuration = StdDuration::from_mins(20);

/// Carries every change of a workload to real traffic in steps, and promotes or rolls it back by what the traffic says.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "siskin.dev",
    version = "v1alpha1",
    kind = "Rollout",
    plural = "rollouts",
    singular = "rollout",
    shortname = "ro",
    category = "siskin",
    namespaced,
    derive = "PartialEq",
    status = "RolloutStatus",
    printcolumn(name = "Strategy", type_ = "string", json_path = ".status.strategy"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Step", type_ = "string", json_path = ".status.step.position"),
    printcolumn(name = "Weight", type_ = "integer", json_path = ".status.weight.applied"),
    printcolumn(name = "Verdict", type_ = "string", json_path = ".status.verdict"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::duplicated_attributes, reason = "each printed column has a type of its own, and two may be the same")]
pub struct RolloutSpec {
    /// The workload whose changes are carried out. It stays where it is and keeps its name.
    pub workload_ref: WorkloadRef,
    /// How a new pod template is kept from rolling out before Siskin says so.
    #[serde(default)]
    pub hold: HoldMode,
    /// Which Service and which routes carry the workload's traffic.
    pub traffic: Traffic,
    /// How the change is exposed.
    pub strategy: Strategy,
    /// How the new version is compared with the old one. Without it the steps pass by time alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<Analysis>,
    /// How long the canary's pods may take to become ready before the run is rolled back.
    #[serde(default = "ten_minutes")]
    #[schemars(schema_with = "super::rollout::at_least_a_second")]
    pub progress_deadline: Duration,
}

/// Names the workload, in the Rollout's own namespace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "self.apiVersion == 'apps/v1' && self.kind == 'Deployment'", "message": "workloadRef must name a Deployment of apps/v1"},
    {"rule": "self == oldSelf", "message": "workloadRef can't be changed; make another Rollout for another workload"}
]))]
pub struct WorkloadRef {
    /// `apps/v1`.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// The workload's name.
    #[schemars(length(min = 1, max = 56))]
    pub name: String,
}

/// How a new pod template is kept from rolling out before it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HoldMode {
    /// `Admission` where the cluster has the policy, else `Always`.
    #[default]
    Auto,
    /// The admission policy holds the workload in the very write that changes its template.
    Admission,
    /// The workload's hold field is set at all times but during a promotion.
    Always,
}

/// The traffic that reaches the workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Traffic {
    /// The Service that the routes send to.
    #[schemars(length(min = 1, max = 56), extend("x-kubernetes-validations" = [
        {"rule": "self == oldSelf", "message": "traffic.service can't be changed; make another Rollout for another Service"}
    ]))]
    pub service: String,
    /// The routes whose weights are edited.
    #[schemars(length(min = 1, max = 16), extend("x-kubernetes-validations" = [
        {"rule": "self.all(route, self.exists_one(other, other.kind == route.kind && other.name == route.name))", "message": "routes must not name the same route twice"}
    ]))]
    pub routes: Vec<RouteRef>,
    /// Whether the Service selects only stable pods during a run, which keeps traffic that goes around the mesh away
    /// from the canary. Where it is off, or where a VirtualService splits by subsets, a `-stable` Service or a
    /// subset stands for the stable pods instead.
    #[serde(default = "yes")]
    pub pin_service: bool,
}

/// One route, in the Rollout's own namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouteRef {
    /// What kind of route it is.
    pub kind: RouteKindName,
    /// The route's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Only the rules with these names; all that send to the Service where it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub rules: Vec<String>,
}

/// The kinds of route that can be edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RouteKindName {
    /// `gateway.networking.k8s.io/v1`, on a Gateway or on a Service.
    #[serde(rename = "HTTPRoute")]
    HttpRoute,
    /// `networking.istio.io/v1`.
    VirtualService,
}

impl From<RouteKindName> for crate::route::RouteKind {
    fn from(kind: RouteKindName) -> Self {
        match kind {
            RouteKindName::HttpRoute => Self::HttpRoute,
            RouteKindName::VirtualService => Self::VirtualService,
        }
    }
}

/// How a change is exposed: exactly one of its fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "has(self.canary)", "message": "strategy must have exactly one of: canary"}
]))]
pub struct Strategy {
    /// Weight in steps, each judged before the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
}

/// The steps of a canary: listed, or made by a schedule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "has(self.steps) != has(self.schedule)", "message": "canary must have exactly one of steps and schedule"}
]))]
pub struct Canary {
    /// The steps, in ascending weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 50), extend("x-kubernetes-validations" = [
        {"rule": "self.map(step, step.weight).isSorted() && self.all(step, self.exists_one(other, other.weight == step.weight))", "message": "the weights of the steps must ascend"}
    ]))]
    pub steps: Option<Vec<Step>>,
    /// A rule that makes the steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
}

/// One step: a weight, how long it is held at least and at most, and whether a person is waited for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The canary's share of the traffic, in percent.
    #[schemars(range(min = 1, max = 100))]
    pub weight: u32,
    /// How long the step lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<StepHold>,
    /// Wait here after the step has passed: for a person where it is empty, else for its duration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
}

impl Step {
    /// The least and the longest time, as given or by default.
    pub fn times(&self) -> (StdDuration, StdDuration) {
        let hold = self.hold.as_ref();
        let min = hold.and_then(|hold| hold.min).map_or(LEAST_HOLD, StdDuration::from);
        let max = hold.and_then(|hold| hold.max).map_or(LONGEST_HOLD, StdDuration::from);
        // A least time above the default longest one moves the latter.
        (min, max.max(min))
    }
}

/// Limits of a step's time. Only time in which evidence could be seen counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "!has(self.min) || !has(self.max) || duration(self.min) <= duration(self.max)", "message": "hold.min must not be longer than hold.max"}
]))]
pub struct StepHold {
    /// The least time before the next step. 2m where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::rollout::at_least_a_second")]
    pub min: Option<Duration>,
    /// The time after which `analysis.onTimeout` decides. 20m where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::rollout::at_least_a_second")]
    pub max: Option<Duration>,
}

/// A wait at the end of a step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pause {
    /// How long to wait. Without it a person resumes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::rollout::at_least_a_second")]
    pub duration: Option<Duration>,
}

/// A rule that makes steps: exactly one of its fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "has(self.linear) != has(self.exponential)", "message": "schedule must have exactly one of linear and exponential"}
]))]
pub struct Schedule {
    /// Equal increments: `{by: 10, upTo: 50}` is 10, 20, 30, 40, 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linear: Option<Linear>,
    /// Growing increments: `{from: 1, factor: 2, upTo: 50}` is 1, 2, 4, 8, 16, 32, 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exponential: Option<Exponential>,
    /// How long each step lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<StepHold>,
}

/// Equal increments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "self.by <= self.upTo", "message": "linear.by must not be above linear.upTo"}
]))]
pub struct Linear {
    /// The increment, in percent; also the first weight.
    #[schemars(range(min = 1, max = 100))]
    pub by: u32,
    /// The last weight, in percent.
    #[schemars(range(min = 1, max = 100))]
    pub up_to: u32,
}

/// Growing increments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "self.from <= self.upTo", "message": "exponential.from must not be above exponential.upTo"}
]))]
pub struct Exponential {
    /// The first weight, in percent.
    #[schemars(range(min = 1, max = 100))]
    pub from: u32,
    /// What each weight is multiplied by for the next.
    #[schemars(range(min = 2, max = 10))]
    pub factor: u32,
    /// The last weight, in percent.
    #[schemars(range(min = 1, max = 100))]
    pub up_to: u32,
}

fn yes() -> bool {
    true
}

fn ten_minutes() -> Duration {
    StdDuration::from_mins(10).into()
}

/// The schema of a duration of at least a second and at most a month. Prometheus scrapes every few seconds at best, and
/// nothing that Siskin waits for changes within one.
pub(super) fn at_least_a_second(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "string",
        "pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$",
        "maxLength": 32,
        "x-kubernetes-validations": [{
            "rule": "duration(self) >= duration('1s') && duration(self) <= duration('744h')",
            "message": "a duration must be at least 1s and at most 744h (write 30s, 10m, 1h30m)"
        }]
    })
}

impl Canary {
    /// The steps as listed, or as the schedule makes them. Never empty for a Rollout that the API server accepted.
    pub fn steps(&self) -> Vec<Step> {
        if let Some(steps) = &self.steps {
            return steps.clone();
        }
        let Some(schedule) = &self.schedule else { return Vec::new() };
        let weights = match (&schedule.linear, &schedule.exponential) {
            (Some(linear), _) => grow(linear.by, linear.up_to, |weight| weight + linear.by),
            (None, Some(curve)) => grow(curve.from, curve.up_to, |weight| weight * curve.factor),
            (None, None) => Vec::new(),
        };
        weights.into_iter().map(|weight| Step { weight, hold: schedule.hold.clone(), pause: None }).collect()
    }
}

/// The weights from `first` by `next` below `last`, then `last`.
fn grow(first: u32, last: u32, next: impl Fn(u32) -> u32) -> Vec<u32> {
    let mut weights: Vec<u32> = std::iter::successors(Some(first.max(1)), |weight| Some(next(*weight)))
        .take_while(|weight| *weight < last)
        .take(100)
        .collect();
    weights.push(last);
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(canary: &str) -> Vec<u32> {
        let canary: Canary = serde_saphyr::from_str(canary).expect("the test's YAML is a canary");
        canary.steps().iter().map(|step| step.weight).collect()
    }

    #[test]
    fn a_schedule_ends_at_its_last_weight_exactly() {
        assert_eq!(weights("schedule: {linear: {by: 10, upTo: 50}}"), [10, 20, 30, 40, 50]);
        assert_eq!(weights("schedule: {linear: {by: 30, upTo: 50}}"), [30, 50]);
        assert_eq!(weights("schedule: {exponential: {from: 1, factor: 2, upTo: 50}}"), [1, 2, 4, 8, 16, 32, 50]);
        assert_eq!(weights("schedule: {exponential: {from: 5, factor: 10, upTo: 5}}"), [5]);
    }

    #[test]
    fn listed_steps_are_kept_as_listed() {
        assert_eq!(weights("steps: [{weight: 5}, {weight: 25}]"), [5, 25]);
    }
}
