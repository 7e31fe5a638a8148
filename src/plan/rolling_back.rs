//! The traffic is back; now the canary ends, and what was made for the run goes. The workload stays held until its
//! user reverts the template or writes a new one.

use std::time::Duration;

use super::{
    draft::Draft,
    facts::Facts,
    objects, run,
    traffic::{self, PROPAGATION},
};
use crate::{
    api::{OutcomeKind, Phase},
    workload::{TemplateIs, deployment},
};

/// How long the canary's pods may finish what they have before they are asked to end.
const CANARY_END_DELAY: Duration = Duration::from_secs(10);

pub(super) fn plan(draft: &mut Draft<'_>, facts: &Facts<'_>) {
    draft.again(PROPAGATION);
    let waited = draft.status.run.as_ref().map_or(CANARY_END_DELAY, |run| run::since(draft.now, &run.since));
    let gone = facts.canary().is_none_or(|canary| deployment::wanted(canary) == 0 && deployment::running(canary) == 0)
        && facts.observed.endpoints.canary.is_empty();
    if !gone {
        // Someone may write the route meanwhile; whatever was written, the canary gets nothing.
        traffic::to_stable(draft, facts);
        match facts.canary() {
            Some(canary) if waited >= CANARY_END_DELAY => {
                objects::scale_to_zero(draft, canary);
            }
            _ => draft.again(CANARY_END_DELAY.saturating_sub(waited)),
        }
        return;
    }
    // Subsets and the stable Service go a moment after the last route that named them.
    if !traffic::put_back(draft, facts) {
        return;
    }
    let unpinned = objects::unpin(draft, facts);
    let services = objects::delete_services(draft, facts);
    let subsets = objects::remove_subsets(draft, facts);
    let reverted = facts.template == TemplateIs::Stable;
    let released = reverted && !objects::always_held(facts) && objects::unhold(draft, facts);
    let canary = reverted && objects::delete(draft, facts.canary());
    if unpinned || services || subsets || released || canary {
        return;
    }
    let Some(ending) = draft.status.run.as_mut().and_then(|run| run.ending.take()) else {
        return draft.enter(Phase::Idle, "the run is over");
    };
    let message = ending.message.clone();
    let held = ending.outcome == OutcomeKind::RolledBack && !reverted;
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
