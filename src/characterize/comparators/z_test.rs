//! The test of two proportions that every textbook has, on all counts since the start: right once, at a look that was
//! planned beforehand, under rates and weights that stay the same.

use crate::judge::Counts;
use crate::judge::classical::two_proportions::TwoProportions;

/// The counts of all looks so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PooledZTest {
    totals: Counts,
}

impl PooledZTest {
    /// Takes the counts of one tick and gives the statistic: how many standard errors the canary's rate is above the
    /// stable one. 0 while it isn't defined.
    pub fn look(&mut self, counts: &Counts) -> f64 {
        self.totals += *counts;
        let table = TwoProportions {
            first_events: self.totals.canary_errors,
            first_trials: self.totals.canary_requests,
            second_events: self.totals.stable_errors,
            second_trials: self.totals.stable_requests,
        };
        let statistic = table.pooled_z();
        if statistic.is_finite() { statistic } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_pooled_and_no_errors_say_nothing() {
        let counts = |errors| Counts {
            canary_requests: 50.0,
            stable_requests: 100.0,
            canary_errors: errors,
            stable_errors: errors,
        };
        let mut test = PooledZTest::default();
        assert!(test.look(&counts(0.0)).abs() < 1e-12);
        // p = 20/300, variance p (1 - p) (1/100 + 1/200), difference 0.05.
        let expected = 0.05 / (20.0 / 300.0 * (280.0 / 300.0) * 0.015_f64).sqrt();
        assert!((test.look(&counts(10.0)) - expected).abs() < 1e-12);
    }
}
