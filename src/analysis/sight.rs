//! What one metric gave at one look, whatever its kind.

use super::Gap;
use crate::judge::{Counts, LimitReading};

/// What one metric gave at a look.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sight {
    /// Whether there was anything new.
    pub fresh: bool,
    /// The canary's share of the new requests.
    pub share: Option<f64>,
    /// Why it says nothing new.
    pub gap: Option<Gap>,
    /// The counts of both versions since the last look that had both.
    pub counts: Option<Counts>,
    /// Where the value stands to its hard limit.
    pub limit: Option<LimitReading>,
    /// What was out of order in the samples, as a sentence without a full stop.
    pub note: Option<String>,
}

impl Sight {
    /// What counts gave, if they did.
    pub(super) fn of_counts(counts: Option<Counts>) -> Self {
        let share = counts.map(|counts| counts.canary_requests / (counts.canary_requests + counts.stable_requests));
        Self { fresh: counts.is_some(), share, counts, ..Self::default() }
    }
}
