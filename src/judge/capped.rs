//! Counts capped per pod and tick, so that rare violent bursts of one pod don't make a service's evidence blind.
//!
//! Taming such a service by its dispersion alone would take hours to find a fourfold error rate. A cap that ordinary
//! counts hardly ever reach takes the bursts out of both arms alike, and leaves a regression of all pods as it is:
//! "the canary's pods are no worse than the stable ones" stays the claim.

/// The part of an ordinary count that a cap must leave, on average.
const KEPT: f64 = 0.97;
/// Above this mean a cap at the mean leaves more than 98 %, and the sum of probabilities below would run out of range.
const LARGE_MEAN: f64 = 700.0;

/// The smallest whole number at which a Poisson count of mean `mean` keeps 97 % of its mean when it is cut off there;
/// at least 1.
pub fn cap_for(mean: f64) -> f64 {
    if mean.is_nan() || mean <= 0.0 {
        return 1.0;
    }
    if mean > LARGE_MEAN {
        return mean.ceil();
    }
    // E[min(X, c)] is the sum of P(X >= k) for k from 1 to c.
    let (mut cap, mut kept) = (0.0, 0.0);
    let mut chance = (-mean).exp();
    let mut at_most = chance;
    loop {
        kept += (1.0 - at_most).max(0.0);
        cap += 1.0;
        // The sum can't get closer to the mean than rounding allows; by then the cap is far above it.
        if kept >= KEPT * mean || cap > 2.0 * LARGE_MEAN {
            return cap;
        }
        chance *= mean / cap;
        at_most += chance;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cap_keeps_nearly_all_of_an_ordinary_count() {
        let caps = [0.0, 0.05, 0.4, 4.0, 100.0, 5000.0].map(cap_for);
        assert_eq!(caps.map(f64::to_bits), [1.0, 1.0, 2.0, 7.0, 103.0, 5000.0].map(f64::to_bits));
    }

    #[test]
    fn no_mean_is_capped_below_what_it_must_keep() {
        for tenth in 1..10_000 {
            let mean = f64::from(tenth) / 10.0;
            assert!(cap_for(mean) >= KEPT * mean, "{mean}");
        }
    }
}
