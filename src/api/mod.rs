//! The kinds that users write, their validation rules, and the words that conditions and events use.
//!
//! What the API server can refuse by itself is written here as OpenAPI and CEL; what needs a look-up is found by
//! [`crate::plan`] and said in the `Ready` condition.

pub mod admission;
pub mod analysis;
pub mod analysis_run;
pub mod analysis_state;
pub mod condition;
mod crds;
pub mod rollout;
pub mod status;
pub mod template;
pub mod verb;

pub use analysis::{Analysis, NoDataPolicy, OnNoData, OnRegression, OnTimeout, Preset, TemplateRef};
pub use analysis_run::{
    AnalysisPhase, AnalysisRun, AnalysisRunSpec, AnalysisRunStatus, ArmVariables, Arms, ClockState, RolloutRun,
};
pub use analysis_state::{AnalysisState, LearnedLater, MetricBaseline, MetricState, StepLooks};
pub use crds::crds;
pub use rollout::{
    Canary, HoldMode, Pause, Rollout, RolloutSpec, RouteKindName, RouteRef, Schedule, Step, StepHold, Strategy,
    Traffic, WorkloadRef,
};
pub use status::{
    ArmCounts, ArmQuantiles, Blind, MetricEvidence, Outcome, OutcomeKind, PauseReason, PauseStatus, Phase,
    RolloutStatus, RouteMemory, RunStatus, StepStatus, VerbAnswer, WeightStatus,
};
pub use template::{
    AnalysisTemplate, AnalysisTemplateSpec, Argument, ClusterAnalysisTemplate, ErrorRate, Gauge, HardLimit, Kind,
    Latency, MarginSpec, Margins, Metric, Rate, Threshold, Worse,
};
pub use verb::{Verb, VerbRequest};

/// The API group of every kind here.
pub const GROUP: &str = "siskin.dev";
/// The version of every kind here.
pub const VERSION: &str = "v1alpha1";
