//! The Mann-Whitney interval: by how much one sample is shifted against another (H. B. Mann and D. R. Whitney 1947;
//! the estimate is that of J. L. Hodges and E. L. Lehmann 1963), as Kayenta computes it.
//!
//! A shift belongs to the interval when the test does not reject it. The test is the normal approximation with correction
//! for ties and for continuity, and the ends of the interval are searched as roots of it. It is what R's `wilcox.test`
//! does with `exact = FALSE, conf.int = TRUE`, except that the estimate keeps the continuity correction.

use serde::{Deserialize, Serialize};

use super::{
    brent::{Point, root},
    number,
    ranks::ranks,
};

/// The 99th percentile of the normal distribution: the interval is at 98 %, two-sided.
const QUANTILE: f64 = 2.326_347_874_040_840_8;

/// By how much the first of two samples is shifted against the second, at 98 % here.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShiftInterval {
    /// The lower end.
    #[serde(with = "number")]
    pub low: f64,
    /// The upper end.
    #[serde(with = "number")]
    pub high: f64,
    /// The shift at which the samples look alike.
    #[serde(with = "number")]
    pub estimate: f64,
}

/// All values are equal, so nothing can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllTied;

/// Compares two samples. Both are sorted in place, which keeps the comparison free of allocations.
///
/// None of the values may be NaN; infinite ones are taken, and make infinite ends.
///
/// # Errors
/// [`AllTied`] where a sample is empty, or all values fall together at one end of the possible shifts.
pub fn shift_interval(first: &mut [f64], second: &mut [f64]) -> Result<ShiftInterval, AllTied> {
    first.sort_unstable_by(f64::total_cmp);
    second.sort_unstable_by(f64::total_cmp);
    let (Some(first_low), Some(first_high)) = (first.first(), first.last()) else { return Err(AllTied) };
    let (Some(second_low), Some(second_high)) = (second.first(), second.last()) else { return Err(AllTied) };
    let (smallest, largest) = (first_low - second_high, first_high - second_low);
    let (first, second) = (&*first, &*second);

    let at_smallest = Point { at: smallest, value: deviation(first, smallest, second)? };
    let at_largest = Point { at: largest, value: deviation(first, largest, second)? };
    let search = |quantile: f64| {
        let less = |point: Point| Point { value: point.value - quantile, ..point };
        root(less(at_smallest), less(at_largest), |shift| Ok(deviation(first, shift, second)? - quantile))
    };
    let end = |quantile: f64| {
        if at_smallest.value - quantile <= 0.0 {
            Ok(smallest)
        } else if at_largest.value - quantile >= 0.0 {
            Ok(largest)
        } else {
            search(quantile)
        }
    };
    Ok(ShiftInterval { low: end(QUANTILE)?, high: end(-QUANTILE)?, estimate: search(0.0)? })
}

/// How many standard deviations the rank sum of `first`, shifted down, is above what it would be without a difference.
fn deviation(first: &[f64], shift: f64, second: &[f64]) -> Result<f64, AllTied> {
    let (m, n) = (first.len() as f64, second.len() as f64);
    let ranks = ranks(first, shift, second);
    let excess = ranks.first_sum - m * (m + 1.0) / 2.0 - m * n / 2.0;
    let correction = if excess == 0.0 { 0.0 } else { 0.5f64.copysign(excess) };
    let spread = ((m * n / 12.0) * ((m + n + 1.0) - ranks.ties / ((m + n) * (m + n - 1.0)))).sqrt();
    if spread == 0.0 {
        return Err(AllTied);
    }
    Ok((excess - correction) / spread)
}
