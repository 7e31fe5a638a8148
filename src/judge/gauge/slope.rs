//! Does the difference grow? A leak shows as a slope before the difference is large. For reports only.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::batches::BatchMeans;

/// Batches that the direction is counted on.
const DIRECTION_BATCHES: usize = 16;

/// How the difference between the arms has moved.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Slope {
    /// Growth per look on the scale of the comparison: the median of the slopes between all pairs of batches (Theil
    /// 1950, Sen 1968), which a few outliers don't move.
    pub per_look: f64,
    /// Of the steps between up to 16 successive spans, how many went up.
    pub rising: u32,
    /// The number of these steps.
    pub steps: u32,
}

impl Slope {
    /// The slope of the batches; none with fewer than 16.
    pub fn of(means: &BatchMeans) -> Option<Self> {
        let batches = means.batches();
        if batches.len() < DIRECTION_BATCHES {
            return None;
        }
        let mut slopes: Vec<f64> = (0..batches.len())
            .flat_map(|from| (from + 1..batches.len()).map(move |to| (from, to)))
            .map(|(from, to)| (batches[to] - batches[from]) / ((to - from) as f64 * means.batch_length()))
            .collect();
        slopes.sort_by(f64::total_cmp);
        let spans: Vec<f64> = batches
            .chunks(batches.len().div_ceil(DIRECTION_BATCHES))
            .map(|span| span.iter().sum::<f64>() / span.len() as f64)
            .collect();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let middle = slopes.len() / 2;
        let median =
            if slopes.len() % 2 == 1 { slopes[middle] } else { f64::midpoint(slopes[middle - 1], slopes[middle]) };
        Some(Self {
            per_look: median,
            rising: count(spans.windows(2).filter(|pair| pair[1] > pair[0]).count()),
            steps: count(spans.len() - 1),
        })
    }
}
