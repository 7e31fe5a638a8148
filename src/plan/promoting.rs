//! The workload's own rolling update brings the new version, while the canary still serves its share.

use std::{collections::BTreeMap, time::Duration};

use super::{draft::Draft, facts::Facts, finishing, objects, run};
use crate::{
    act::Purpose,
    api::{OutcomeKind, Phase},
    model::{Object, POD_TEMPLATE_HASH},
    workload::{
        TemplateIs,
        deployment::{self, Consolidation},
    },
};

/// How often a rolling update is looked at, should no watch tell.
const AGAIN: Duration = Duration::from_secs(15);

pub(super) fn plan(draft: &mut Draft<'_>, facts: &Facts<'_>) {
    draft.again(AGAIN);
    draft.say(progress(draft, facts));
    // Everything that carries stable traffic takes in old and new pods before the first old one goes.
    let open = objects::unfence(draft, facts);
    let released = !objects::unhold(draft, facts);
    let Some(new) = deployment::current_replica_set(facts.workload, &facts.observed.replica_sets) else { return };
    let wanted = deployment::wanted(facts.workload);
    let serving = serving(facts, new);
    if !(open && released && deployment::rolled_out(facts.workload) && serving >= wanted as usize) {
        return;
    }
    let revision = deployment::revision(new).unwrap_or_default().to_owned();
    if facts.template == TemplateIs::Stable
        && let Some(ending) = draft.status.run.as_mut().and_then(|run| run.ending.as_mut())
    {
        ending.outcome = OutcomeKind::Reverted;
        ending.reason = "Reverted".into();
        ending.message = "the pod template was reverted during the promotion".into();
    }
    draft.status.stable_revision = Some(revision.clone());
    draft.enter(
        Phase::Finishing,
        &format!("all {wanted} pods run revision {revision}; the routes go back to what they were"),
    );
    draft.save();
    finishing::plan(draft, facts);
}

/// How many pods of the new revision are ready behind what carries the stable traffic. Which pods are the new revision's is
/// asked of the API server; before that is known, none counts.
fn serving(facts: &Facts<'_>, new: &Object) -> usize {
    let endpoints = &facts.observed.endpoints;
    let carriers = if facts.needs_stable_service() { &endpoints.stable } else { &endpoints.service };
    let of_new = |name: &&String| {
        facts.observed.pods.iter().flatten().any(|pod| pod.name == **name && pod.controller == new.uid())
    };
    carriers.iter().filter(of_new).count()
}

/// Whose pods have to be known: those of the new revision, once there are as many as are wanted.
pub(super) fn pods_to_ask_for(facts: &Facts<'_>) -> Option<BTreeMap<String, String>> {
    let rolled_out = deployment::rolled_out(facts.workload);
    let new = deployment::current_replica_set(facts.workload, &facts.observed.replica_sets).filter(|_| rolled_out)?;
    let mut labels = facts.workload.strings("/spec/selector/matchLabels");
    labels.insert(POD_TEMPLATE_HASH.to_owned(), deployment::revision(new)?.to_owned());
    Some(labels)
}

/// A newer template has come in the middle of the rolling update. It is held, and before it is judged one of the two
/// revisions that users have takes over from the other: a run can only fence off one. Says whether there is one.
pub(super) fn overtaken(draft: &mut Draft<'_>, facts: &Facts<'_>) -> bool {
    let next = deployment::consolidation(facts.workload, &facts.observed.replica_sets);
    if next == Consolidation::Overtaken {
        return false;
    }
    draft.again(AGAIN);
    // Where no policy holds the workload, pods of the newer template may have started already; they are the first to go.
    objects::hold(draft, facts);
    objects::unfence(draft, facts);
    match next {
        Consolidation::Done if deployment::held(facts.workload) => {
            run::supersede(draft, facts);
            return true;
        }
        Consolidation::Shrink(set, patch) => {
            draft.patch(set.key(), Some(patch), Purpose::Consolidate);
        }
        Consolidation::Done | Consolidation::Wait | Consolidation::Overtaken => {}
    }
    draft.say(format!(
        "Deployment {} got a newer pod template in the middle of its rolling update; one of its revisions takes over from the others before that is judged",
        facts.workload.name()
    ));
    true
}

/// Why the run is promoted and what the rolling update is at, in the words of its controller where it is stuck. The same
/// from beginning to end, so that saying it costs no write.
fn progress(draft: &Draft<'_>, facts: &Facts<'_>) -> String {
    let name = facts.workload.name();
    let stuck = facts
        .workload
        .list("/status/conditions")
        .iter()
        .find(|condition| condition["type"] == "Progressing" && condition["status"] == "False")
        .and_then(|condition| condition["message"].as_str());
    let ending = draft.status.run.as_ref().and_then(|run| run.ending.as_ref());
    let because = ending.map_or_else(String::new, |ending| format!("{}; ", ending.message));
    if deployment::paused_by_its_user(facts.workload) {
        return format!(
            "{because}Deployment {name} is paused by its user in the middle of the rolling update; it goes on with: kubectl rollout resume deployment/{name}"
        );
    }
    match stuck {
        Some(why) => format!("{because}the rolling update of Deployment {name} does not get on: {why}"),
        None => format!("{because}the rolling update of Deployment {name} brings the new version"),
    }
}

/// Goes on to the promotion whatever the judge would say, because a person said so.
pub(super) fn asked(draft: &mut Draft<'_>, facts: &Facts<'_>, by: &str) {
    run::promote(draft, facts, "PromotedByPerson", &format!("{by} asked for the promotion"));
}
