//! The canary has traffic: it is looked at, and the weight follows what is seen.
//!
//! In this order: a regression ends everything; a canary without ready pods has no weight; a weight is raised only where
//! enough pods are ready and Prometheus can be seen; a step passes when its judge and its clock both say so.

use std::time::Duration;

use super::{
    draft::Draft,
    facts::Facts,
    look::{self, FRESH_LOOKS, Sight},
    objects, preparing, run,
    traffic::{self, Applied},
};
use crate::{
    api::{NoDataPolicy, OnRegression, OutcomeKind, Pause, PauseReason, PauseStatus, Phase, Step, WeightStatus},
    judge::{RollbackCause, TimeoutAction, Verdict},
    model::Object,
    workload::deployment,
};

/// How often a step without analysis is looked at, should no watch tell.
const UNJUDGED_LOOKS: Duration = Duration::from_secs(30);
/// How long the data plane is given to show the new share before it is taken as reached all the same.
const SHARE_PATIENCE: Duration = Duration::from_secs(10);
/// How long those who serve a route may take to say that they have it as it is now. Some never do.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn plan(draft: &mut Draft<'_>, facts: &Facts<'_>) {
    let index =
        draft.status.step.as_ref().map_or(0, |step| step.index as usize).min(facts.steps.len().saturating_sub(1));
    let Some(step) = facts.steps.get(index).cloned() else { return };
    match &facts.spec.analysis {
        None => draft.again(UNJUDGED_LOOKS),
        Some(analysis) => draft.again(analysis.interval.into()),
    }
    let reached = draft.status.run.as_ref().is_some_and(|run| run.reached_at.is_some());
    let mut sight = look::take(draft, facts, &step);
    if harmful(draft, facts, &sight) || unseen(draft, facts) || run::refused(draft, facts) {
        return;
    }
    if paused_for(draft) == Some(PauseReason::Regression) {
        // The canary is still there, so what keeps it from users is kept up too.
        traffic::to_stable(draft, facts);
        objects::hold(draft, facts);
        objects::fence(draft, facts, &run::stable_revision(draft));
        return;
    }
    let needed = preparing::replicas(facts, step.weight);
    let live = facts.live_weight();
    let enough = ready(facts, needed);
    let weight = match (pods_ready(facts), enough) {
        (0, _) => 0,
        (_, true) => step.weight,
        (_, false) => live.min(step.weight),
    };
    if !enough && weight < step.weight && run::overdue(facts, draft.now) {
        return preparing::wait(draft, facts, needed);
    }
    objects::hold(draft, facts);
    objects::fence(draft, facts, &run::stable_revision(draft));
    objects::canary(draft, facts, needed);
    if enough && live < weight {
        draft.raises();
    }
    let applied = traffic::split(draft, facts, weight, sight.clear && enough);
    if !enough && weight < step.weight {
        return preparing::wait(draft, facts, needed);
    }
    if let Some(run) = &mut draft.status.run {
        run.unready_since = None;
    }
    match applied {
        Applied::Refused(why) => return draft.say(why),
        Applied::NotYet if !sight.clear && !sight.between_looks && live < weight => {
            return draft.say(preparing::blind(draft));
        }
        Applied::NotYet => return,
        Applied::Unanswered(who) if !reached && !patience_is_over(draft) => return draft.say(who),
        Applied::Unanswered(_) | Applied::Yes => {}
    }
    if reached || reach(draft, facts, &step, &mut sight) {
        pass(draft, facts, &step, index, &sight);
    }
}

/// Whether those who serve the routes had long enough to answer. From then on what they do is seen by the requests.
fn patience_is_over(draft: &mut Draft<'_>) -> bool {
    let waited = draft.status.run.as_ref().map_or(Duration::ZERO, |run| run::since(draft.now, &run.since));
    draft.again(ANSWER_PATIENCE.saturating_sub(waited));
    waited >= ANSWER_PATIENCE
}

/// Asks for a weight; the metric window starts when it is reached.
pub(super) fn aim(draft: &mut Draft<'_>, weight: u32) {
    let applied = draft.status.weight.map_or(0, |weight| weight.applied);
    draft.status.weight = Some(WeightStatus { desired: weight, applied });
    if let Some(run) = &mut draft.status.run {
        run.reached_at = None;
        run.elapsed_ms = 0;
    }
}

/// How many of the canary's pods could take a request, as the endpoints of the canary's Service say. Where a route splits
/// by subsets the requests find them by the user's Service, whose endpoints may be later.
fn pods_ready(facts: &Facts<'_>) -> usize {
    let endpoints = &facts.observed.endpoints;
    let by_subset = facts.routes.iter().any(|route| route.subset.is_some());
    // Those of a canary before this one are listed for a moment longer.
    let known = facts.observed.pods.as_ref().filter(|_| preparing::replaces_another(facts));
    let of_this_one = |name: &String| {
        let set = facts.canary_replica_set().map_or("", Object::uid);
        known.is_none_or(|pods| pods.iter().any(|pod| pod.name == *name && pod.controller == set))
    };
    let ready = endpoints.canary.iter().filter(|name| !by_subset || endpoints.service.contains(*name));
    ready.filter(|name| of_this_one(name)).count()
}

/// Whether the canary can take the load of `needed` pods, at its newest template only.
pub(super) fn ready(facts: &Facts<'_>, needed: u32) -> bool {
    facts.canary().is_some_and(|canary| deployment::ready_at_its_template(canary, needed))
        && pods_ready(facts) >= needed as usize
}

/// Whether a weight waits for being raised: enough pods are ready, and the route gives the canary less than it may have.
pub(super) fn waits_for_a_raise(facts: &Facts<'_>) -> bool {
    let status = facts.status();
    let index = status.step.as_ref().map_or(0, |step| step.index as usize);
    let regressed = status.run.as_ref().and_then(|run| run.pause.as_ref()).map(|pause| pause.reason)
        == Some(PauseReason::Regression);
    facts.steps.get(index).is_some_and(|step| {
        !regressed && facts.live_weight() < step.weight && ready(facts, preparing::replicas(facts, step.weight))
    })
}

/// Ends or stops the run where the judge says so.
fn harmful(draft: &mut Draft<'_>, facts: &Facts<'_>, sight: &Sight) -> bool {
    let Some(analysis) = &facts.spec.analysis else { return false };
    let Some(verdict @ Verdict::Rollback(cause)) = sight.decision.as_ref().map(|decision| &decision.verdict) else {
        return false;
    };
    if paused_for(draft) == Some(PauseReason::Regression) {
        return false;
    }
    let explained = verdict.explain();
    let message = explained.trim_end_matches("; rolling back");
    let reason = match cause {
        RollbackCause::OutOfBounds { metric } if metric.evidence.is_over_limit() => "LimitBroken",
        RollbackCause::Regression { .. } | RollbackCause::OutOfBounds { .. } => "Regression",
        RollbackCause::LimitBroken(_) => "LimitBroken",
    };
    match analysis.on_regression {
        OnRegression::Rollback => run::roll_back(draft, facts, OutcomeKind::RolledBack, reason, message),
        OnRegression::Pause => {
            traffic::to_stable(draft, facts);
            draft.status.weight = Some(WeightStatus::default());
            pause(draft, PauseReason::Regression, message);
            draft.save();
            draft.warn(reason, &format!("{message}; the traffic is back on the stable version, resume or abort"));
        }
    }
    true
}

/// Acts on blindness that has lasted too long.
fn unseen(draft: &mut Draft<'_>, facts: &Facts<'_>) -> bool {
    let Some(analysis) = &facts.spec.analysis else { return false };
    let Some(blind) = draft.status.run.as_ref().and_then(|run| run.blind.clone()) else { return false };
    draft.say(format!("holding: {}", blind.message));
    let limit = Duration::from(analysis.on_no_data.after);
    let lasted = run::since(draft.now, &blind.since);
    if lasted < limit {
        draft.again(limit.saturating_sub(lasted));
        return false;
    }
    if draft.status.run.as_ref().is_some_and(|run| run.pause.is_some()) {
        return false;
    }
    let message = format!("nothing could be seen for {}: {}", humantime::format_duration(limit), blind.message);
    match analysis.on_no_data.action {
        NoDataPolicy::Rollback => run::roll_back(draft, facts, OutcomeKind::RolledBack, "NoData", &message),
        NoDataPolicy::Pause => {
            pause(draft, PauseReason::NoData, &message);
            draft.warn("NoData", &message);
        }
    }
    true
}

/// Whether the step's weight is reached: on the routes, and as far as requests show it.
fn reach(draft: &mut Draft<'_>, facts: &Facts<'_>, step: &Step, sight: &mut Sight) -> bool {
    let before = draft.status.weight.map_or(0, |weight| weight.applied);
    // Halfway between the old and the new weight tells the two apart even from few requests.
    let halfway = f64::from(before + step.weight) / 200.0;
    let agrees = sight.share.is_some_and(|share| share >= halfway);
    let waited = draft.status.run.as_ref().map_or(Duration::ZERO, |run| run::since(draft.now, &run.since));
    if !facts.metrics.is_empty() && !agrees && waited < SHARE_PATIENCE {
        return false;
    }
    draft.status.weight = Some(WeightStatus { desired: step.weight, applied: step.weight });
    look::start_step(draft, facts, step, sight);
    draft.again(FRESH_LOOKS);
    true
}

/// Lets the step pass, pause or time out.
fn pass(draft: &mut Draft<'_>, facts: &Facts<'_>, step: &Step, index: usize, sight: &Sight) {
    if let Some(reason) = paused_for(draft) {
        if reason == PauseReason::Step && pause_is_over(draft, facts, step) {
            advance(draft, facts, index);
        }
        return;
    }
    let (least, _) = step.times();
    if facts.spec.analysis.is_none() || step.weight == look::ALL {
        let held = elapsed(draft, facts);
        if held >= least {
            return complete(draft, facts, step, index);
        }
        draft.say(format!("{} % for {}, with nothing to compare", step.weight, humantime::format_duration(least)));
        return draft.again(least.saturating_sub(held));
    }
    let Some(decision) = &sight.decision else { return };
    let explained = decision.verdict.explain();
    match &decision.verdict {
        Verdict::Advance { .. } => complete(draft, facts, step, index),
        Verdict::TimedOut { action, .. } => match action {
            TimeoutAction::Advance => complete(draft, facts, step, index),
            TimeoutAction::Rollback => run::roll_back(draft, facts, OutcomeKind::RolledBack, "Timeout", &explained),
            TimeoutAction::Pause => {
                pause(draft, PauseReason::Timeout, &explained);
                draft.warn("Timeout", &explained);
            }
        },
        Verdict::Continue(_) => draft.say(explained),
        // Not yet, or not any more: what lasts is said as blindness.
        Verdict::Rollback(_) | Verdict::NoData { .. } => {}
    }
}

/// The step has passed: its pause begins, or the next step.
fn complete(draft: &mut Draft<'_>, facts: &Facts<'_>, step: &Step, index: usize) {
    match &step.pause {
        None => advance(draft, facts, index),
        Some(Pause { duration }) => {
            let until = duration.map_or("until a person resumes".to_owned(), |length| {
                format!("for {}", humantime::format_duration(length.into()))
            });
            pause(draft, PauseReason::Step, &format!("the step at {} % has passed; pausing {until}", step.weight));
        }
    }
}

/// On to the next step, or to the promotion after the last one.
pub(super) fn advance(draft: &mut Draft<'_>, facts: &Facts<'_>, index: usize) {
    let Some(next) = facts.steps.get(index + 1) else {
        let message = format!("all {} steps have passed", facts.steps.len());
        return run::promote(draft, facts, "Promoted", &message);
    };
    run::set_step(draft, facts, index + 1);
    if let Some(run) = &mut draft.status.run {
        run.pause = None;
    }
    draft.enter(Phase::Progressing, &format!("raising to {} %", next.weight));
    aim(draft, next.weight);
    draft.save();
    draft.again(Duration::ZERO);
}

fn pause_is_over(draft: &mut Draft<'_>, facts: &Facts<'_>, step: &Step) -> bool {
    let Some(length) = step.pause.as_ref().and_then(|pause| pause.duration).map(Duration::from) else { return false };
    let Some(pause) = draft.status.run.as_ref().and_then(|run| run.pause.clone()) else { return false };
    let waited = elapsed(draft, facts).saturating_sub(Duration::from_millis(pause.from_ms));
    draft.again(length.saturating_sub(waited));
    waited >= length
}

/// How long the step has lasted: seen time where there is analysis, else all the time.
fn elapsed(draft: &Draft<'_>, facts: &Facts<'_>) -> Duration {
    let Some(run) = &draft.status.run else { return Duration::ZERO };
    match (&facts.spec.analysis, &run.reached_at) {
        (Some(_), _) if comparable(draft) => Duration::from_millis(run.elapsed_ms),
        (_, Some(reached)) => run::since(draft.now, reached),
        (_, None) => Duration::ZERO,
    }
}

/// Whether some traffic is left on the stable version to compare with.
fn comparable(draft: &Draft<'_>) -> bool {
    draft.status.weight.is_none_or(|weight| weight.desired < look::ALL)
}

/// Stops going on; the weight stays, and looks go on.
pub(super) fn pause(draft: &mut Draft<'_>, reason: PauseReason, message: &str) {
    let since = draft.time();
    let from_ms = draft.status.run.as_ref().map_or(0, |run| {
        let wall = run.reached_at.as_ref().map_or(Duration::ZERO, |reached| run::since(draft.now, reached));
        if run.analysis.metrics.is_empty() || !comparable(draft) {
            u64::try_from(wall.as_millis()).unwrap_or(0)
        } else {
            run.elapsed_ms
        }
    });
    draft.enter(Phase::Paused, message);
    if let Some(run) = &mut draft.status.run {
        run.pause = Some(PauseStatus { reason, since, from_ms });
    }
    draft.again(Duration::ZERO);
}

pub(super) fn paused_for(draft: &Draft<'_>) -> Option<PauseReason> {
    Some(draft.status.run.as_ref()?.pause.as_ref()?.reason)
}
