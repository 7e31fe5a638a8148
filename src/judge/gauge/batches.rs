//! The mean of a series of dependent values, and how far it may be from the truth: doubling batch means.
//!
//! Values are averaged in batches; when there are 64 of them, neighbours are merged, and batches are twice as long from
//! then on. So the state stays small, and batches become long against the memory of the series. What correlation is
//! left between neighbouring batches is corrected for as in a first-order autoregression.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::judge::interval::asymptotic_radius_one_sided;
use crate::judge::state::{self, StateError, StateKind};

/// Batches kept at most; a power of 2.
const MOST_BATCHES: usize = 64;
/// Batches and values needed before anything is said of the variance.
const LEAST_BATCHES: usize = 16;
const LEAST_VALUES: f64 = 30.0;
/// The largest correlation that is believed.
const MOST_CORRELATED: f64 = 0.95;
/// The number of values at which bounds are tightest.
const TIGHTEST_AT: f64 = 180.0;

/// Batch means of a series. As JSON one string, exact to the bit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct BatchMeans {
    /// Means of the complete batches, in order.
    batches: Vec<f64>,
    /// Values per batch; a power of 2.
    length: f64,
    /// Sum and number of values in the batch under way.
    part: f64,
    part_values: f64,
    /// Sum and number of all values.
    sum: f64,
    values: f64,
}

/// The mean of a series with what its bounds are made of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeriesMean {
    /// Number of values.
    pub values: f64,
    /// Their mean.
    pub mean: f64,
    /// Long-run variance per value: that of the mean is this over `values`.
    pub variance: f64,
}

impl Default for BatchMeans {
    fn default() -> Self {
        Self { batches: Vec::new(), length: 1.0, part: 0.0, part_values: 0.0, sum: 0.0, values: 0.0 }
    }
}

impl BatchMeans {
    /// Takes the next value; one that is not finite is left out.
    pub fn push(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        self.sum += value;
        self.values += 1.0;
        self.part += value;
        self.part_values += 1.0;
        if self.part_values < self.length {
            return;
        }
        self.batches.push(self.part / self.length);
        self.part = 0.0;
        self.part_values = 0.0;
        if self.batches.len() >= MOST_BATCHES {
            self.batches = self.batches.chunks_exact(2).map(|pair| f64::midpoint(pair[0], pair[1])).collect();
            self.length *= 2.0;
        }
    }

    /// Number of values.
    pub fn values(&self) -> f64 {
        self.values
    }

    /// The mean of all values; none before the first.
    pub fn mean(&self) -> Option<f64> {
        (self.values > 0.0).then(|| self.sum / self.values)
    }

    /// Means of the complete batches, in order.
    pub fn batches(&self) -> &[f64] {
        &self.batches
    }

    /// Values per batch.
    pub fn batch_length(&self) -> f64 {
        self.length
    }

    /// The mean with its variance; none with fewer than 16 batches or 30 values.
    pub fn series_mean(&self) -> Option<SeriesMean> {
        if self.batches.len() < LEAST_BATCHES || self.values < LEAST_VALUES {
            return None;
        }
        let count = self.batches.len() as f64;
        let mean = self.batches.iter().sum::<f64>() / count;
        let squares: f64 = self.batches.iter().map(|batch| (batch - mean).powi(2)).sum();
        let products: f64 = self.batches.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
        // The estimate of a correlation from few values is too small on average by about (1 + 3 r) / count.
        let seen = if squares > 0.0 { products / squares } else { 0.0 };
        let correlation = (seen + (1.0 + 3.0 * seen) / count).clamp(0.0, MOST_CORRELATED);
        let variance = self.length * squares / (count - 1.0) * (1.0 + correlation) / (1.0 - correlation);
        Some(SeriesMean { values: self.values, mean: self.sum / self.values, variance })
    }
}

impl SeriesMean {
    /// How far the truth may be from the mean in one direction, at every look, with a chance of at most `level` (in
    /// (0, 0.5)) to be farther at any (Waudby-Smith and others 2024).
    pub fn radius(&self, level: f64) -> f64 {
        asymptotic_radius_one_sided(self.values, self.variance.sqrt(), level, TIGHTEST_AT)
    }
}

impl From<BatchMeans> for String {
    fn from(means: BatchMeans) -> Self {
        let BatchMeans { batches, length, part, part_values, sum, values } = means;
        let numbers: Vec<f64> = [length, part, part_values, sum, values].into_iter().chain(batches).collect();
        state::encode_counts(StateKind::Gauge, &numbers)
    }
}

impl TryFrom<String> for BatchMeans {
    type Error = StateError;

    fn try_from(text: String) -> Result<Self, StateError> {
        let numbers = state::decode_counts(StateKind::Gauge, &text)?;
        let [length, part, part_values, sum, values, batches @ ..] = numbers.as_slice() else {
            return Err(StateError::WrongLength { expected: 5, found: numbers.len() });
        };
        if *length < 1.0 {
            return Err(state::impossible(0, *length));
        }
        Ok(Self {
            batches: batches.iter().take(MOST_BATCHES - 1).copied().collect(),
            length: *length,
            part: *part,
            part_values: *part_values,
            sum: *sum,
            values: *values,
        })
    }
}
