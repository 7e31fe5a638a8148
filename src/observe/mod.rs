//! What is seen of one Rollout at one moment: everything that a decision may depend on, and nothing else.
//!
//! [`Observed`] is assembled from shared caches by [`snapshot`]; it holds no client and asks nobody. What costs a
//! question to somebody (numbers of Prometheus, why a pod does not start) is added by the controller when the plan
//! says that it needs it.

mod analysis_run;
mod cache;
mod failed_write;
mod index;
mod interest;
mod kind;
mod selection;
mod snapshot;
mod stored;
mod trim;

use std::collections::BTreeSet;

pub use analysis_run::{ObservedAnalysisRun, analysis_run};
pub use cache::{Cache, Listing, View, Wanted};
pub use failed_write::{FailedWrite, RETRY_OF_LOWERING, Writes};
pub use kind::Kind;
pub use snapshot::{Malformed, analysis_run_name, parse_rollout, read_rollout, snapshot};

use crate::{
    api::{AnalysisTemplateSpec, Rollout, RouteRef},
    measure::Measurement,
    model::{Object, Timestamp},
};

/// Everything that a decision about one Rollout may depend on.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The Rollout: its spec, and its status as the source of truth.
    pub rollout: Rollout,
    /// What the cluster offers.
    pub cluster: Cluster,
    /// The workload that the Rollout names.
    pub workload: Option<Object>,
    /// The ReplicaSets that the workload controls.
    pub replica_sets: Vec<Object>,
    /// `<workload>-canary`, whoever's it is.
    pub canary: Option<Object>,
    /// The ReplicaSets that the canary controls.
    pub canary_replica_sets: Vec<Object>,
    /// The user's Service.
    pub service: Option<Object>,
    /// Other Deployments with pods that the user's Service selects, by name.
    pub service_shared_with: Vec<String>,
    /// The other Services that select the workload's pods, and those that the run has pinned.
    pub other_services: Vec<OtherService>,
    /// `<service>-canary`, whoever's it is.
    pub canary_service: Option<Object>,
    /// `<service>-stable`, whoever's it is.
    pub stable_service: Option<Object>,
    /// The routes: those of the spec in its order, then those that the run has edited and the spec no longer names.
    pub routes: Vec<ObservedRoute>,
    /// Every DestinationRule of the namespace.
    pub destination_rules: Vec<Object>,
    /// Names of pods with a ready endpoint, by the Service whose EndpointSlices say so.
    pub endpoints: ReadyEndpoints,
    /// The templates of the analysis, in the order of the spec.
    pub templates: Vec<ObservedTemplate>,
    /// The AnalysisRun of the Rollout's run, whoever's it is.
    pub analysis_run: Option<Object>,
    /// The older Rollout that has the same workload.
    pub rival: Option<String>,
    /// Queries that Prometheus refuses to parse, by `template/metric`, with its text; addresses that are not allowed.
    pub refusals: Vec<Refusal>,
    /// When Prometheus was last asked for a look of this Rollout. Kept in memory: nothing after a restart.
    pub looked_at: Option<Timestamp>,
    /// What Prometheus said at this look, where the plan asked for one.
    pub measurement: Option<Measurement>,
    /// What it said of the time before the run, oldest first, where the plan asked for it.
    pub history: Option<Vec<Measurement>>,
    /// The pods that the plan asked for.
    pub pods: Option<Vec<SeenPod>>,
    /// Why pods of the canary do not get ready, where the plan asked for it.
    pub troubles: Option<Vec<String>>,
    /// What became of the last writes for this Rollout.
    pub writes: Writes,
}

/// What the cluster offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// Whether the admission policy that holds workloads is in force.
    pub admission_hold: bool,
    /// Whether the API server writes into each verb who asked for it.
    pub verified_askers: bool,
    /// The optional kinds that are installed.
    pub kinds: BTreeSet<Kind>,
}

/// A Service beside the Rollout's own that selects the workload's pods.
#[derive(Clone, Debug)]
pub struct OtherService {
    /// The Service.
    pub object: Object,
    /// Other Deployments with pods that it selects, by name.
    pub shared_with: Vec<String>,
}

/// A pod, as far as it has to be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenPod {
    /// Its name.
    pub name: String,
    /// The uid of what controls it.
    pub controller: String,
}

/// A route that the spec names, or that the run has edited.
#[derive(Clone, Debug)]
pub struct ObservedRoute {
    /// As the spec names it.
    pub reference: RouteRef,
    /// The route, if it exists.
    pub object: Option<Object>,
}

/// A template that the spec names.
#[derive(Clone, Debug)]
pub struct ObservedTemplate {
    /// Its name.
    pub name: String,
    /// The template, if it exists.
    pub spec: Option<AnalysisTemplateSpec>,
}

/// Names of pods with a ready endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadyEndpoints {
    /// Behind the user's Service.
    pub service: BTreeSet<String>,
    /// Behind `<service>-canary`.
    pub canary: BTreeSet<String>,
    /// Behind `<service>-stable`.
    pub stable: BTreeSet<String>,
    /// Behind `<service>-canary`, but about to end.
    pub ending: BTreeSet<String>,
}

/// A query that can't be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `template/metric`.
    pub metric: String,
    /// Whether the address is the reason, and not the query.
    pub address: bool,
    /// Prometheus' own text, or what is wrong with the address.
    pub text: String,
}
