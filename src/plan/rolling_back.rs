//! The traffic is back; now the canary ends, and what was made for the run goes. The workload stays held until its
//! user reverts the template or writes a new one.

use std::time::Duration;

use super::{
    draft::Draft,
    facts::Facts,
    last_resort, objects, run,
    seen::Seen,
    traffic::{self, PROPAGATION},
};
use crate::{
    api::{OutcomeKind, Phase},
    workload::{TemplateIs, deployment},
};

/// How long the canary's pods may finish what they have before they are asked to end.
const CANARY_END_DELAY: Duration = Duration::from_secs(10);

pub(super) fn plan(draft: &mut Draft<'_>, facts: &Facts<'_>) {
    if !put_away(draft, facts) {
        return;
    }
    let reverted = facts.template == TemplateIs::Stable;
    let ending = draft.status.run.as_ref().and_then(|run| run.ending.as_ref());
    let held = !reverted && ending.is_some_and(|ending| ending.outcome == OutcomeKind::RolledBack);
    let released = reverted && !objects::always_held(facts) && objects::unhold(draft, facts);
    // The memory of a rejected template is only needed where that is held.
    let canary = !held && objects::delete(draft, facts.canary());
    if !(released || canary) {
        end(draft, held);
    }
}

/// The same where the workload is gone, or is another one: there is nothing to hold.
pub(super) fn without_workload(draft: &mut Draft<'_>, seen: &Seen<'_>) {
    if put_away(draft, seen) && !objects::delete(draft, seen.canary()) {
        draft.status.stable_revision = None;
        draft.status.workload_uid = None;
        end(draft, false);
    }
}

/// Takes away what the run has made: traffic first, then the canary's pods, then what the routes named. Says whether
/// nothing is left.
fn put_away(draft: &mut Draft<'_>, seen: &Seen<'_>) -> bool {
    draft.again(PROPAGATION);
    if seen.stable_is_gone() || seen.workload.is_none() {
        // A Service that selects what is not there any more serves nobody.
        objects::unpin(draft, seen);
    }
    let waited = draft.status.run.as_ref().map_or(CANARY_END_DELAY, |run| run::since(draft.now, &run.since));
    let gone = seen.canary().is_none_or(|canary| deployment::wanted(canary) == 0 && deployment::running(canary) == 0)
        && seen.observed.endpoints.canary.is_empty();
    if !gone {
        // Someone may write the route meanwhile; whatever was written, the canary gets nothing.
        traffic::to_stable(draft, seen);
        match seen.canary() {
            _ if waited < CANARY_END_DELAY => draft.again(CANARY_END_DELAY.saturating_sub(waited)),
            Some(canary) if last_resort::canary_has_no_traffic(seen) => {
                objects::scale_to_zero(draft, canary);
            }
            _ => {}
        }
        return false;
    }
    // Subsets and the stable Service go a moment after the last route that named them.
    if !traffic::put_back(draft, seen) {
        return false;
    }
    let unpinned = objects::unpin(draft, seen);
    let services = objects::delete_services(draft, seen);
    let subsets = objects::remove_subsets(draft, seen);
    !(unpinned || services || subsets)
}

fn end(draft: &mut Draft<'_>, held: bool) {
    let Some(ending) = draft.status.run.as_mut().and_then(|run| run.ending.take()) else {
        return draft.enter(Phase::Idle, "the run is over");
    };
    let message = ending.message.clone();
    let revision = ending.revision.clone();
    run::push(draft, ending);
    run::close(draft);
    draft.status.canary_revision = revision.filter(|_| held);
    draft.enter(if held { Phase::RolledBack } else { Phase::Idle }, &message);
    draft.again(Duration::ZERO);
}

/// Held on the stable version: a revert ends it, a new template begins a run.
pub(super) fn held(draft: &mut Draft<'_>, facts: &Facts<'_>) {
    match facts.template {
        TemplateIs::Stable => {
            let released = !objects::always_held(facts) && objects::unhold(draft, facts);
            let canary = objects::delete(draft, facts.canary());
            if !released && !canary {
                let revision = run::stable_revision(draft);
                let message = format!("the pod template was reverted to revision {revision}");
                draft.tell("Reverted", &message);
                run::close(draft);
                draft.enter(Phase::Idle, &message);
                draft.again(Duration::ZERO);
            }
        }
        // The memory of the rejected template is gone: somebody deleted it. What is there now is taken as rejected.
        TemplateIs::New if facts.canary().is_none() => {
            objects::hold(draft, facts);
            objects::memory(draft, facts);
        }
        TemplateIs::New => run::begin(draft, facts),
        TemplateIs::Canary => {
            objects::hold(draft, facts);
        }
    }
}
