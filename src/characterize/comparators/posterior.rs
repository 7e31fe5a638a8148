//! The Bayesian figures that dashboards of A/B tests show, by the normal approximation of the posterior: the exact ones
//! ([`crate::judge::classical::bayes`]) cost too much for each of hundreds of looks.

use crate::judge::Counts;
use crate::judge::classical::distribution::normal_cdf;

/// Events in each variant below which nothing is said of the loss.
const LEAST_EVENTS: f64 = 100.0;

/// The counts of all looks so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NormalPosterior {
    totals: Counts,
}

impl NormalPosterior {
    /// Takes the counts of one tick.
    pub fn look(&mut self, counts: &Counts) {
        self.totals += *counts;
    }

    /// Mean and standard deviation of the difference of the rates under uniform priors.
    fn difference(&self) -> (f64, f64) {
        let arm = |events: f64, requests: f64| {
            let (total, mean) = (requests + 2.0, (events + 1.0) / (requests + 2.0));
            (mean, mean * (1.0 - mean) / (total + 1.0))
        };
        let (canary, canary_variance) = arm(self.totals.canary_errors, self.totals.canary_requests);
        let (stable, stable_variance) = arm(self.totals.stable_errors, self.totals.stable_requests);
        (canary - stable, (canary_variance + stable_variance).sqrt())
    }

    /// The probability that the canary's rate is higher.
    pub fn canary_is_higher(&self) -> f64 {
        let (mean, deviation) = self.difference();
        normal_cdf(mean / deviation)
    }

    /// What is lost, on average over the posterior, by choosing the variant with the higher rate; infinite while there
    /// are few events.
    pub fn loss_of_the_better(&self) -> f64 {
        if self.totals.canary_errors.min(self.totals.stable_errors) < LEAST_EVENTS {
            return f64::INFINITY;
        }
        let (mean, deviation) = self.difference();
        let away = mean.abs() / deviation;
        let density = (-away * away / 2.0).exp() / std::f64::consts::TAU.sqrt();
        deviation * density - mean.abs() * normal_cdf(-away)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::classical::bayes::{Posterior, chance_to_be_best, expected_loss};

    #[test]
    fn the_figures_are_those_of_the_exact_posterior_within_a_percent() {
        let mut posterior = NormalPosterior::default();
        posterior.look(&Counts {
            canary_requests: 20_000.0,
            stable_requests: 20_000.0,
            canary_errors: 1040.0,
            stable_errors: 1000.0,
        });
        let [canary, stable] = [1040.0, 1000.0].map(|events| Posterior::new(events, 20_000.0, (1.0, 1.0)));
        let higher = chance_to_be_best(&[canary, stable])[0];
        assert!((posterior.canary_is_higher() - higher).abs() < 0.002, "{higher}");
        let loss = expected_loss(&canary, &stable);
        assert!((posterior.loss_of_the_better() / loss - 1.0).abs() < 0.01, "{loss}");
    }

    #[test]
    fn few_events_have_an_infinite_loss() {
        let mut posterior = NormalPosterior::default();
        posterior.look(&Counts {
            canary_requests: 900.0,
            stable_requests: 900.0,
            canary_errors: 99.0,
            stable_errors: 200.0,
        });
        assert!(posterior.loss_of_the_better().is_infinite());
    }
}
