//! A hard limit on the canary's own rate (an SLO). It is broken when the rate is certainly beyond the limit and the
//! stable version's is not: when both are ill, a rollback cures nothing.
//!
//! The evidence is that of a bet against "the rate is within the limit, at all times": a mixture of all rates beyond it
//! (Jeffreys' prior, Robbins 1970), so it may be looked at as often as one likes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::function::beta::{beta_reg, ln_beta};

/// The allowed rates. Both bounds are allowed values, shares of requests in (0, 1); a missing bound allows everything
/// on its side.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RateLimit {
    /// Smallest allowed rate.
    pub min: Option<f64>,
    /// Largest allowed rate.
    pub max: Option<f64>,
}

/// How the canary's rate stands to its limit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimitEvidence {
    /// The bound that is nearer to being broken.
    pub bound: f64,
    /// Whether it is the largest allowed rate, and not the smallest.
    pub is_max: bool,
    /// Evidence that the canary is beyond it.
    pub log_beyond: f64,
    /// Whether the stable version is beyond it as well, by its plain rate.
    pub stable_beyond: bool,
}

impl RateLimit {
    /// The bound with more evidence against it, from requests and events of both arms; none without bounds. The
    /// evidence is tempered by `dispersion`.
    pub fn evidence(&self, canary: (f64, f64), stable: (f64, f64), dispersion: f64) -> Option<RateLimitEvidence> {
        let of = |bound: Option<f64>, is_max: bool| {
            let bound = bound.filter(|bound| *bound > 0.0 && *bound < 1.0)?;
            let (requests, events) = canary;
            let events = events.min(requests);
            let log_beyond = if is_max {
                log_above(events, requests, bound)
            } else {
                log_above(requests - events, requests, 1.0 - bound)
            };
            let stable_rate = (stable.0 > 0.0).then(|| stable.1 / stable.0);
            let beyond = |rate: f64| if is_max { rate > bound } else { rate < bound };
            Some(RateLimitEvidence {
                bound,
                is_max,
                log_beyond: log_beyond / dispersion,
                stable_beyond: stable_rate.is_some_and(beyond),
            })
        };
        let bounds = [of(self.max, true), of(self.min, false)];
        bounds.into_iter().flatten().max_by(|a, b| a.log_beyond.total_cmp(&b.log_beyond))
    }
}

impl RateLimitEvidence {
    /// Whether the limit counts as broken at this evidence.
    pub fn is_broken(&self, log_threshold: f64) -> bool {
        self.log_beyond >= log_threshold && !self.stable_beyond
    }
}

/// Log evidence that a rate is above `limit`, after `events` of `requests`.
fn log_above(events: f64, requests: f64, limit: f64) -> f64 {
    if requests <= 0.0 {
        return 0.0;
    }
    let others = requests - events;
    let prior = beta_reg(0.5, 0.5, 1.0 - limit);
    // The part of the posterior above the limit; far below the limit it is too small for a float.
    let posterior = beta_reg(others + 0.5, events + 0.5, 1.0 - limit);
    if posterior <= 0.0 {
        return f64::MIN_POSITIVE.ln();
    }
    let at_limit = events * limit.ln() + others * (-limit).ln_1p();
    ln_beta(events + 0.5, others + 0.5) - ln_beta(0.5, 0.5) + posterior.ln() - prior.ln() - at_limit
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: RateLimit = RateLimit { min: None, max: Some(0.05) };

    fn evidence(canary: (f64, f64), stable: (f64, f64)) -> RateLimitEvidence {
        LIMIT.evidence(canary, stable, 1.0).unwrap()
    }

    #[test]
    fn a_rate_that_is_certainly_above_the_limit_breaks_it() {
        assert!(evidence((1000.0, 100.0), (9000.0, 90.0)).is_broken(100f64.ln()));
        assert!(!evidence((1000.0, 60.0), (9000.0, 90.0)).is_broken(100f64.ln()), "not yet certain");
        assert!(!evidence((1000.0, 20.0), (9000.0, 90.0)).is_broken(1.01f64.ln()), "below");
    }

    #[test]
    fn when_the_stable_version_is_beyond_the_limit_too_a_rollback_cures_nothing() {
        assert!(!evidence((1000.0, 100.0), (9000.0, 900.0)).is_broken(100f64.ln()));
    }

    #[test]
    fn the_smallest_allowed_rate_mirrors_the_largest() {
        let wanted = RateLimit { min: Some(0.95), max: None };
        let mirrored = wanted.evidence((1000.0, 900.0), (9000.0, 8910.0), 1.0).unwrap();
        let direct = evidence((1000.0, 100.0), (9000.0, 90.0));
        assert!((mirrored.log_beyond - direct.log_beyond).abs() < 1e-9, "{mirrored:?} {direct:?}");
        assert!(!mirrored.is_max);
    }

    /// All courses of twelve requests at the limit, weighted with their chances: one coin is worth one coin.
    #[test]
    fn at_the_limit_the_evidence_is_a_fair_game() {
        let chance = |events: i32| 0.05f64.powi(events) * 0.95f64.powi(12 - events);
        let ways = [1.0, 12.0, 66.0, 220.0, 495.0, 792.0, 924.0, 792.0, 495.0, 220.0, 66.0, 12.0, 1.0];
        let worth: f64 = (0..=12)
            .zip(ways)
            .map(|(events, ways)| ways * chance(events) * log_above(f64::from(events), 12.0, 0.05).exp())
            .sum();
        assert!((worth - 1.0).abs() < 1e-9, "{worth}");
    }

    #[test]
    fn millions_of_requests_far_below_the_limit_are_no_problem() {
        let evidence = evidence((1e8, 10.0), (1e8, 10.0));
        assert!(evidence.log_beyond.is_finite() && evidence.log_beyond < -100.0, "{evidence:?}");
    }
}
