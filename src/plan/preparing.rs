//! Before any traffic: the stable side is fenced off, then the canary's pods start.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use super::{
    draft::Draft,
    facts::Facts,
    look, objects, progressing, run,
    traffic::{self, Applied, PROPAGATION},
};
use crate::{
    api::{OutcomeKind, Phase},
    model::{Object, POD_TEMPLATE_HASH},
    workload::{TemplateIs, deployment},
};

/// How often an unready canary is looked at again, should no watch tell.
const AGAIN: Duration = Duration::from_secs(5);

pub(super) fn plan(draft: &mut Draft<'_>, facts: &Facts<'_>) {
    draft.again(AGAIN);
    let Some(step) = facts.steps.first() else { return };
    if run::refused(draft, facts) {
        return;
    }
    let needed = replicas(facts, step.weight);
    let known = !replaces_another(facts) || facts.observed.pods.is_some();
    let ready = known && progressing::ready(facts, needed);
    if !ready && facts.template != TemplateIs::New && run::overdue(facts, draft.now) {
        return wait(draft, facts, needed);
    }
    objects::hold(draft, facts);
    let fenced = objects::fence(draft, facts, &run::stable_revision(draft));
    // The route names the stable backend before there is a canary that the user's own one would select too.
    match if facts.pinned { Applied::Yes } else { stable_backend(draft, facts, fenced) } {
        Applied::Yes => {}
        Applied::NotYet => return draft.say("the routes are moved to the stable pods by name"),
        Applied::Unanswered(who) => {
            return draft.say(format!("the routes are moved to the stable pods by name; {who}"));
        }
        Applied::Refused(why) => return draft.say(why),
    }
    // Of a run before this one: a proxy that still gives it a share would give it to the newer template unjudged.
    let replaces =
        facts.template == TemplateIs::New && facts.canary().is_some_and(|canary| deployment::wanted(canary) > 0);
    if replaces && !known_to_proxies(draft, None) {
        return draft.say("waiting for the routes to let go of the canary before this one");
    }
    objects::canary(draft, facts, needed);
    if facts.template == TemplateIs::New {
        return start_waiting(draft, facts, needed);
    }
    if !ready {
        return wait(draft, facts, needed);
    }
    if draft.has_effects() {
        return;
    }
    // Of a run before, or of a template that was replaced: proxies may send to them until they are gone.
    if !facts.observed.endpoints.ending.is_empty() {
        let now = draft.time();
        if let Some(run) = &mut draft.status.run {
            run.since = now;
        }
        draft.say("waiting for the pods of an earlier canary to end");
        return draft.again(PROPAGATION);
    }
    if !settled(draft, facts) || !ended_for_a_while(draft) {
        return;
    }
    // It is ready, so whatever keeps it from its traffic from now on is not its own fault.
    if let Some(run) = &mut draft.status.run {
        run.unready_since = None;
    }
    draft.status.canary_revision = facts.canary_replica_set().and_then(deployment::revision).map(str::to_owned);
    let sight = look::take(draft, facts, step);
    if sight.between_looks {
        return draft.raises();
    }
    if !sight.clear {
        draft.raises();
        return draft.say(blind(draft));
    }
    let message = format!(
        "{} % of the traffic goes to revision {}",
        step.weight,
        draft.status.canary_revision.clone().unwrap_or_default()
    );
    draft.enter(Phase::Progressing, &message);
    progressing::aim(draft, step.weight);
    draft.save();
    traffic::split(draft, facts, step.weight, true);
    draft.again(Duration::from_millis(200));
}

/// Whether the canary could take its first share now.
pub(super) fn canary_is_ready(facts: &Facts<'_>) -> bool {
    facts.steps.first().is_some_and(|step| progressing::ready(facts, replicas(facts, step.weight)))
}

/// Whether the canary Deployment has had another template before: whose pods are ready has to be asked then.
pub(super) fn replaces_another(facts: &Facts<'_>) -> bool {
    facts.phase() == Phase::Preparing && facts.observed.canary_replica_sets.len() > 1
}

/// Whose pods have to be known: the canary's, where there was one of another template, once there seem to be enough.
pub(super) fn pods_to_ask_for(facts: &Facts<'_>) -> Option<BTreeMap<String, String>> {
    let set = facts.canary_replica_set().filter(|_| replaces_another(facts) && canary_is_ready(facts))?;
    let mut labels = facts.workload.strings("/spec/selector/matchLabels");
    labels.insert(POD_TEMPLATE_HASH.to_owned(), deployment::revision(set)?.to_owned());
    Some(labels)
}

/// How many canary pods a weight needs.
pub(super) fn replicas(facts: &Facts<'_>, weight: u32) -> u32 {
    deployment::canary_replicas(deployment::wanted(facts.workload), weight)
}

/// The routes of an unpinned run, once what they will name is there.
fn stable_backend(draft: &mut Draft<'_>, facts: &Facts<'_>, fenced: bool) -> Applied {
    let stable = facts.observed.endpoints.stable.len();
    if !fenced || (facts.needs_stable_service() && stable == 0) {
        return Applied::NotYet;
    }
    let service = facts.observed.stable_service.as_ref().and_then(Object::created);
    if !known_to_proxies(draft, service) {
        return Applied::NotYet;
    }
    traffic::to_stable(draft, facts)
}

/// Whether every proxy may be expected to know what a route is about to name. The server's own times tell, so that the
/// wait costs no write: a Service or subset that is newer than its proxies answers with errors.
fn settled(draft: &mut Draft<'_>, facts: &Facts<'_>) -> bool {
    let available = facts.canary().and_then(deployment::available_since);
    let service = facts.observed.canary_service.as_ref().and_then(Object::created);
    known_to_proxies(draft, available.into_iter().chain(service))
}

/// Whether the pods of an earlier canary, if there were any, have been gone for so long that no proxy sends to them. They
/// were looked for at least as often as something is given time to reach the proxies.
fn ended_for_a_while(draft: &mut Draft<'_>) -> bool {
    let Some(run) = draft.status.run.as_ref().filter(|run| run.since.0 > run.started_at.0) else { return true };
    let waited = run::since(draft.now, &run.since);
    draft.again((PROPAGATION * 3).saturating_sub(waited));
    waited >= PROPAGATION * 3
}

/// Whether what is as old as the newest of these, and what the run's first plan made, has reached the proxies.
fn known_to_proxies(draft: &mut Draft<'_>, made: impl IntoIterator<Item = Timestamp>) -> bool {
    let started = draft.status.run.as_ref().map(|run| run.started_at.0);
    let Some(newest) = made.into_iter().chain(started).max() else { return true };
    let waited = Duration::try_from(draft.now.duration_since(newest)).unwrap_or_default();
    if waited < PROPAGATION {
        draft.again(PROPAGATION.saturating_sub(waited));
    }
    waited >= PROPAGATION
}

/// Waits for a canary that is made in this plan: also one that takes the place of another has all its time before it.
fn start_waiting(draft: &mut Draft<'_>, facts: &Facts<'_>, needed: u32) {
    let now = draft.time();
    if let Some(run) = &mut draft.status.run {
        run.unready_since = Some(now);
    }
    draft.say(waiting(facts, needed));
}

/// Without the count: every count would be a write, and the Deployment shows it.
fn waiting(facts: &Facts<'_>, needed: u32) -> String {
    format!("waiting for {needed} ready pods of Deployment {}", facts.canary_name())
}

/// Waits for the canary's pods, up to the deadline.
pub(super) fn wait(draft: &mut Draft<'_>, facts: &Facts<'_>, needed: u32) {
    let now = draft.time();
    if let Some(run) = &mut draft.status.run {
        run.unready_since.get_or_insert(now);
    }
    let name = facts.canary_name();
    if run::overdue(facts, draft.now) {
        let limit = humantime::format_duration(facts.spec.progress_deadline.into());
        let why = facts.observed.troubles.as_deref().unwrap_or_default().join("; ");
        let refused = facts.canary().and_then(deployment::replica_failure);
        let why = match refused {
            Some(refused) => refused.to_owned(),
            None if why.is_empty() => "its pods give no reason".to_owned(),
            None => why,
        };
        let ready = facts.canary().map_or(0, deployment::ready);
        let message = format!("Deployment {name} has {ready} of {needed} pods ready after {limit}: {why}");
        return run::roll_back(draft, facts, OutcomeKind::RolledBack, "CanaryNotReady", &message);
    }
    draft.say(waiting(facts, needed));
    if let Some(deadline) = run::deadline(facts) {
        draft.again(Duration::try_from(deadline.duration_since(draft.now)).unwrap_or_default());
    }
}

/// Why no weight is raised.
pub(super) fn blind(draft: &Draft<'_>) -> String {
    let blind = draft.status.run.as_ref().and_then(|run| run.blind.as_ref());
    let why = blind.map_or_else(|| "Prometheus was not asked yet".to_owned(), |blind| blind.message.clone());
    format!("holding, no weight is raised without sight: {why}")
}
