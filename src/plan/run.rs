//! What begins, supersedes and ends a run, whatever phase it is in.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

use super::{draft::Draft, facts::Facts, objects, promoting, seen::Seen, traffic, writes};
use crate::{
    api::{AnalysisState, Outcome, OutcomeKind, Phase, RunStatus, StepStatus, WeightStatus, condition::writable},
    model::MANAGED_LABEL,
    workload::{TemplateIs, deployment},
};

/// How many runs are remembered.
const OUTCOMES: usize = 10;

/// Begins a run for the workload's new template: the status first, then what prepares it. Where no policy holds the
/// workload, every moment counts.
pub(super) fn begin(draft: &mut Draft<'_>, facts: &Facts<'_>) {
    open(draft, facts);
    let revision = draft.status.stable_revision.clone().unwrap_or_default();
    draft.tell(
        "RolloutStarted",
        &format!(
            "Deployment {} has a new pod template; revision {revision} stays in front of users while it is judged",
            facts.workload.name()
        ),
    );
    if !released_unjudged(draft, facts) {
        super::preparing::plan(draft, facts);
    }
}

/// Rolls a new version out that there is nothing to protect from: nobody gets anything from the stable one. Says whether
/// that is so.
pub(super) fn released_unjudged(draft: &mut Draft<'_>, facts: &Facts<'_>) -> bool {
    let name = facts.workload.name();
    let message = if deployment::wanted(facts.workload) == 0 {
        format!("Deployment {name} has 0 replicas, so there is nothing to compare its new pod template with")
    } else if let Some(label) = facts.label_that_stable_pods_lack() {
        let service = &facts.spec.traffic.service;
        let message = format!(
            "Service {service} selects {label}, which the pods of revision {} do not carry, so users get nothing from them; the new version rolls out without being judged",
            stable_revision(draft)
        );
        draft.warn("RolledOutUnjudged", &message);
        message
    } else {
        return false;
    };
    promote(draft, facts, "NothingToCompare", &message);
    true
}

/// A run's first status.
pub(super) fn open(draft: &mut Draft<'_>, facts: &Facts<'_>) {
    let now = draft.time();
    draft.status.runs += 1;
    draft.status.run = Some(RunStatus {
        started_at: now.clone(),
        since: now,
        pinned: facts.pinned,
        pinned_services: Vec::new(),
        reached_at: None,
        elapsed_ms: 0,
        seen_at: None,
        blind: None,
        restored_at: None,
        unready_since: None,
        refused_since: None,
        missing_since: None,
        pause: None,
        analysis: AnalysisState::default(),
        ending: None,
    });
    draft.status.canary_revision = None;
    draft.status.evidence.clear();
    draft.status.verdict = None;
    draft.status.weight = Some(WeightStatus::default());
    set_step(draft, facts, 0);
    draft.enter(Phase::Preparing, "starting the canary");
    draft.save();
}

/// Names the step in the status, from 0.
pub(super) fn set_step(draft: &mut Draft<'_>, facts: &Facts<'_>, index: usize) {
    let count = facts.steps.len();
    draft.status.step = Some(StepStatus {
        index: u32::try_from(index).unwrap_or(u32::MAX),
        count: u32::try_from(count).unwrap_or(u32::MAX),
        position: format!("{}/{count}", index + 1),
    });
}

/// Whether a run in this phase is being judged.
pub(super) fn is_judged(phase: Phase) -> bool {
    matches!(phase, Phase::Preparing | Phase::Progressing | Phase::Paused)
}

/// Whether the template is one that ends a run which is being judged.
pub(super) fn has_another_template(phase: Phase, template: TemplateIs) -> bool {
    match template {
        TemplateIs::Stable => is_judged(phase),
        TemplateIs::New => matches!(phase, Phase::Progressing | Phase::Paused),
        TemplateIs::Canary => false,
    }
}

/// A run of which nothing is true any more is ended: the stable version has no pods, its users get nothing from it, or a
/// person has taken the workload out of our hands. Says whether it was.
pub(super) fn outdated(draft: &mut Draft<'_>, facts: &Facts<'_>) -> bool {
    let judged = is_judged(draft.status.phase);
    let held = draft.status.phase == Phase::RolledBack;
    let name = facts.workload.name();
    if held && (facts.workload_is_another() || facts.stable_is_gone()) {
        super::idle::take_over(draft, facts);
        return true;
    }
    if (judged || held) && deployment::let_go(facts.workload) {
        let message = format!(
            "a person took the label {MANAGED_LABEL} off Deployment {name} and resumed it, so its pod template rolls out without being judged"
        );
        if judged {
            abandon(draft, facts, "ReleasedByHand", &message);
        } else if !objects::delete(draft, facts.canary()) {
            close(draft);
            draft.status.stable_revision = None;
            draft.warn("ReleasedByHand", &message);
            draft.enter(Phase::Idle, &message);
            draft.again(Duration::ZERO);
        }
        return true;
    }
    if judged && facts.stable_is_gone() {
        let message = format!(
            "revision {} has no pods any more: Deployment {name} rolled its pod template out without it being judged",
            stable_revision(draft)
        );
        abandon(draft, facts, "RolledOutUnjudged", &message);
        return true;
    }
    // A pause is not passed over: the person may know more.
    let unseen = draft.status.phase == Phase::Preparing || facts.label_that_stable_pods_lack().is_some();
    judged && draft.status.phase != Phase::Paused && unseen && released_unjudged(draft, facts)
}

/// A template that is not the one of the run ends it: a revert without blame, anything newer by taking its place.
/// Says whether it did.
pub(super) fn template_changed(draft: &mut Draft<'_>, facts: &Facts<'_>) -> bool {
    let phase = draft.status.phase;
    match facts.template {
        TemplateIs::Stable if is_judged(phase) => {
            let message = format!(
                "the pod template of Deployment {} was reverted to revision {}",
                facts.workload.name(),
                stable_revision(draft)
            );
            roll_back(draft, facts, OutcomeKind::Reverted, "Reverted", &message);
            true
        }
        // In Preparing nobody has seen the canary yet: it is made anew from the newer template.
        TemplateIs::New if matches!(phase, Phase::Progressing | Phase::Paused) => {
            supersede(draft, facts);
            true
        }
        TemplateIs::New if phase == Phase::Promoting => promoting::overtaken(draft, facts),
        _ => false,
    }
}

/// Ends the run for the sake of a newer template, and begins the next.
pub(super) fn supersede(draft: &mut Draft<'_>, facts: &Facts<'_>) {
    traffic::to_stable(draft, facts);
    draft.save();
    if draft.status.phase == Phase::Promoting {
        // Both old and new pods were good enough for users; one revision has taken over from the others.
        let largest = deployment::largest_replica_set(&facts.observed.replica_sets).and_then(deployment::revision);
        draft.status.stable_revision = largest.map(str::to_owned).or(draft.status.stable_revision.take());
    }
    let message = format!("Deployment {} got a newer pod template", facts.workload.name());
    let outcome = outcome(draft, OutcomeKind::Superseded, "Superseded", &message);
    super::record::close(draft, facts, &outcome);
    push(draft, outcome);
    draft.tell("RolloutSuperseded", &message);
    begin(draft, facts);
}

/// Ends the run by taking the traffic back: the routes first, then the status, then people are told.
pub(super) fn roll_back(draft: &mut Draft<'_>, facts: &Facts<'_>, kind: OutcomeKind, reason: &str, message: &str) {
    traffic::to_stable(draft, facts);
    let ending = outcome(draft, kind, reason, message);
    if let Some(run) = &mut draft.status.run {
        run.ending = Some(ending);
        run.pause = None;
    }
    draft.status.weight = Some(WeightStatus::default());
    draft.enter(Phase::RollingBack, message);
    draft.save();
    match kind {
        OutcomeKind::RolledBack => draft.warn(reason, message),
        _ => draft.tell(reason, message),
    }
    draft.again(Duration::from_millis(200));
}

/// Lets the workload roll out the new version.
pub(super) fn promote(draft: &mut Draft<'_>, facts: &Facts<'_>, reason: &str, message: &str) {
    let ending = outcome(draft, OutcomeKind::Promoted, reason, message);
    if let Some(run) = &mut draft.status.run {
        run.ending = Some(ending);
        run.pause = None;
    }
    draft.enter(Phase::Promoting, message);
    draft.save();
    super::promoting::plan(draft, facts);
}

/// Ends a run of which nothing is true any more: the workload is gone, or runs what nobody has judged. What was made for
/// the run goes, and the Service serves whatever there is.
pub(super) fn abandon(draft: &mut Draft<'_>, seen: &Seen<'_>, reason: &str, message: &str) {
    traffic::to_stable(draft, seen);
    objects::unpin(draft, seen);
    let ending = outcome(draft, OutcomeKind::Superseded, reason, message);
    if let Some(run) = &mut draft.status.run {
        run.ending = Some(ending);
        run.pause = None;
    }
    draft.status.weight = Some(WeightStatus::default());
    draft.enter(Phase::RollingBack, message);
    draft.save();
    draft.warn(reason, message);
    draft.again(Duration::ZERO);
}

/// Ends a run for which the API server has not taken what it needs for as long as a canary may take to become ready. Says
/// whether it did.
pub(super) fn refused(draft: &mut Draft<'_>, facts: &Facts<'_>) -> bool {
    let Some(why) = writes::refused_for_too_long(facts, draft.now) else { return false };
    let limit = humantime::format_duration(facts.spec.progress_deadline.into());
    let message = format!("what the run needs could not be written for {limit}: {why}");
    roll_back(draft, facts, OutcomeKind::RolledBack, writable::REFUSED, &message);
    true
}

fn outcome(draft: &Draft<'_>, outcome: OutcomeKind, reason: &str, message: &str) -> Outcome {
    Outcome {
        outcome,
        reason: reason.to_owned(),
        message: message.to_owned(),
        run: draft.status.runs,
        revision: draft.status.canary_revision.clone(),
        at: draft.time(),
    }
}

/// Remembers how the run ended, newest first.
pub(super) fn push(draft: &mut Draft<'_>, outcome: Outcome) {
    draft.status.outcomes.insert(0, outcome);
    draft.status.outcomes.truncate(OUTCOMES);
}

/// Clears what only a run needs; the evidence of the last one stays for people to read.
pub(super) fn close(draft: &mut Draft<'_>) {
    draft.status.run = None;
    draft.status.routes.clear();
    draft.status.step = None;
    draft.status.weight = None;
    draft.status.canary_revision = None;
}

pub(super) fn stable_revision(draft: &Draft<'_>) -> String {
    draft.status.stable_revision.clone().unwrap_or_default()
}

/// How long ago something was.
pub(super) fn since(now: Timestamp, then: &MicroTime) -> Duration {
    Duration::try_from(now.duration_since(then.0)).unwrap_or_default()
}

/// How long the canary may still take to become ready; nothing while enough of it is.
pub(super) fn deadline(facts: &Facts<'_>) -> Option<Timestamp> {
    let unready = facts.status().run.as_ref()?.unready_since.as_ref()?;
    let limit = SignedDuration::try_from(Duration::from(facts.spec.progress_deadline)).ok()?;
    unready.0.checked_add(limit).ok()
}

/// Whether the canary's time to become ready is over.
pub(super) fn overdue(facts: &Facts<'_>, now: Timestamp) -> bool {
    deadline(facts).is_some_and(|deadline| now >= deadline)
}
