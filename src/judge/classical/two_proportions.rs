//! Two proportions at one planned look: the pooled z test, and intervals for difference and ratio.

use super::Bounds;
use super::distribution::{normal_cdf, normal_quantile};
use super::proportion::wilson;

/// Events among trials in two independent samples. `0 <= events <= trials`, `trials > 0`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TwoProportions {
    /// Events of the first sample.
    pub first_events: f64,
    /// Trials of the first sample.
    pub first_trials: f64,
    /// Events of the second sample.
    pub second_events: f64,
    /// Trials of the second sample.
    pub second_trials: f64,
}

impl TwoProportions {
    /// The pooled z statistic of "first minus second"; not a number when no or every trial was an event.
    pub fn pooled_z(&self) -> f64 {
        let pooled = (self.first_events + self.second_events) / (self.first_trials + self.second_trials);
        let variance = pooled * (1.0 - pooled) * (1.0 / self.first_trials + 1.0 / self.second_trials);
        (self.first() - self.second()) / variance.sqrt()
    }

    /// P-value of the pooled z test against "different".
    pub fn p_different(&self) -> f64 {
        2.0 * normal_cdf(-self.pooled_z().abs())
    }

    /// P-value of the pooled z test against "the first is larger".
    pub fn p_larger(&self) -> f64 {
        normal_cdf(-self.pooled_z())
    }

    /// Wald's interval of the difference: the plain one, too short for small counts.
    pub fn wald(&self, confidence: f64) -> Bounds {
        around(self.first() - self.second(), two_sided_z(confidence) * self.unpooled_deviation())
    }

    /// The interval of Agresti and Caffo (2000) of the difference: Wald's after one event and one non-event are added
    /// to each sample.
    pub fn agresti_caffo(&self, confidence: f64) -> Bounds {
        let more = Self {
            first_events: self.first_events + 1.0,
            first_trials: self.first_trials + 2.0,
            second_events: self.second_events + 1.0,
            second_trials: self.second_trials + 2.0,
        };
        more.wald(confidence)
    }

    /// Newcombe's hybrid score interval (1998, method 10) of the difference, from both samples' Wilson intervals.
    pub fn newcombe(&self, confidence: f64) -> Bounds {
        let (first, second) = (self.first(), self.second());
        let (first_low, first_high) = wilson(self.first_events, self.first_trials, confidence);
        let (second_low, second_high) = wilson(self.second_events, self.second_trials, confidence);
        let difference = first - second;
        let low = difference - (first - first_low).hypot(second_high - second);
        let high = difference + (first_high - first).hypot(second - second_low);
        (low, high)
    }

    /// The interval of the ratio by its logarithm (Katz and others 1978); both samples must have events.
    pub fn log_ratio(&self, confidence: f64) -> Bounds {
        let log_ratio = (self.first() / self.second()).ln();
        let variance =
            1.0 / self.first_events - 1.0 / self.first_trials + 1.0 / self.second_events - 1.0 / self.second_trials;
        let (low, high) = around(log_ratio, two_sided_z(confidence) * variance.sqrt());
        (low.exp(), high.exp())
    }

    fn first(&self) -> f64 {
        self.first_events / self.first_trials
    }

    fn second(&self) -> f64 {
        self.second_events / self.second_trials
    }

    fn unpooled_deviation(&self) -> f64 {
        let variance = |part: f64, trials: f64| part * (1.0 - part) / trials;
        (variance(self.first(), self.first_trials) + variance(self.second(), self.second_trials)).sqrt()
    }
}

fn two_sided_z(confidence: f64) -> f64 {
    normal_quantile(f64::midpoint(1.0, confidence))
}

fn around(centre: f64, radius: f64) -> Bounds {
    (centre - radius, centre + radius)
}
