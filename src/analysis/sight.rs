//! What one metric gave at one look, whatever its kind.

use super::Gap;
use crate::judge::{Counts, LimitReading};

/// What one metric gave at a look.
#[derive(Clone, Debug, PartialEq)]
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
}
