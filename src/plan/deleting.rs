//! A deleted Rollout: the traffic goes to the stable version, everything generated goes, routes and Service are as
//! before, and a version that nobody has judged is never released by accident.

use std::time::Duration;

use json_patch::{Patch, PatchOperation, RemoveOperation, TestOperation, jsonptr::PointerBuf};
use serde_json::json;

use super::{
    draft::Draft,
    idle::FINALIZER,
    objects::{self, rollout_key},
    run,
    seen::Seen,
    traffic::{self, PROPAGATION},
};
use crate::{
    act::Purpose,
    api::Phase,
    workload::{TemplateIs, deployment},
};

pub(super) fn plan(draft: &mut Draft<'_>) {
    draft.again(PROPAGATION);
    let seen = Seen::gather(draft.observed);
    // The older Rollout of a pair has the workload, its Service and its routes; the younger one has never touched them.
    if draft.observed.rival.is_none() {
        if !clean(draft, &seen) {
            return;
        }
        release(draft, &seen);
    }
    drop_finalizer(draft);
}

/// Puts everything back that is there: routes first, then, once no proxy can know it any more, the canary, then what the
/// routes named. Says whether nothing is left to do.
fn clean(draft: &mut Draft<'_>, seen: &Seen<'_>) -> bool {
    if seen.stable_is_gone() || seen.workload.is_none() {
        // A Service that selects what is not there any more serves nobody.
        objects::unpin(draft, seen);
    }
    // A version that has passed goes on with its own rolling update; until then the traffic is the stable version's.
    let passed = matches!(seen.phase(), Phase::Promoting | Phase::Finishing);
    if passed || seen.pinned {
        if passed && !traffic::is_restored(seen) {
            objects::unfence(draft, seen);
        }
        if !traffic::put_back(draft, seen) {
            return false;
        }
    } else if !taken_off(draft, seen) {
        return false;
    }
    let canary_there = objects::delete(draft, seen.canary());
    let serving = !passed && !seen.observed.endpoints.canary.is_empty();
    if canary_there || serving {
        draft.again(Duration::from_secs(1));
        return false;
    }
    if !traffic::put_back(draft, seen) {
        return false;
    }
    let unpinned = objects::unpin(draft, seen);
    let services = objects::delete_services(draft, seen);
    let subsets = objects::remove_subsets(draft, seen);
    !(unpinned || services || subsets)
}

/// Where the user's own route would reach the canary's pods too, they go before that is put back: the routes give the
/// canary nothing, for so long that no proxy still sends to it. Says whether that is so.
fn taken_off(draft: &mut Draft<'_>, seen: &Seen<'_>) -> bool {
    if seen.canary().is_none() {
        return true;
    }
    if seen.live_weight() > 0 {
        let now = draft.time();
        if let Some(run) = &mut draft.status.run {
            run.restored_at = Some(now);
        }
        draft.save();
        traffic::to_stable(draft, seen);
        return false;
    }
    let lowered = draft.status.run.as_ref().and_then(|run| run.restored_at.as_ref());
    let waited = lowered.map_or(PROPAGATION, |lowered| run::since(draft.now, lowered));
    draft.again(PROPAGATION.saturating_sub(waited));
    waited >= PROPAGATION
}

/// Lets the workload go. One that waits for a verdict stays paused, and says so.
fn release(draft: &mut Draft<'_>, seen: &Seen<'_>) {
    let Some(workload) = seen.workload else { return };
    let template = deployment::template_is(workload, seen.stable, seen.canary());
    let unjudged = deployment::held(workload) && template != TemplateIs::Stable && !seen.stable_is_gone();
    let name = workload.name();
    let because = unjudged.then(|| {
        format!(
            "Rollout {} was deleted before this pod template was judged, so it is not rolled out; \
             release it with: kubectl rollout resume deployment/{name}; or revert it with: kubectl rollout undo deployment/{name}",
            seen.name()
        )
    });
    if draft.patch(workload.key(), deployment::release(workload, because.as_deref()), Purpose::Release)
        && let Some(because) = &because
    {
        draft.warn("WorkloadStaysPaused", &format!("Deployment {name} stays paused: {because}"));
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
