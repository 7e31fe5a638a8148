//! A deleted Rollout: the traffic goes to the stable version, everything generated goes, routes and Service are as
//! before, and a version that nobody has judged is never released by accident.

use std::time::Duration;

use json_patch::{Patch, PatchOperation, RemoveOperation, TestOperation, jsonptr::PointerBuf};
use serde_json::json;

use super::{
    draft::Draft,
    facts::{Facts, owned_by},
    idle::FINALIZER,
    objects::{self, rollout_key},
    traffic::{self, Applied, PROPAGATION},
};
use crate::{
    act::Purpose,
    api::Phase,
    workload::{TemplateIs, deployment},
};

pub(super) fn plan(draft: &mut Draft<'_>) {
    draft.again(PROPAGATION);
    match Facts::gather(draft.observed) {
        Ok(facts) => {
            if !clean(draft, &facts) {
                return;
            }
            release(draft, &facts);
        }
        // What is missing can't be put back. The rest is: generated objects go, and the workload is let go.
        Err(_) => orphaned(draft),
    }
    drop_finalizer(draft);
}

/// Puts everything back. Says whether nothing is left to do.
fn clean(draft: &mut Draft<'_>, facts: &Facts<'_>) -> bool {
    // A version that has passed goes on with its own rolling update; until then the traffic is the stable version's.
    let passed = matches!(facts.status().phase, Phase::Promoting | Phase::Finishing);
    if passed || facts.pinned {
        if passed && !traffic::is_restored(facts) {
            objects::unfence(draft, facts);
        }
        if traffic::restore(draft, facts) != Applied::Yes {
            return false;
        }
    } else if facts.canary().is_some() {
        traffic::to_stable(draft, facts);
    }
    let canary_there = objects::delete(draft, facts.canary());
    let serving = !passed && !facts.observed.endpoints.canary.is_empty();
    if canary_there || serving {
        draft.again(Duration::from_secs(1));
        return false;
    }
    if !traffic::put_back(draft, facts) {
        return false;
    }
    let unpinned = objects::unpin(draft, facts);
    let services = objects::delete_services(draft, facts);
    let subsets = objects::remove_subsets(draft, facts);
    !(unpinned || services || subsets)
}

/// Lets the workload go. One that waits for a verdict stays paused, and says so.
fn release(draft: &mut Draft<'_>, facts: &Facts<'_>) {
    let unjudged = deployment::held(facts.workload) && facts.template != TemplateIs::Stable && facts.stable.is_some();
    let name = facts.workload.name();
    let because = unjudged.then(|| {
        format!(
            "Rollout {} was deleted before this pod template was judged, so it is not rolled out; \
             release it with: kubectl rollout resume deployment/{name}; or revert it with: kubectl rollout undo deployment/{name}",
            facts.name()
        )
    });
    if draft.patch(facts.workload.key(), deployment::release(facts.workload, because.as_deref()), Purpose::Release)
        && let Some(because) = &because
    {
        draft.warn("WorkloadStaysPaused", &format!("Deployment {name} stays paused: {because}"));
    }
}

fn orphaned(draft: &mut Draft<'_>) {
    let observed = draft.observed;
    let uid = observed.rollout.metadata.uid.as_deref();
    for object in [&observed.canary, &observed.canary_service, &observed.stable_service].into_iter().flatten() {
        if owned_by(object, uid) {
            objects::delete(draft, Some(object));
        }
    }
    // The older Rollout of a pair has the workload; the younger one has never touched it.
    if let Some(workload) = observed.workload.as_ref().filter(|_| observed.rival.is_none()) {
        let because = deployment::held(workload).then_some(
            "its Rollout was deleted while something that it needs was missing; go on with: kubectl rollout resume",
        );
        draft.patch(workload.key(), deployment::release(workload, because), Purpose::Release);
    }
}

fn drop_finalizer(draft: &mut Draft<'_>) {
    let finalizers = draft.observed.rollout.metadata.finalizers.as_deref().unwrap_or_default();
    let Some(index) = finalizers.iter().position(|known| known == FINALIZER) else { return };
    let path = PointerBuf::from_tokens(["metadata", "finalizers", &index.to_string()]);
    let patch = Patch(vec![
        PatchOperation::Test(TestOperation { path: path.clone(), value: json!(FINALIZER) }),
        PatchOperation::Remove(RemoveOperation { path }),
    ]);
    draft.patch(rollout_key(draft), Some(patch), Purpose::Release);
    draft.end();
}
