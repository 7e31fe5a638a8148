//! What the API server does not take: said in a condition and an Event with its own words, and with a limit.

use jiff::{SignedDuration, Timestamp};

use super::{draft::Draft, facts::Facts};
use crate::{
    api::condition::{self, writable},
    observe::FailedWrite,
};

/// How many failures are told with their words.
const TOLD: usize = 3;

/// Says what is refused, and since when, as far as writes were tried.
pub(super) fn describe(draft: &mut Draft<'_>) {
    let writes = &draft.observed.writes;
    if !writes.tried {
        return;
    }
    let refused: Vec<&FailedWrite> = writes.told(draft.now).collect();
    let now = draft.time();
    if let Some(run) = &mut draft.status.run {
        if refused.is_empty() {
            run.refused_since = None;
        } else {
            run.refused_since.get_or_insert(now);
        }
    }
    let known = draft.status.conditions.iter().find(|known| known.type_ == condition::WRITABLE);
    let said = known.filter(|known| known.status == "False").map(|known| known.message.clone());
    if refused.is_empty() {
        if said.is_some() {
            draft.condition(condition::WRITABLE, true, writable::TAKEN, "everything is taken again");
        }
        return;
    }
    let message = sentence(&refused);
    if said.as_ref() != Some(&message) {
        draft.warn(writable::REFUSED, &message);
    }
    draft.condition(condition::WRITABLE, false, writable::REFUSED, &message);
}

/// The failures in one sentence: the first ones in the server's own words.
pub(super) fn sentence(refused: &[&FailedWrite]) -> String {
    let mut told: Vec<String> = refused.iter().take(TOLD).map(|failed| failed.said.clone()).collect();
    if refused.len() > TOLD {
        told.push(format!("and {} more", refused.len() - TOLD));
    }
    told.join("; ")
}

/// What is refused, in a sentence, where that has lasted for longer than `progressDeadline`.
pub(super) fn refused_for_too_long(facts: &Facts<'_>, now: Timestamp) -> Option<String> {
    let since = facts.status().run.as_ref()?.refused_since.as_ref()?.0;
    let limit = SignedDuration::try_from(std::time::Duration::from(facts.spec.progress_deadline)).ok()?;
    let refused: Vec<&FailedWrite> = facts.observed.writes.told(now).collect();
    (!refused.is_empty() && now.duration_since(since) >= limit).then(|| sentence(&refused))
}
