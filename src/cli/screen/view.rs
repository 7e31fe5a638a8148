//! What the screen shows of a Rollout, taken out of the objects once, so that drawing needs no cluster and no clock.

use k8s_openapi::{api::apps::v1::Deployment, apimachinery::pkg::apis::meta::v1::Condition};

use super::{bar::Position, conditions};
use crate::{
    api::{
        Canary, MetricEvidence, Outcome, Phase, Rollout, WeightStatus,
        condition::READY,
        status::{Blind, VerbAnswer},
    },
    model::Timestamp,
};

/// One Rollout at one moment.
#[derive(Clone, Debug)]
pub(in crate::cli) struct View {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) now: Timestamp,
    pub(super) created: Option<Timestamp>,
    pub(super) phase: Phase,
    pub(super) message: Option<String>,
    /// Why the Rollout can't do its work, where it can't.
    pub(super) not_ready: Option<String>,
    /// What else holds or does not.
    pub(super) conditions: Vec<Condition>,
    pub(super) run: Option<Run>,
    pub(super) steps: Vec<u32>,
    pub(super) position: Position,
    /// `2/3`.
    pub(super) step: Option<String>,
    pub(super) weight: Option<WeightStatus>,
    pub(super) verdict: Option<String>,
    pub(super) stable: Side,
    pub(super) canary: Option<Side>,
    pub(super) metrics: Vec<MetricEvidence>,
    pub(super) last_verb: Option<VerbAnswer>,
    pub(super) outcomes: Vec<Outcome>,
}

/// The run that is on its way.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) number: u64,
    pub(super) started: Timestamp,
    pub(super) since: Timestamp,
    pub(super) blind: Option<Blind>,
}

/// The pods of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) deployment: String,
    pub(super) revision: Option<String>,
    /// Ready and desired pods, where the Deployment could be read.
    pub(super) pods: Option<(i32, i32)>,
    /// The first container's image, where it is known to be what these pods run.
    pub(super) image: Option<String>,
}

/// The name of the canary Deployment of a workload.
pub(in crate::cli) fn canary_name(workload: &str) -> String {
    format!("{workload}-canary")
}

impl View {
    /// Takes a Rollout, its workload and its canary (where they could be read) as they are now.
    pub(in crate::cli) fn new(
        rollout: &Rollout,
        workload: Option<&Deployment>,
        canary: Option<&Deployment>,
        now: Timestamp,
    ) -> Self {
        let status = rollout.status.clone().unwrap_or_default();
        let never_seen = rollout.status.is_none();
        let running = status.phase.running();
        let workload_name = &rollout.spec.workload_ref.name;
        let not_ready =
            status.conditions.iter().find(|condition| condition.type_ == READY && condition.status == "False");
        Self {
            namespace: rollout.metadata.namespace.clone().unwrap_or_default(),
            name: rollout.metadata.name.clone().unwrap_or_default(),
            now,
            created: rollout.metadata.creation_timestamp.as_ref().map(|time| time.0),
            phase: status.phase,
            message: if never_seen {
                Some("No controller has looked at this Rollout yet".into())
            } else {
                status.message
            },
            conditions: conditions::shown(&status.conditions, running),
            not_ready: not_ready.map(|condition| format!("{}: {}", condition.reason, condition.message)),
            run: status.run.filter(|_| running).map(|run| Run {
                number: status.runs,
                started: run.started_at.0,
                since: run.since.0,
                blind: run.blind,
            }),
            steps: step_weights(rollout),
            position: match (&status.step, status.phase) {
                (_, Phase::Promoting | Phase::Finishing) => Position::Last,
                (Some(step), phase) if phase.running() => {
                    usize::try_from(step.index).map_or(Position::None, Position::At)
                }
                _ => Position::None,
            },
            step: status.step.map(|step| step.position),
            weight: status.weight.filter(|_| running),
            verdict: status.verdict,
            stable: Side {
                deployment: workload_name.clone(),
                revision: status.stable_revision,
                pods: workload.map(pods),
                // In a run the workload already carries the new template, while its pods run the old one.
                image: workload.filter(|_| status.phase == Phase::Idle).and_then(image),
            },
            canary: (canary.is_some() || running).then(|| Side {
                deployment: canary_name(workload_name),
                revision: status.canary_revision,
                pods: canary.map(pods),
                image: canary.and_then(image),
            }),
            // After a rollback the evidence is what people come for.
            metrics: if running || status.phase == Phase::RolledBack { status.evidence } else { Vec::new() },
            last_verb: status.last_verb,
            outcomes: status.outcomes,
        }
    }
}

/// The weights of the steps, and the promotion after them.
fn step_weights(rollout: &Rollout) -> Vec<u32> {
    let mut weights: Vec<u32> =
        rollout.spec.strategy.canary.iter().flat_map(Canary::steps).map(|step| step.weight).collect();
    if weights.last().is_some_and(|last| *last < 100) {
        weights.push(100);
    }
    weights
}

fn pods(deployment: &Deployment) -> (i32, i32) {
    let ready = deployment.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0);
    let desired = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    (ready, desired)
}

fn image(deployment: &Deployment) -> Option<String> {
    deployment.spec.as_ref()?.template.spec.as_ref()?.containers.first()?.image.clone()
}
