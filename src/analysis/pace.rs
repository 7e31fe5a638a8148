//! When a value is taken: a value holds until the next scrape, so one that is seen twice within an interval is the same
//! sample, and counts once however often one looks.

use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

/// When a value was last taken, in milliseconds since 1970; none before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Pace(Option<i64>);

impl Pace {
    /// Whether an interval has passed since the last value was taken. A tenth of tolerance, so that looks an interval
    /// apart are all taken.
    pub(super) fn is_due(self, now: Timestamp, interval: Duration) -> bool {
        let interval = SignedDuration::try_from(interval).unwrap_or_default().as_millis();
        self.0.is_none_or(|taken| i128::from(now.as_millisecond() - taken) * 10 >= interval * 9)
    }

    /// Whether more than this time has passed since the last value was taken, or none was.
    pub(super) fn is_over(self, now: Timestamp, patience: Duration) -> bool {
        let patience = SignedDuration::try_from(patience).unwrap_or_default().as_millis();
        self.0.is_none_or(|taken| i128::from(now.as_millisecond() - taken) > patience)
    }

    /// A value is taken now.
    pub(super) fn take(&mut self, now: Timestamp) {
        self.0 = Some(now.as_millisecond());
    }

    /// Whether no value was taken yet; such a pace need not be written down.
    pub(super) fn is_unset(&self) -> bool {
        self.0.is_none()
    }
}
