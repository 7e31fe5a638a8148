//! Sample-ratio mismatch: is the traffic split as configured?
//!
//! The counts of requests of each arm are compared with the planned shares by a Dirichlet-multinomial mixture
//! (Lindon and Malek 2020): an e-process for independently routed requests, valid at every look. A mismatch of a
//! canary means that its routing is not honoured; it warns, because errors and latency are compared per request and
//! don't mind. Under sticky routing requests are not independent; the relative threshold keeps small departures quiet.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::function::gamma::ln_gamma;

use super::combine::log_threshold;

/// How tightly the alternatives lie around the plan: as if this many requests had been seen before. With it a share of
/// 9.5 % instead of 10 % is found after some 60 000 requests, and one of 8 % after 5000.
pub const CONCENTRATION: f64 = 1000.0;
/// Chance of a false alarm over a whole rollout.
pub const SAMPLE_RATIO_LEVEL: f64 = 0.001;
/// A share is reported only when it is off by more than this part of the plan.
const RELATIVE_TOLERANCE: f64 = 0.2;
/// Looks after a change of the weights in which proxies may still use the old ones.
const PROPAGATION_LOOKS: u32 = 2;

/// Evidence (`ln` of the Bayes factor) against "every request goes to arm `i` with probability `shares[i]`". The shares
/// sum to 1; an arm that was planned to get nothing makes any request of it infinite evidence.
///
/// With `k` the concentration, `n` the counts, `m = k shares + n` and `M = k + sum n` this is
/// `ln G(k) - ln G(M) + sum (ln G(m) - ln G(k shares) - n ln shares)`. Stirling's formula is put in, and what cancels is
/// taken out: the logarithms of the factorials of a million requests would leave few digits of their difference.
pub fn log_mismatch(counts: &[f64], shares: &[f64], concentration: f64) -> f64 {
    let planned = || counts.iter().zip(shares).filter(|(_, share)| **share > 0.0);
    if counts.iter().zip(shares).any(|(count, share)| *count > 0.0 && *share <= 0.0) {
        return f64::INFINITY;
    }
    let total = concentration + planned().map(|(count, _)| count).sum::<f64>();
    let mut log = 0.5 * (total / concentration).ln() + stirling_rest(concentration) - stirling_rest(total);
    for (count, share) in planned() {
        let prior = concentration * share;
        let both = prior + count;
        // How far the arm is from its share, relative to it.
        let excess = (both - total * share) / (total * share);
        log += both * excess.ln_1p() - 0.5 * (count / prior).ln_1p() + stirling_rest(both) - stirling_rest(prior);
    }
    log
}

/// `ln G(x)` less the leading part of Stirling's formula, `(x - 1/2) ln x - x + ln(2 pi) / 2`.
fn stirling_rest(x: f64) -> f64 {
    if x < 16.0 {
        return ln_gamma(x) - ((x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln());
    }
    // 1/12 - 1/360 x^-2 + 1/1260 x^-4 - ...
    let terms = [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0, -691.0 / 360_360.0];
    terms.iter().rev().fold(0.0, |sum, term| sum / (x * x) + term) / x
}

/// The requests of a step, compared with its planned weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SampleRatioState {
    /// Steps begun, this one included.
    pub steps: u32,
    /// Looks since the weights changed.
    pub looks: u32,
    /// Canary requests since the change has spread.
    pub canary: f64,
    /// Stable requests since the change has spread.
    pub stable: f64,
}

/// Where the comparison stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleRatio {
    /// The planned share of the canary.
    pub planned: f64,
    /// The share that it had.
    pub seen: f64,
    /// Evidence of a mismatch.
    pub log_evidence: f64,
    /// The evidence that this step needs: the level is halved with each step, so that all of them together keep it.
    pub log_threshold: f64,
}

impl SampleRatioState {
    /// Begins a step, or any other change of the weights.
    pub fn new_step(&mut self) {
        *self = Self { steps: self.steps.saturating_add(1), ..Self::default() };
    }

    /// Takes the requests of one look. The first looks after a change are left out: proxies may not know it yet.
    pub fn look(&mut self, canary_requests: f64, stable_requests: f64) {
        self.looks = self.looks.saturating_add(1);
        let countable = |count: f64| count.is_finite() && count >= 0.0;
        if self.looks > PROPAGATION_LOOKS && countable(canary_requests) && countable(stable_requests) {
            self.canary += canary_requests;
            self.stable += stable_requests;
        }
    }

    /// Where the comparison stands; none before there were requests. `planned` is the canary's share in (0, 1).
    pub fn compare(&self, planned: f64) -> Option<SampleRatio> {
        let total = self.canary + self.stable;
        if !(total > 0.0 && planned > 0.0 && planned < 1.0) {
            return None;
        }
        let steps = i32::try_from(self.steps.max(1)).unwrap_or(i32::MAX);
        Some(SampleRatio {
            planned,
            seen: self.canary / total,
            log_evidence: log_mismatch(&[self.canary, self.stable], &[planned, 1.0 - planned], CONCENTRATION),
            log_threshold: log_threshold(SAMPLE_RATIO_LEVEL) + f64::from(steps) * std::f64::consts::LN_2,
        })
    }
}

impl SampleRatio {
    /// Whether the routing is not honoured: certainly, and by enough to matter.
    pub fn is_mismatch(&self) -> bool {
        self.log_evidence >= self.log_threshold && (self.seen / self.planned - 1.0).abs() > RELATIVE_TOLERANCE
    }

    /// The finding as a sentence without a full stop.
    pub fn explain(&self) -> String {
        format!(
            "the canary gets {:.1} % of the requests instead of {:.1} %: its routing is not honoured",
            self.seen * 100.0,
            self.planned * 100.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(steps: u32, canary: f64, stable: f64) -> SampleRatioState {
        let mut state = SampleRatioState::default();
        for _ in 0..steps {
            state.new_step();
        }
        for _ in 0..3 {
            state.look(canary, stable);
        }
        state
    }

    #[test]
    fn a_canary_that_gets_half_of_what_it_should_is_found() {
        let found = after(1, 500.0, 9500.0).compare(0.1).unwrap();
        assert!(found.is_mismatch(), "{found:?}");
        assert_eq!(
            found.explain(),
            "the canary gets 5.0 % of the requests instead of 10.0 %: its routing is not honoured"
        );
    }

    #[test]
    fn a_small_departure_is_not_reported_however_certain_it_is() {
        let found = after(1, 95_000.0, 905_000.0).compare(0.1).unwrap();
        assert!(found.log_evidence > found.log_threshold && !found.is_mismatch(), "{found:?}");
    }

    #[test]
    fn the_first_looks_after_a_change_of_weights_do_not_count() {
        let mut state = after(1, 100.0, 900.0);
        state.new_step();
        state.look(0.0, 1000.0);
        state.look(0.0, 1000.0);
        assert_eq!(state.compare(0.5), None);
        state.look(500.0, 500.0);
        assert_eq!(state.compare(0.5).map(|ratio| ratio.seen), Some(0.5));
    }

    #[test]
    fn later_steps_need_more_evidence() {
        let threshold = |steps| after(steps, 100.0, 900.0).compare(0.1).unwrap().log_threshold;
        assert!((threshold(1) - 2000f64.ln()).abs() < 1e-12);
        assert!((threshold(3) - 8000f64.ln()).abs() < 1e-12);
    }
}
