//! What a person asked for: done once, in the phases where it makes sense, and answered with a sentence in all others.

use std::time::Duration;

use super::{draft::Draft, facts::Facts, progressing, promoting, run, traffic};
use crate::{
    api::{OutcomeKind, PauseReason, Phase, Verb, VerbAnswer, VerbRequest},
    model::{VERB_ANNOTATION, words::cut},
    observe::Observed,
};

/// Said of who asked, where nothing but the request says so.
const UNVERIFIED: &str = " (by their own word)";
/// The beginning of a request that can't be read, in bytes: enough to know it again.
const UNREADABLE: usize = 200;

/// Whether a person has asked for something and has got no answer yet.
pub(super) fn is_unanswered(observed: &Observed) -> bool {
    let last = observed.rollout.status.as_ref().and_then(|status| status.last_verb.as_ref());
    matches!(request(observed), Some(Ok(request)) if last.is_none_or(|last| last.request.id != request.id))
}

/// What a person asks for, or why that can't be read.
fn request(observed: &Observed) -> Option<Result<VerbRequest, (String, String)>> {
    let text = observed.rollout.metadata.annotations.as_ref()?.get(VERB_ANNOTATION)?;
    let request = VerbRequest::parse(text).map(|mut request| {
        if !observed.cluster.verified_askers {
            request.by.push_str(UNVERIFIED);
        }
        request
    });
    Some(request.map_err(|error| (cut(text, UNREADABLE).to_owned(), error)))
}

/// The request that was not answered yet. One that can't be read is answered with an Event, once.
fn unanswered(draft: &mut Draft<'_>) -> Option<VerbRequest> {
    match request(draft.observed)? {
        Ok(request) => {
            let last = draft.status.last_verb.as_ref();
            last.is_none_or(|last| last.request.id != request.id).then_some(request)
        }
        Err((beginning, error)) => {
            if draft.status.unreadable_verb.as_ref() != Some(&beginning) {
                draft.warn(
                    "RequestNotUnderstood",
                    &format!("the annotation {VERB_ANNOTATION} can't be read, so nothing is done: {error}; use: siskin <verb> rollout/NAME"),
                );
                draft.status.unreadable_verb = Some(beginning);
            }
            None
        }
    }
}

/// Refuses a request that was not answered yet, where nothing can be done for it.
pub(super) fn refuse(draft: &mut Draft<'_>, why: &str) {
    if let Some(request) = unanswered(draft) {
        let message = format!("{} makes no sense now: {why}", request.verb.word());
        draft.status.last_verb = Some(VerbAnswer { request, accepted: false, message });
    }
}

/// Answers a request that was not answered yet. Says whether that was all there is to do now.
pub(super) fn answer(draft: &mut Draft<'_>, facts: &Facts<'_>) -> bool {
    let Some(request) = unanswered(draft) else { return false };
    let result = meant(draft, &request).and_then(|()| apply(draft, facts, &request));
    let accepted = result.is_ok();
    let message = result.unwrap_or_else(|refusal| refusal);
    draft.status.last_verb = Some(VerbAnswer { request, accepted, message });
    draft.again(Duration::ZERO);
    accepted
}

/// Whether the request is for the revision that is there. One that names none is for any.
fn meant(draft: &Draft<'_>, request: &VerbRequest) -> Result<(), String> {
    let named = |revision: &str| match revision {
        "" => "no canary".to_owned(),
        revision => format!("canary revision {revision}"),
    };
    let Some(seen) = request.revision.as_deref() else { return Ok(()) };
    let there = draft.status.canary_revision.as_deref().unwrap_or_default();
    if seen == there {
        return Ok(());
    }
    let (seen, there, verb) = (named(seen), named(there), request.verb.word());
    Err(format!("{verb} was asked for {seen}, and there is {there} now; look at it, and ask again if it is meant too"))
}

/// What was done, or why not.
fn apply(draft: &mut Draft<'_>, facts: &Facts<'_>, request: &VerbRequest) -> Result<String, String> {
    let phase = draft.status.phase;
    let judging = matches!(phase, Phase::Preparing | Phase::Progressing | Phase::Paused);
    let by = &request.by;
    match request.verb {
        Verb::Pause if phase == Phase::Paused => Err("the run is paused already".to_owned()),
        Verb::Pause if phase == Phase::Progressing => {
            progressing::pause(draft, PauseReason::Person, &format!("paused by {by}"));
            Ok("paused; the weight stays, and a regression still rolls back".to_owned())
        }
        Verb::Resume if phase == Phase::Paused => Ok(resume(draft, facts)),
        Verb::Resume => Err(format!("only a paused run can be resumed; this one is {}", word(phase))),
        Verb::Promote if matches!(phase, Phase::Progressing | Phase::Paused) => {
            let index = draft.status.step.as_ref().map_or(0, |step| step.index as usize);
            if index + 1 < facts.steps.len() {
                progressing::advance(draft, facts, index);
            } else {
                promoting::asked(draft, facts, by);
            }
            Ok(format!("step {} has passed at the word of {by}", index + 1))
        }
        Verb::PromoteFull if matches!(phase, Phase::Progressing | Phase::Paused) => {
            promoting::asked(draft, facts, by);
            Ok("all steps are passed; the new version rolls out".to_owned())
        }
        Verb::Skip if judging || phase == Phase::RolledBack => {
            skip(draft, facts, by);
            Ok("the new version rolls out without being judged".to_owned())
        }
        Verb::Abort if judging => {
            run::roll_back(draft, facts, OutcomeKind::RolledBack, "Aborted", &format!("{by} aborted the run"));
            Ok("the traffic is back on the stable version".to_owned())
        }
        Verb::Retry if phase == Phase::RolledBack => {
            run::begin(draft, facts);
            Ok("the run starts again".to_owned())
        }
        Verb::Retry => Err(format!("only a rolled back version can be tried again; this run is {}", word(phase))),
        verb => Err(format!("{} makes no sense now: the Rollout is {}", verb.word(), word(phase))),
    }
}

/// Goes on where the run stopped; what it waited for counts anew.
fn resume(draft: &mut Draft<'_>, facts: &Facts<'_>) -> String {
    let reason = progressing::paused_for(draft);
    let index = draft.status.step.as_ref().map_or(0, |step| step.index as usize);
    if let Some(run) = &mut draft.status.run {
        run.pause = None;
        run.blind = None;
        if reason == Some(PauseReason::Regression) {
            // The person has seen the evidence and goes on all the same: it counts anew.
            run.analysis.metrics.clear();
        }
    }
    match reason {
        Some(PauseReason::Step) => {
            progressing::advance(draft, facts, index);
            return "resumed; the next step begins".to_owned();
        }
        Some(PauseReason::Timeout | PauseReason::Regression) => {
            let weight = facts.steps.get(index).map_or(0, |step| step.weight);
            progressing::aim(draft, weight);
        }
        _ => {}
    }
    draft.enter(Phase::Progressing, "resumed");
    "resumed at the same step".to_owned()
}

/// Rolls the new version out without a canary; one that has no traffic yet just goes.
fn skip(draft: &mut Draft<'_>, facts: &Facts<'_>, by: &str) {
    match draft.status.phase {
        Phase::RolledBack => run::open(draft, facts),
        Phase::Preparing => {
            traffic::to_stable(draft, facts);
        }
        _ => {}
    }
    run::promote(draft, facts, "Skipped", &format!("{by} skipped the judgement"));
}

fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Pending => "not ready",
        Phase::Idle => "idle, with no run on its way",
        Phase::Preparing => "starting its canary",
        Phase::Progressing => "progressing",
        Phase::Paused => "paused",
        Phase::Promoting => "promoting a version that has passed",
        Phase::Finishing => "finishing its promotion",
        Phase::RollingBack => "rolling back",
        Phase::RolledBack => "rolled back",
    }
}
