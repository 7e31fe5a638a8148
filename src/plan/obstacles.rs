//! Objects that a run needs and that are not there, or that somebody refuses: said with their names, and with the same
//! limit as a run that nothing can be seen of. Until then what is there is judged, lowered and answered for.

use std::time::Duration;

use super::{draft::Draft, facts::Facts, problem::Problem, progressing, run, traffic};
use crate::api::{NoDataPolicy, OutcomeKind, PauseReason, Phase, condition};

/// How often something that is missing is looked for, should no watch tell.
const AGAIN: Duration = Duration::from_secs(5);

/// Watches over what is missing. Says whether that has ended or paused the run.
pub(super) fn watch(draft: &mut Draft<'_>, facts: &Facts<'_>) -> bool {
    let judged = matches!(draft.status.phase, Phase::Preparing | Phase::Progressing | Phase::Paused);
    let now = draft.time();
    let paused = draft.status.phase == Phase::Paused;
    let Some(run) = draft.status.run.as_mut().filter(|_| judged) else { return false };
    let Some(problem) = obstacle(facts) else {
        run.missing_since = None;
        return false;
    };
    let first = run.missing_since.is_none();
    let since = run.missing_since.get_or_insert(now).clone();
    if first {
        draft.warn(problem.reason, &problem.message);
    }
    draft.again(AGAIN);
    let (limit, action) = limit(facts);
    if paused || run::since(draft.now, &since) < limit {
        return false;
    }
    end(draft, facts, &problem, limit, action)
}

/// What is missing, or who refuses a route that gives the canary a share.
fn obstacle(facts: &Facts<'_>) -> Option<Problem> {
    let refused = || {
        let shared = facts.routes.iter().filter(|route| facts.live_weight_of(route).unwrap_or(0) > 0);
        shared
            .filter_map(|route| traffic::refused(facts, route))
            .map(|why| Problem::new(condition::routed::ROUTE_REFUSED, why))
            .next()
    };
    facts.missing.first().cloned().or_else(refused)
}

/// How long something may be missing, and what comes then.
fn limit(facts: &Facts<'_>) -> (Duration, NoDataPolicy) {
    match &facts.spec.analysis {
        Some(analysis) => (analysis.on_no_data.after.into(), analysis.on_no_data.action),
        None => (facts.spec.progress_deadline.into(), NoDataPolicy::Pause),
    }
}

fn end(draft: &mut Draft<'_>, facts: &Facts<'_>, problem: &Problem, limit: Duration, action: NoDataPolicy) -> bool {
    let message = format!("for {}: {}", humantime::format_duration(limit), problem.message);
    // Before any traffic there is nothing to wait beside.
    if action == NoDataPolicy::Rollback || draft.status.phase == Phase::Preparing {
        run::roll_back(draft, facts, OutcomeKind::RolledBack, problem.reason, &message);
    } else {
        progressing::pause(draft, PauseReason::NoData, &message);
        draft.warn(problem.reason, &message);
    }
    true
}
