//! After the rolling update: the routes go back to what their user wrote, then the canary goes.

use std::time::Duration;

use super::{draft::Draft, facts::Facts, idle, objects, run, traffic};
use crate::api::{OutcomeKind, Phase};

pub(super) fn plan(draft: &mut Draft<'_>, facts: &Facts<'_>) {
    // Where no policy holds the workload, a template that is pushed from now on must find it held.
    if objects::always_held(facts) {
        objects::hold(draft, facts);
    }
    if !traffic::put_back(draft, facts) {
        return;
    }
    let canary = objects::delete(draft, facts.canary());
    let services = objects::delete_services(draft, facts);
    let subsets = objects::remove_subsets(draft, facts);
    let unpinned = objects::unpin(draft, facts);
    if canary || services || subsets || unpinned {
        return;
    }
    let Some(ending) = draft.status.run.as_mut().and_then(|run| run.ending.take()) else {
        return draft.enter(Phase::Idle, "the run is over");
    };
    let message = match ending.outcome {
        OutcomeKind::Promoted => {
            format!("revision {} is what all users get: {}", run::stable_revision(draft), ending.message)
        }
        _ => ending.message.clone(),
    };
    draft.tell(&ending.reason.clone(), &message);
    run::push(draft, ending);
    run::close(draft);
    let at_rest = idle::message(draft);
    draft.enter(Phase::Idle, &at_rest);
    draft.status.verdict = None;
    draft.again(Duration::ZERO);
}
