//! Welch's t test: two means without equal variances (1947).

use super::Bounds;
use super::distribution::{student_quantile, student_upper};

/// The comparison of two means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Welch {
    /// The t statistic of "first minus second".
    pub t: f64,
    /// Degrees of freedom by Satterthwaite's formula.
    pub degrees: f64,
    /// P-value against "different".
    pub p_different: f64,
    /// P-value against "the first is larger".
    pub p_greater: f64,
    /// Interval of the difference.
    pub interval: Bounds,
}

/// Compares the means of two samples; none if one has fewer than two values or neither varies.
pub fn welch(first: &[f64], second: &[f64], confidence: f64) -> Option<Welch> {
    let (first_mean, first_part) = mean_and_its_variance(first)?;
    let (second_mean, second_part) = mean_and_its_variance(second)?;
    let variance = first_part + second_part;
    if variance <= 0.0 {
        return None;
    }
    let degrees = variance * variance
        / (first_part * first_part / (first.len() as f64 - 1.0)
            + second_part * second_part / (second.len() as f64 - 1.0));
    let difference = first_mean - second_mean;
    let t = difference / variance.sqrt();
    let radius = student_quantile(f64::midpoint(1.0, confidence), degrees) * variance.sqrt();
    Some(Welch {
        t,
        degrees,
        p_different: 2.0 * student_upper(t.abs(), degrees),
        p_greater: student_upper(t, degrees),
        interval: (difference - radius, difference + radius),
    })
}

fn mean_and_its_variance(sample: &[f64]) -> Option<(f64, f64)> {
    let count = sample.len() as f64;
    if count < 2.0 {
        return None;
    }
    let mean = sample.iter().sum::<f64>() / count;
    let squares: f64 = sample.iter().map(|value| (value - mean).powi(2)).sum();
    Some((mean, squares / (count - 1.0) / count))
}
