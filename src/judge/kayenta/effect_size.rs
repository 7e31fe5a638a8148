//! How large a difference is, apart from whether it is certain.

use super::ranks::ranks;

/// The mean; NaN of nothing.
pub(super) fn mean(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    // A second pass takes the rounding of the first away, as in Kayenta's library (Chan, Golub and LeVeque 1983).
    let correction: f64 = values.iter().map(|value| value - mean).sum();
    mean + correction / count
}

/// The experiment's mean relative to the control's; NaN where one of the means is 0.
pub(super) fn mean_ratio(experiment: &[f64], control: &[f64]) -> f64 {
    let (experiment, control) = (mean(experiment), mean(control));
    if experiment == 0.0 || control == 0.0 { f64::NAN } else { experiment / control }
}

/// The chance that a value of the experiment is above one of the control, ties counted half (the common language effect
/// size in the form of A. Vargha and H. D. Delaney 2000). Both must be sorted.
pub(super) fn common_language(experiment: &[f64], control: &[f64]) -> f64 {
    let (m, n) = (experiment.len() as f64, control.len() as f64);
    (2.0 * ranks(experiment, 0.0, control).first_sum - m * (m + 1.0)) / (2.0 * m * n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_of_means_is_undefined_at_zero() {
        assert!(mean_ratio(&[1.0], &[0.0, 0.0]).is_nan());
        assert!(mean_ratio(&[0.0], &[1.0]).is_nan());
        assert!((mean_ratio(&[10.0, 20.0], &[1.0, 2.0]) - 10.0).abs() < 1e-12);
    }

    #[test]
    fn the_common_language_effect_size_counts_ties_half() {
        assert_eq!(common_language(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]).to_bits(), 0.5f64.to_bits());
        assert_eq!(common_language(&[1.0, 2.0], &[8.0, 9.0]).to_bits(), 0f64.to_bits());
        assert_eq!(common_language(&[5.0, 9.0], &[1.0, 5.0]).to_bits(), 0.875f64.to_bits());
    }
}
