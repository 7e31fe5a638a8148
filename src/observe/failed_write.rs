//! Writes of ours that the API server did not take, as the next decision sees them.

use std::time::Duration;

use jiff::SignedDuration;

use crate::model::{Key, Timestamp, words::cut};

/// How long a failure counts that is not tried again. What still fails is tried more often than that.
const COUNTS_FOR: SignedDuration = SignedDuration::from_mins(2);
/// How often an object may have changed under a write in a row before that is said: once or twice is nothing unusual.
const CONFLICTS_IN_A_ROW: u32 = 5;
/// The longest text of the server that is kept, in bytes.
const LONGEST_TEXT: usize = 600;

/// A write that failed when it was tried last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedWrite {
    /// What was to be written.
    pub target: Key,
    /// The whole sentence: what could not be done, and the server's own words.
    pub said: String,
    /// Whether the object had changed since it was seen, so that a new decision may help.
    pub conflict: bool,
    /// Whether the write was to take traffic or a pin away.
    pub lowers_risk: bool,
    /// When it was tried last.
    pub at: Timestamp,
    /// How often in a row it has failed.
    pub times: u32,
}

impl FailedWrite {
    /// The first failure of a write, at this time.
    pub fn new(target: Key, said: &str, conflict: bool, lowers_risk: bool, at: Timestamp) -> Self {
        Self { target, said: cut(said, LONGEST_TEXT).to_owned(), conflict, lowers_risk, at, times: 1 }
    }

    /// Whether it is to be told at this time.
    pub fn counts(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) < COUNTS_FOR && (!self.conflict || self.times >= CONFLICTS_IN_A_ROW)
    }
}

/// What is remembered of the writes for one Rollout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writes {
    /// Whether any write was tried since the process began: without that nothing is known.
    pub tried: bool,
    /// The writes whose last try failed, one an object.
    pub failed: Vec<FailedWrite>,
}

impl Writes {
    /// A write was taken.
    pub fn taken(&mut self, target: &Key) {
        self.tried = true;
        self.failed.retain(|failed| failed.target != *target);
    }

    /// A write was not taken.
    pub fn refused(&mut self, failed: FailedWrite) {
        self.tried = true;
        match self.failed.iter_mut().find(|known| known.target == failed.target) {
            Some(known) => *known = FailedWrite { times: known.times.saturating_add(1), ..failed },
            None => self.failed.push(failed),
        }
    }

    /// The failures that are to be told at this time.
    pub fn told(&self, now: Timestamp) -> impl Iterator<Item = &FailedWrite> {
        self.failed.iter().filter(move |failed| failed.counts(now))
    }

    /// Whether the last write to this object failed, a change meanwhile aside.
    pub fn is_refused(&self, target: &Key, now: Timestamp) -> bool {
        self.told(now).any(|failed| failed.target == *target)
    }
}

/// How soon a write that lowers risk is tried again, where the server does not say.
pub const RETRY_OF_LOWERING: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn failed(name: &str, conflict: bool, second: i64) -> FailedWrite {
        FailedWrite::new(Key::new("v1", "Service", "shop", name), "no", conflict, true, at(second))
    }

    #[test]
    fn a_failure_is_told_until_the_write_is_taken_or_not_tried_for_a_while() {
        let mut writes = Writes::default();
        writes.refused(failed("web", false, 0));
        writes.refused(failed("api", false, 0));
        assert_eq!(writes.told(at(1)).count(), 2);
        writes.taken(&failed("web", false, 0).target);
        assert!(writes.told(at(1)).all(|failed| failed.target.name == "api"));
        assert_eq!(writes.told(at(121)).count(), 0);
        assert!(writes.tried);
    }

    #[test]
    fn an_object_that_changes_meanwhile_is_told_of_only_where_that_goes_on() {
        let mut writes = Writes::default();
        for times in 1..=5 {
            writes.refused(failed("web", true, times));
            assert_eq!(writes.told(at(times)).count(), usize::from(times == 5), "{times}");
        }
    }
}
