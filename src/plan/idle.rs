//! At rest: the workload is watched, and nothing of Siskin is in its way. A new template begins a run.

use std::time::Duration;

use json_patch::{AddOperation, Patch, PatchOperation, TestOperation, jsonptr::PointerBuf};
use serde_json::json;

use super::{
    draft::Draft,
    facts::Facts,
    objects::{self, rollout_key},
    problem::{self, Problem},
    run,
};
use crate::{
    act::Purpose,
    api::{HoldMode, Phase, condition::ready},
    workload::{TemplateIs, deployment},
};

/// The finalizer that lets a deleted Rollout clean up.
pub(super) const FINALIZER: &str = "siskin.dev/finalizer";

/// How soon a workload that is updating is looked at again, should no watch tell.
const AGAIN: Duration = Duration::from_secs(30);

pub(super) fn plan(draft: &mut Draft<'_>, facts: &Facts<'_>) {
    if !draft.status.routes.is_empty() || draft.status.run.is_some() {
        run::close(draft);
    }
    if facts.status().stable_revision.is_none() {
        // Which template is new can be told only from the next look on.
        if find_stable(draft, facts) {
            draft.again(Duration::ZERO);
        }
        return;
    }
    if facts.workload_is_another() || facts.stable_is_gone() {
        return take_over(draft, facts);
    }
    if facts.stable.is_none() {
        // Scaled to nothing before its ReplicaSet was seen; there is nobody to protect.
        draft.status.stable_revision = None;
        return draft.again(Duration::ZERO);
    }
    adopt(draft, facts);
    match facts.template {
        TemplateIs::Stable => rest(draft, facts),
        _ if deployment::paused_by_its_user(facts.workload) => {
            let name = facts.workload.name();
            draft.status.phase = Phase::Idle;
            draft.say(format!(
                "Deployment {name} is paused by its user, so its new pod template waits; a run begins with: kubectl rollout resume deployment/{name}"
            ));
        }
        TemplateIs::Canary | TemplateIs::New => run::begin(draft, facts),
    }
}

/// A version that rolled out by itself is what users get: to fence it off would leave them with nothing.
pub(super) fn take_over(draft: &mut Draft<'_>, facts: &Facts<'_>) {
    let name = facts.workload.name();
    let message = if facts.workload_is_another() {
        format!("Deployment {name} was deleted and made again, and what it runs now was not judged")
    } else {
        format!(
            "revision {} has no pods any more: Deployment {name} was not held when its pod template changed, and the new one rolled out without being judged",
            run::stable_revision(draft),
        )
    };
    objects::unpin(draft, facts);
    objects::delete(draft, facts.canary());
    draft.status.stable_revision = None;
    draft.status.workload_uid = None;
    draft.status.phase = Phase::Idle;
    run::close(draft);
    draft.say(&message);
    draft.warn("RolledOutUnjudged", &message);
    draft.again(Duration::ZERO);
}

/// Nothing to do: at rest, a leftover hold is taken off (a template that was changed and changed back unseen).
fn rest(draft: &mut Draft<'_>, facts: &Facts<'_>) {
    if objects::always_held(facts) && !deployment::paused_by_its_user(facts.workload) {
        if objects::hold(draft, facts) && facts.spec.hold == HoldMode::Auto {
            let message = format!(
                "no admission policy holds workloads here, so Deployment {} is paused all the time from now on: a new pod template must not roll out unjudged",
                facts.workload.name()
            );
            draft.warn("HeldAllTheTime", &message);
        }
    } else if deployment::held(facts.workload) {
        objects::unhold(draft, facts);
    }
    draft.status.phase = Phase::Idle;
    let message = message(draft);
    draft.say(message);
}

/// What there is to say of a Rollout at rest.
pub(super) fn message(draft: &Draft<'_>) -> String {
    format!("revision {} is what users get; a new pod template begins a run", run::stable_revision(draft))
}

/// The finalizer on the Rollout and the label on the workload.
fn adopt(draft: &mut Draft<'_>, facts: &Facts<'_>) {
    let finalizers = draft.observed.rollout.metadata.finalizers.as_deref().unwrap_or_default();
    if !finalizers.iter().any(|known| known == FINALIZER) {
        let patch = add_finalizer(
            draft.observed.rollout.metadata.finalizers.is_some(),
            draft.observed.rollout.metadata.uid.as_deref(),
        );
        draft.patch(rollout_key(draft), Some(patch), Purpose::Adopt);
    }
    draft.patch(facts.workload.key(), deployment::adopt(facts.workload), Purpose::Adopt);
}

fn add_finalizer(list: bool, uid: Option<&str>) -> Patch {
    let path = |tokens: &[&str]| PointerBuf::from_tokens(tokens.iter().copied());
    let add = if list {
        AddOperation { path: path(&["metadata", "finalizers", "-"]), value: json!(FINALIZER) }
    } else {
        AddOperation { path: path(&["metadata", "finalizers"]), value: json!([FINALIZER]) }
    };
    Patch(vec![
        PatchOperation::Test(TestOperation { path: path(&["metadata", "uid"]), value: json!(uid) }),
        PatchOperation::Add(add),
    ])
}

/// Finds the revision that users can rely on: of a workload at rest its only one, of a held one the one it runs.
fn find_stable(draft: &mut Draft<'_>, facts: &Facts<'_>) -> bool {
    let sets = &facts.observed.replica_sets;
    let set = if deployment::paused(facts.workload) {
        deployment::largest_replica_set(sets).or_else(|| deployment::current_replica_set(facts.workload, sets))
    } else if deployment::rolled_out(facts.workload) {
        deployment::current_replica_set(facts.workload, sets)
    } else {
        None
    };
    let Some(revision) = set.and_then(deployment::revision) else {
        let name = facts.workload.name();
        let message = format!(
            "Deployment {name} is still rolling out; its first revision is taken over when all its pods are available"
        );
        problem::hold(draft, &Problem::new(ready::WORKLOAD_UPDATING, message));
        draft.again(AGAIN);
        return false;
    };
    draft.status.stable_revision = Some(revision.to_owned());
    draft.status.workload_uid = Some(facts.workload.uid().to_owned());
    draft.say(format!("revision {revision} was found"));
    true
}
