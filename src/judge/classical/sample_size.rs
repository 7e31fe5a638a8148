//! How many observations a test that is made once needs, to find a difference of two proportions.

use super::distribution::{normal_cdf, normal_quantile};

/// A planned comparison of two proportions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleSize {
    /// Proportion in the first sample.
    pub first: f64,
    /// Proportion in the second sample, another one.
    pub second: f64,
    /// Chance of a false alarm.
    pub level: f64,
    /// Chance of finding the difference.
    pub power: f64,
    /// Size of the second sample relative to the first.
    pub second_per_first: f64,
    /// Whether a difference in either direction counts.
    pub two_sided: bool,
}

impl SampleSize {
    /// Size of the first sample, not rounded, for the pooled z test. Monitoring at every look costs about 1.7 times as
    /// much.
    pub fn first_sample(&self) -> f64 {
        let Self { first, second, second_per_first, .. } = *self;
        let pooled = (first + second_per_first * second) / (1.0 + second_per_first);
        let null = pooled * (1.0 - pooled) * (1.0 + 1.0 / second_per_first);
        let alternative = first * (1.0 - first) + second * (1.0 - second) / second_per_first;
        let (level, power) = self.quantiles();
        ((level * null.sqrt() + power * alternative.sqrt()) / (first - second)).powi(2)
    }

    /// Cohen's effect size h: the difference of the arcsines.
    pub fn effect_size(&self) -> f64 {
        (2.0 * self.first.sqrt().asin() - 2.0 * self.second.sqrt().asin()).abs()
    }

    /// Size of the first sample by the effect size. Of two sides, a significant result on the wrong one counts as
    /// found, as other programs have it.
    pub fn first_sample_by_effect_size(&self) -> f64 {
        let (level, power) = self.quantiles();
        let mut distance = level + power;
        if self.two_sided {
            // Newton's method; the wrong side is so unlikely that the second step changes the last digits only.
            for _ in 0..8 {
                let found = normal_cdf(distance - level) + normal_cdf(-distance - level);
                let density = |z: f64| (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
                distance -= (found - self.power) / (density(distance - level) - density(distance + level));
            }
        }
        (distance / self.effect_size()).powi(2) * (1.0 + 1.0 / self.second_per_first)
    }

    fn quantiles(&self) -> (f64, f64) {
        let tail = if self.two_sided { 0.5 * self.level } else { self.level };
        (normal_quantile(1.0 - tail), normal_quantile(self.power))
    }
}
