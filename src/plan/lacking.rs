//! Something is missing without which nothing can be run. At rest that is said, and nothing is touched. In the middle of a
//! run the workload itself is gone, or another one has its name: the run ends, and what is there is put back.

use super::{draft::Draft, facts::Lacking, objects, problem, rolling_back, run, seen::Seen, verbs};
use crate::api::{Phase, condition::ready};

pub(super) fn plan(draft: &mut Draft<'_>, lacking: &Lacking<'_>) {
    let Lacking { seen, problem } = lacking;
    verbs::refuse(draft, &problem.message);
    if problem.reason == ready::WORKLOAD_TAKEN {
        return problem::hold(draft, problem);
    }
    match draft.status.phase {
        Phase::RollingBack => {
            problem::say(draft, problem);
            rolling_back::without_workload(draft, seen);
        }
        phase if phase.running() => {
            problem::say(draft, problem);
            run::abandon(draft, seen, problem.reason, &problem.message);
        }
        Phase::RolledBack if seen.workload.is_none() => forget_the_rejected(draft, seen),
        _ => problem::hold(draft, problem),
    }
}

/// The workload that was held is gone, and with it what was rejected.
fn forget_the_rejected(draft: &mut Draft<'_>, seen: &Seen<'_>) {
    if objects::delete(draft, seen.canary()) {
        return;
    }
    run::close(draft);
    draft.status.stable_revision = None;
    draft.status.workload_uid = None;
    draft.enter(Phase::Pending, "the workload that was held is gone");
    draft.again(std::time::Duration::ZERO);
}
