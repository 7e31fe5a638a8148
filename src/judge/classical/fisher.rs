//! Fisher's exact test of two proportions, given both margins of the table.

use super::Alternative;
use super::two_proportions::TwoProportions;

/// Tables this little likelier than the one seen count as equally likely: they differ by rounding only.
const EQUALLY_LIKELY: f64 = 1.0 + 1e-7;

/// The exact p-value. Two-sided: the chance of all tables that are no likelier than the one seen.
pub fn p_value(table: &TwoProportions, alternative: Alternative) -> f64 {
    let seen = table.first_events;
    let chances = hypergeometric(table);
    let likelihood = chances.iter().find(|(events, _)| *events >= seen).map_or(0.0, |(_, chance)| *chance);
    let counts = |events: f64, chance: f64| match alternative {
        Alternative::Greater => events >= seen,
        Alternative::Less => events <= seen,
        Alternative::TwoSided => chance <= likelihood * EQUALLY_LIKELY,
    };
    let sum: f64 = chances.iter().filter(|(events, chance)| counts(*events, *chance)).map(|(_, chance)| chance).sum();
    sum.min(1.0)
}

/// Every number of events that the first sample can have, with its chance. From the mode outwards by the ratio of
/// neighbours, then scaled: no logarithm of a factorial loses digits.
fn hypergeometric(table: &TwoProportions) -> Vec<(f64, f64)> {
    let events = table.first_events + table.second_events;
    let trials = table.first_trials + table.second_trials;
    let smallest = (events - table.second_trials).max(0.0);
    let largest = events.min(table.first_trials);
    let mode = ((events + 1.0) * (table.first_trials + 1.0) / (trials + 2.0)).floor().clamp(smallest, largest);
    // Chance of `x + 1` events relative to that of `x`.
    let ratio =
        |x: f64| (events - x) * (table.first_trials - x) / ((x + 1.0) * (table.second_trials - events + x + 1.0));
    let mut chances = vec![(mode, 1.0)];
    let (mut at, mut chance) = (mode, 1.0);
    while at > smallest {
        at -= 1.0;
        chance /= ratio(at);
        chances.push((at, chance));
    }
    chances.reverse();
    let (mut at, mut chance) = (mode, 1.0);
    while at < largest {
        chance *= ratio(at);
        at += 1.0;
        chances.push((at, chance));
    }
    let total: f64 = chances.iter().map(|(_, chance)| chance).sum();
    chances.iter().map(|(events, chance)| (*events, chance / total)).collect()
}
