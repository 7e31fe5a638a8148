//! How much worse is still acceptable: the dead zone that no rollback is worth, and the margin that must be ruled out
//! before a step counts as safe.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A boundary between acceptable and not: `canary rate = ratio * stable rate + absolute`.
///
/// The absolute part is what makes a margin usable where the stable version has almost no errors.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Margin {
    /// Factor on the stable rate, above 0; 1 is "equal", and where lower is worse it is at most 1.
    pub ratio: f64,
    /// Added rate, as a share of requests (0.001 is a tenth of a percent). Not negative in settings, where lower is worse
    /// it is taken off.
    pub absolute: f64,
}

/// The weight of a step and that of the last one, in the same unit (percent).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepWeight {
    /// The canary's weight in this step.
    pub weight: f64,
    /// The canary's weight in the last step before promotion.
    pub final_weight: f64,
}

impl Margin {
    /// A canary within this distance of the stable version is never a reason to roll back.
    pub const ERROR_RATE_DEAD_ZONE: Self = Self { ratio: 1.05, absolute: 1e-4 };
    /// The degradation that a last step must rule out before it is safe.
    pub const ERROR_RATE_LIMIT: Self = Self { ratio: 1.5, absolute: 1e-3 };

    /// A share of wanted events (conversions) is no worse down to here.
    pub const WANTED_RATE_DEAD_ZONE: Self = Self { ratio: 0.95, absolute: 1e-4 };
    /// The loss of wanted events that a last step must rule out.
    pub const WANTED_RATE_LIMIT: Self = Self { ratio: 0.8, absolute: 1e-3 };

    /// The same margin with the absolute part taken off instead of added, as it is meant where lower is worse. The
    /// ratio is kept above a tenth, however wide the margin has become.
    #[must_use]
    pub(super) fn downwards(self) -> Self {
        Self { ratio: self.ratio.max(0.1), absolute: -self.absolute }
    }

    /// The margin for an earlier step: wider by `sqrt(final weight / weight)`.
    ///
    /// At a low weight evidence comes slowly, but few users are exposed. So early steps rule out large degradations
    /// only, and the last step keeps the promise. With 100 requests a second this takes the share of good releases
    /// that run into a step's time limit from about a third to none.
    #[must_use]
    pub fn graduated(self, step: StepWeight) -> Self {
        self.widened(step.widening())
    }

    /// The margin with its distance from "equal" multiplied by `widening`.
    #[must_use]
    pub fn widened(self, widening: f64) -> Self {
        Self { ratio: 1.0 + (self.ratio - 1.0) * widening, absolute: self.absolute * widening }
    }
}

impl StepWeight {
    /// By how much this step's margin is wider than the last one's: `sqrt(final weight / weight)`, at least 1.
    pub fn widening(self) -> f64 {
        if self.weight > 0.0 && self.final_weight > self.weight {
            (self.final_weight / self.weight).sqrt()
        } else {
            1.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_five_percent_rules_out_less_than_the_last_one_of_fifty() {
        let margin = Margin::ERROR_RATE_LIMIT.graduated(StepWeight { weight: 5.0, final_weight: 50.0 });
        assert!((margin.ratio - 2.581).abs() < 1e-3, "{margin:?}");
        assert!((margin.absolute - 0.00316).abs() < 1e-5, "{margin:?}");
    }

    #[test]
    fn the_last_step_keeps_the_promised_margin() {
        let last = StepWeight { weight: 50.0, final_weight: 50.0 };
        assert_eq!(Margin::ERROR_RATE_LIMIT.graduated(last), Margin::ERROR_RATE_LIMIT);
    }

    #[test]
    fn a_weight_of_nothing_or_beyond_the_last_never_tightens_or_breaks_the_margin() {
        for weight in [0.0, -1.0, 80.0, f64::NAN] {
            let step = StepWeight { weight, final_weight: 50.0 };
            assert_eq!(Margin::ERROR_RATE_LIMIT.graduated(step), Margin::ERROR_RATE_LIMIT);
        }
    }
}
