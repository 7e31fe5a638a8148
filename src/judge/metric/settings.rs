//! How one share of requests is judged: which side is worse, how much of it matters, what is known beforehand.

use crate::judge::baseline::{CountBaseline, UNKNOWN_DISPERSION};
use crate::judge::gauge::Worse;
use crate::judge::harm::HarmDesign;
use crate::judge::margin::{Margin, StepWeight};
use crate::judge::rate_limit::RateLimit;
use crate::judge::ratio::RatioDesign;

/// How one error rate, or another share of requests, is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ErrorRateSettings {
    /// Which way the rate gets worse.
    pub worse: Worse,
    /// Up to here a canary is no worse.
    pub dead_zone: Margin,
    /// What the last step must rule out; earlier steps rule out more, see [`Margin::graduated`].
    pub margin: Margin,
    /// Chance of rolling back a release that is no worse, for the whole rollout: in (0, 0.5).
    pub false_rollback: f64,
    /// Chance of passing a step with a canary at the margin: in (0, 0.5).
    pub missed_regression: f64,
    /// A hard limit on the canary's own rate.
    pub limit: Option<RateLimit>,
    /// What the stable version's history says; none when there was too little of it. Then the counts are taken to vary
    /// twice as much as Poisson counts, and evidence of harm must be confirmed by share betting.
    pub baseline: Option<CountBaseline>,
}

impl Default for ErrorRateSettings {
    fn default() -> Self {
        Self {
            worse: Worse::Higher,
            dead_zone: Margin::ERROR_RATE_DEAD_ZONE,
            margin: Margin::ERROR_RATE_LIMIT,
            false_rollback: 0.01,
            missed_regression: 0.05,
            limit: None,
            baseline: None,
        }
    }
}

impl ErrorRateSettings {
    /// The defaults for a share of wanted events, such as conversions.
    pub fn wanted_events() -> Self {
        Self {
            worse: Worse::Lower,
            dead_zone: Margin::WANTED_RATE_DEAD_ZONE,
            margin: Margin::WANTED_RATE_LIMIT,
            ..Self::default()
        }
    }

    /// Variance of the raw counts relative to Poisson, as known or assumed.
    pub fn dispersion(&self) -> f64 {
        self.baseline.map_or(UNKNOWN_DISPERSION, |baseline| baseline.dispersion_raw)
    }

    /// What bets on raw counts of this dispersion that the canary is worse.
    pub fn raw_harm_design(&self, dispersion: f64) -> RatioDesign {
        self.harm_design().ratio(dispersion)
    }

    /// What bets on raw counts of this dispersion that the canary keeps to the step's margin.
    pub fn raw_safe_design(&self, step: StepWeight, dispersion: f64) -> RatioDesign {
        self.safe_design(step, dispersion, 1.0)
    }

    pub(super) fn harm_design(&self) -> HarmDesign {
        let lower_is_worse = self.worse == Worse::Lower;
        HarmDesign { dead_zone: self.on_the_worse_side(self.dead_zone), lower_is_worse }
    }

    /// The design for safety in a step: on raw counts, or on counts of which a cap leaves `kappa`.
    pub(super) fn safe_design(&self, step: StepWeight, dispersion: f64, kappa: f64) -> RatioDesign {
        let margin = self.step_margin(step);
        let design = RatioDesign::safe(Margin { absolute: margin.absolute * kappa, ..margin }, dispersion);
        if self.worse == Worse::Lower { design.reversed() } else { design }
    }

    /// The margin that a step must rule out, on the worse side.
    pub fn step_margin(&self, step: StepWeight) -> Margin {
        self.on_the_worse_side(self.margin.graduated(step))
    }

    fn on_the_worse_side(&self, margin: Margin) -> Margin {
        match self.worse {
            Worse::Higher => margin,
            Worse::Lower => margin.downwards(),
        }
    }
}
