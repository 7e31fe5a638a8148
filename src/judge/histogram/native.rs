//! Native histograms: buckets with bounds, as Prometheus' JSON gives them.

use super::{Bucket, Histogram, HistogramProblem, Layout, is_at_most, is_count};

/// The finest and the coarsest schema that Prometheus knows.
const FINEST: i8 = 8;
const COARSEST: i8 = -4;
/// How far the logarithm of a schema may be from a whole number.
const SCHEMA_TOLERANCE: f64 = 1e-3;

/// One entry of `buckets` in the JSON form of a native histogram: `[rule, left, right, count]`. The rule says which of
/// the bounds belong to the bucket; no observation in practice is on a bound, so it is not kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NativeBucket {
    /// Lower bound.
    pub left: f64,
    /// Upper bound.
    pub right: f64,
    /// Observations in this bucket alone.
    pub count: f64,
}

pub(super) fn decode(buckets: &[NativeBucket], sum: Option<f64>) -> Result<Histogram, HistogramProblem> {
    let mut decoded = Vec::with_capacity(buckets.len());
    for &NativeBucket { left, right, count } in buckets {
        if left.is_nan() || right.is_nan() || left > right {
            return Err(HistogramProblem::BadEdge { edge: format!("{left}..{right}") });
        }
        if !is_count(count) {
            return Err(HistogramProblem::BadCount { upper: right, count });
        }
        decoded.push(Bucket { lower: left, upper: right, count });
    }
    decoded.sort_by(|a, b| a.upper.total_cmp(&b.upper).then(a.lower.total_cmp(&b.lower)));
    if let Some(pair) = decoded.windows(2).find(|pair| !is_at_most(pair[0].upper, pair[1].lower)) {
        return Err(HistogramProblem::Overlap { first: pair[0].upper, second: pair[1].upper });
    }
    let layout = layout(&decoded);
    decoded.retain(|bucket| bucket.count > 0.0);
    let count = decoded.iter().map(|bucket| bucket.count).sum();
    let histogram = Histogram { layout, buckets: decoded, count, sum: None, repaired: 0.0, open: false };
    Ok(histogram.with_sum(sum))
}

/// The schema from the buckets' width on the log scale: `upper / lower = 2^(2^-schema)` for every bucket but the zero
/// bucket. A histogram without such buckets is compatible with any schema.
fn layout(buckets: &[Bucket]) -> Layout {
    let mut schema = None;
    for bucket in buckets {
        let (near, far) = match (bucket.lower, bucket.upper) {
            (lower, upper) if lower > 0.0 => (lower, upper),
            (lower, upper) if upper < 0.0 => (-upper, -lower),
            // The zero bucket is symmetric.
            (lower, upper) if lower.is_finite() && is_at_most(-lower, upper) && is_at_most(upper, -lower) => continue,
            _ => return Layout::Custom,
        };
        // The outermost bucket of the range of floats ends at infinity.
        if far.is_infinite() && near > f64::MAX / 2.0 {
            continue;
        }
        match (schema_of(far / near), schema) {
            (Some(found), None) => schema = Some(found),
            (Some(found), Some(known)) if found == known => {}
            _ => return Layout::Custom,
        }
    }
    Layout::Exponential { schema: schema.unwrap_or(FINEST) }
}

fn schema_of(factor: f64) -> Option<i8> {
    let exact = -factor.log2().log2();
    (COARSEST..=FINEST).find(|schema| (exact - f64::from(*schema)).abs() < SCHEMA_TOLERANCE)
}
