//! Pearson's chi-squared tests.

use super::distribution::chi_squared_upper;
use super::two_proportions::TwoProportions;

/// A statistic and the chance of at least this much under "no difference".
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChiSquared {
    /// Pearson's statistic.
    pub statistic: f64,
    /// Its p-value.
    pub p: f64,
}

/// Whether counts fit planned shares, which sum to 1 and are above 0. Two counts at least.
pub fn goodness_of_fit(counts: &[f64], shares: &[f64]) -> ChiSquared {
    let total: f64 = counts.iter().sum();
    let statistic = counts
        .iter()
        .zip(shares)
        .map(|(count, share)| {
            let expected = total * share;
            (count - expected).powi(2) / expected
        })
        .sum();
    ChiSquared { statistic, p: chi_squared_upper(statistic, counts.len() as f64 - 1.0) }
}

/// Whether two proportions are equal; `yates` subtracts a half from each deviation, though never more than the
/// deviation itself.
pub fn two_by_two(table: &TwoProportions, yates: bool) -> ChiSquared {
    let trials = [table.first_trials, table.second_trials];
    let events = [table.first_events, table.second_events];
    let part = events.iter().sum::<f64>() / trials.iter().sum::<f64>();
    let mut statistic = 0.0;
    for (trials, events) in trials.into_iter().zip(events) {
        for (seen, expected) in [(events, trials * part), (trials - events, trials * (1.0 - part))] {
            let deviation = (seen - expected).abs();
            let corrected = if yates { deviation - deviation.min(0.5) } else { deviation };
            statistic += corrected * corrected / expected;
        }
    }
    ChiSquared { statistic, p: chi_squared_upper(statistic, 1.0) }
}
