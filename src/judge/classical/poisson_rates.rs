//! Two Poisson rates compared by the conditional test (Przyborowski and Wilenski 1940): given the sum of both counts,
//! the first is binomial.

/// Counts this little likelier than the one seen count as equally likely: they differ by rounding only.
const EQUALLY_LIKELY: f64 = 1.0 + 1e-7;

/// P-values of "the rates are equal".
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoissonRates {
    /// Against "the first rate is larger".
    pub p_greater: f64,
    /// Against "the rates differ": the chance of all counts that are no likelier than the one seen.
    pub p_different: f64,
}

/// Compares `first` events over an exposure with `second` events over another. Whole counts; exposures above 0.
pub fn compare(first: f64, first_exposure: f64, second: f64, second_exposure: f64) -> PoissonRates {
    let chances = binomial(first + second, first_exposure / (first_exposure + second_exposure));
    let likelihood = chances.iter().find(|(count, _)| *count >= first).map_or(0.0, |(_, chance)| *chance);
    let sum = |counts: &dyn Fn(f64, f64) -> bool| {
        let chosen = chances.iter().filter(|(count, chance)| counts(*count, *chance));
        chosen.map(|(_, chance)| chance).sum::<f64>().min(1.0)
    };
    PoissonRates {
        p_greater: sum(&|count, _| count >= first),
        p_different: sum(&|_, chance| chance <= likelihood * EQUALLY_LIKELY),
    }
}

/// All counts with their chances, from the mode outwards by the ratio of neighbours.
fn binomial(trials: f64, part: f64) -> Vec<(f64, f64)> {
    let mode = ((trials + 1.0) * part).floor().clamp(0.0, trials);
    // Chance of `x + 1` relative to that of `x`.
    let ratio = |x: f64| (trials - x) / (x + 1.0) * part / (1.0 - part);
    let mut chances = vec![(mode, 1.0)];
    let (mut at, mut chance) = (mode, 1.0);
    while at > 0.0 {
        at -= 1.0;
        chance /= ratio(at);
        chances.push((at, chance));
    }
    chances.reverse();
    let (mut at, mut chance) = (mode, 1.0);
    while at < trials {
        chance *= ratio(at);
        at += 1.0;
        chances.push((at, chance));
    }
    let total: f64 = chances.iter().map(|(_, chance)| chance).sum();
    chances.iter().map(|(count, chance)| (*count, chance / total)).collect()
}
