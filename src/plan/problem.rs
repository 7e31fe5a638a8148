//! What keeps a Rollout from working: said in its `Ready` condition, and nothing is touched.

use std::time::Duration;

use super::draft::Draft;
use crate::{
    analysis,
    api::{Phase, condition},
    route::RouteProblem,
};

/// How long until something that is missing is looked for again, should no watch tell.
const AGAIN: Duration = Duration::from_mins(5);

/// A reason of `Ready=False`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl Problem {
    pub(super) fn new(reason: &'static str, message: String) -> Self {
        Self { reason, message }
    }
}

impl From<RouteProblem> for Problem {
    fn from(problem: RouteProblem) -> Self {
        Self::new(problem.reason(), problem.to_string())
    }
}

impl From<analysis::Problem> for Problem {
    fn from(problem: analysis::Problem) -> Self {
        Self::new(problem.reason(), problem.to_string())
    }
}

/// Says what is missing. A run that is on its way stays where it is and goes on when the thing is back.
pub(super) fn hold(draft: &mut Draft<'_>, problem: &Problem) {
    say(draft, problem);
    if !draft.status.phase.running() && draft.status.phase != Phase::RolledBack {
        draft.status.phase = Phase::Pending;
    }
    draft.say(problem.message.clone());
    draft.again(AGAIN);
}

/// Says what is missing, and no more.
pub(super) fn say(draft: &mut Draft<'_>, problem: &Problem) {
    draft.condition(condition::READY, false, problem.reason, &problem.message);
}
