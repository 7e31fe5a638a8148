//! What one interval showed: requests and errors of both arms, the only data that the betting sees.

use std::ops::AddAssign;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whole numbers above this can't all be told apart in a float, and no interval has so many requests.
const LARGEST_COUNT: f64 = 9_007_199_254_740_992.0; // 2^53

/// Requests and errors of canary and stable version in one interval. Whole numbers, not negative.
///
/// More errors than requests are allowed: scrapes of the two counters may be skewed against each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Requests that the canary answered.
    pub canary_requests: f64,
    /// Requests that the stable version answered.
    pub stable_requests: f64,
    /// Errors among the canary's requests.
    pub canary_errors: f64,
    /// Errors among the stable version's requests.
    pub stable_errors: f64,
}

impl Counts {
    /// Whether both arms had requests; an interval with a silent arm compares nothing and is skipped.
    pub fn is_informative(&self) -> bool {
        self.canary_requests > 0.0 && self.stable_requests > 0.0
    }

    /// The same counts with the arms swapped.
    #[must_use]
    pub fn swapped(self) -> Self {
        Self {
            canary_requests: self.stable_requests,
            stable_requests: self.canary_requests,
            canary_errors: self.stable_errors,
            stable_errors: self.canary_errors,
        }
    }

    /// The same counts with everything that is no count (negative, infinite, not a number) made 0 and everything
    /// beyond 2^53 made 2^53, so that no arithmetic on them can fail.
    #[must_use]
    pub fn bounded(self) -> Self {
        let bound = |count: f64| {
            if count.is_finite() && count > 0.0 { count.min(LARGEST_COUNT) } else { 0.0 }
        };
        Self {
            canary_requests: bound(self.canary_requests),
            stable_requests: bound(self.stable_requests),
            canary_errors: bound(self.canary_errors),
            stable_errors: bound(self.stable_errors),
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.canary_requests += other.canary_requests;
        self.stable_requests += other.stable_requests;
        self.canary_errors += other.canary_errors;
        self.stable_errors += other.stable_errors;
    }
}
