//! What is done to a series before it is compared: missing values and outliers.

use super::settings::{NanStrategy, OutlierStrategy};

/// The values that are compared.
pub(super) fn clean(values: &[f64], nan_strategy: NanStrategy, outliers: OutlierStrategy) -> Vec<f64> {
    let mut kept: Vec<f64> = match nan_strategy {
        NanStrategy::Remove => values.iter().copied().filter(|value| !value.is_nan()).collect(),
        NanStrategy::Replace => values.iter().map(|value| if value.is_nan() { 0.0 } else { *value }).collect(),
    };
    if let OutlierStrategy::Remove { factor } = outliers {
        let Some((low, high)) = fences(&kept, factor) else { return kept };
        kept.retain(|value| !(*value > high || *value < low));
    }
    kept
}

/// The bounds outside of which a value is an outlier; no less than what holds the middle 98 % of the values.
fn fences(values: &[f64], factor: f64) -> Option<(f64, f64)> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let (first, third) = (percentile(&sorted, 25.0)?, percentile(&sorted, 75.0)?);
    let range = third - first;
    let low = percentile(&sorted, 1.0)?.min(first - factor * range);
    let high = percentile(&sorted, 99.0)?.max(third + factor * range);
    Some((low, high))
}

/// The percentile by linear interpolation between order statistics (type 7 of Hyndman and Fan 1996).
fn percentile(sorted: &[f64], percent: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = last as f64 * percent / 100.0;
    let whole = position.floor();
    // `position` is between 0 and `last`.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is the index of a value")]
    let index = whole as usize;
    let (lower, upper) = (*sorted.get(index)?, *sorted.get((index + 1).min(last))?);
    Some(lower + (position - whole) * (upper - lower))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_values_are_dropped_or_become_zero() {
        let values = [1.0, f64::NAN, 3.0];
        assert_eq!(clean(&values, NanStrategy::Remove, OutlierStrategy::Keep), [1.0, 3.0]);
        assert_eq!(clean(&values, NanStrategy::Replace, OutlierStrategy::Keep), [1.0, 0.0, 3.0]);
    }

    #[test]
    fn a_value_far_outside_of_the_quartiles_is_dropped_but_never_the_middle_98_percent() {
        let mut values: Vec<f64> = (0..200).map(f64::from).collect();
        values.push(10_000.0);
        let cleaned = clean(&values, NanStrategy::Remove, OutlierStrategy::Remove { factor: 3.0 });
        assert_eq!(cleaned, values[..200]);
        // With ten values the 99th percentile lies between the last two, so only the very last can be dropped.
        let few = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 90.0, 100.0];
        assert_eq!(clean(&few, NanStrategy::Remove, OutlierStrategy::Remove { factor: 3.0 }).len(), 9);
    }

    #[test]
    fn percentiles_are_interpolated() {
        let sorted: Vec<f64> = (0..10).map(f64::from).collect();
        assert_eq!(percentile(&sorted, 50.0), Some(4.5));
        assert_eq!(percentile(&sorted, 100.0), Some(9.0));
        assert_eq!(percentile(&[], 50.0), None);
    }

    #[test]
    fn nothing_stays_nothing() {
        assert!(clean(&[], NanStrategy::Replace, OutlierStrategy::Remove { factor: 1.0 }).is_empty());
        assert!(clean(&[f64::NAN], NanStrategy::Remove, OutlierStrategy::Remove { factor: 1.0 }).is_empty());
    }
}
