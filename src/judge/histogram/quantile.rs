//! Quantiles by interpolation inside a bucket, the way `histogram_quantile` of PromQL does it, so that reports show
//! the numbers that people know from their dashboards. An estimate: it decides nothing.

use super::{Bucket, Histogram, Layout};

impl Histogram {
    /// The value that a part `quantile` (in `[0, 1]`) of the observations does not exceed; none without observations, and
    /// none of a classic histogram without `+Inf` or without any other bucket.
    ///
    /// Values are taken as evenly spread in a classic bucket, and evenly on the log scale in an exponential one. In
    /// the bucket that ends at infinity the answer is its lower edge.
    pub fn quantile(&self, quantile: f64) -> Option<f64> {
        let complete = self.layout != Layout::Classic || !self.open && self.buckets.len() >= 2;
        if !(complete && self.count > 0.0 && (0.0..=1.0).contains(&quantile)) {
            return None;
        }
        let rank = quantile * self.count;
        let mut below = 0.0;
        let mut found = None;
        for bucket in self.buckets.iter().filter(|bucket| bucket.count > 0.0) {
            found = Some((*bucket, rank - below));
            below += bucket.count;
            if below >= rank {
                break;
            }
        }
        let (bucket, rank) = found?;
        Some(self.interpolate(bucket, (rank / bucket.count).clamp(0.0, 1.0)))
    }

    fn interpolate(&self, bucket: Bucket, part: f64) -> f64 {
        let Bucket { lower, upper, .. } = bucket;
        if upper == f64::INFINITY {
            return if lower == f64::NEG_INFINITY { 0.0 } else { lower };
        }
        if lower == f64::NEG_INFINITY {
            // Durations begin at 0.
            return if upper > 0.0 { upper * part } else { upper };
        }
        match self.layout {
            Layout::Exponential { .. } if lower > 0.0 => lower * (upper / lower).powf(part),
            Layout::Exponential { .. } if upper < 0.0 => lower * (upper / lower).powf(part),
            _ => lower + (upper - lower) * part,
        }
    }
}
