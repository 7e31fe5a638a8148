//! Does the difference grow? A leak shows as a slope before the difference is large. For reports only.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::batches::BatchMeans;

/// Spans that the series is cut into.
const SPANS: usize = 16;

/// How the difference between the arms has moved.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Slope {
    /// Growth per look on the scale of the comparison: the median of the slopes between all pairs of up to 16 spans
    /// (Theil 1950, Sen 1968), which a few outliers don't move.
    pub per_look: f64,
    /// Of the steps from one span to the next, how many went up.
    pub rising: u32,
    /// The number of these steps.
    pub steps: u32,
}

/// A mean over some batches, and the middle of the time that they took, in looks.
struct Span {
    at: f64,
    mean: f64,
}

impl Slope {
    /// The slope of the batches; none with fewer than 16.
    pub fn of(means: &BatchMeans) -> Option<Self> {
        let batches = means.batches();
        if batches.len() < SPANS {
            return None;
        }
        let length = batches.len().div_ceil(SPANS);
        let spans: Vec<Span> = batches
            .chunks(length)
            .enumerate()
            .map(|(index, span)| {
                let middle = (index * length) as f64 + span.len() as f64 / 2.0;
                Span { at: middle * means.batch_length(), mean: span.iter().sum::<f64>() / span.len() as f64 }
            })
            .collect();
        let mut slopes: Vec<f64> = Vec::with_capacity(SPANS * SPANS / 2);
        for (index, from) in spans.iter().enumerate() {
            slopes.extend(spans[index + 1..].iter().map(|to| (to.mean - from.mean) / (to.at - from.at)));
        }
        slopes.sort_by(f64::total_cmp);
        let middle = slopes.len() / 2;
        let per_look =
            if slopes.len() % 2 == 1 { slopes[middle] } else { f64::midpoint(slopes[middle - 1], slopes[middle]) };
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let rising = spans.windows(2).filter(|pair| pair[1].mean > pair[0].mean).count();
        Some(Self { per_look, rising: count(rising), steps: count(spans.len() - 1) })
    }
}
