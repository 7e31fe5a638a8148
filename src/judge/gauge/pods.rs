//! The spread between pods: a pod that happens to be heavier than others (its node, its shard, its connections) stays so
//! for the whole run, and no number of looks averages that away.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::judge::classical::distribution::student_quantile;
use crate::judge::keyed::{self, SeriesKey};
use crate::judge::state::{self, StateError, StateKind};

/// The mean of each pod of an arm over the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct PodMeans {
    pods: BTreeMap<SeriesKey, PodMean>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct PodMean {
    /// Sum of the values on the scale of the comparison.
    sum: f64,
    values: f64,
}

/// The spread between the pods of both arms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodSpread {
    /// Canary pods.
    pub canary: u32,
    /// Stable pods.
    pub stable: u32,
    /// Variance between pods of one arm, from both arms.
    pub variance: f64,
}

impl PodMeans {
    /// Takes a pod's value of one look, on the scale of the comparison.
    pub fn push(&mut self, pod: &str, value: f64) {
        let mean = self.pods.entry(SeriesKey::of(pod)).or_default();
        mean.sum += value;
        mean.values += 1.0;
    }

    /// Each pod's mean.
    pub fn means(&self) -> impl Iterator<Item = f64> {
        self.pods.values().map(|mean| mean.sum / mean.values)
    }

    /// Number of pods that were seen.
    pub fn len(&self) -> usize {
        self.pods.len()
    }

    /// Whether no pod was seen.
    pub fn is_empty(&self) -> bool {
        self.pods.is_empty()
    }
}

impl PodSpread {
    /// The spread of the pods' means around their arm's.
    pub fn of(canary: &[f64], stable: &[f64]) -> Self {
        let squares = |values: &[f64]| {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            values.iter().map(|value| (value - mean).powi(2)).sum::<f64>()
        };
        let sum = if canary.is_empty() { 0.0 } else { squares(canary) }
            + if stable.is_empty() { 0.0 } else { squares(stable) };
        let pods = |values: &[f64]| u32::try_from(values.len()).unwrap_or(u32::MAX);
        let mut spread = Self { canary: pods(canary), stable: pods(stable), variance: 0.0 };
        spread.variance = sum / spread.degrees().max(1.0);
        spread
    }

    /// Degrees of freedom of the variance.
    pub fn degrees(&self) -> f64 {
        f64::from(self.canary) + f64::from(self.stable) - 2.0
    }

    /// Whether there are enough pods for a decision: two of the canary, five together.
    pub fn decides(&self) -> bool {
        self.canary >= 2 && self.degrees() >= 3.0
    }

    /// How far the pods at hand may be off, in one direction, with a chance of at most `level`. The pods are drawn once
    /// for the whole run, so this bound of a single look holds at all. None without a degree of freedom.
    pub fn term(&self, level: f64) -> Option<f64> {
        if self.canary == 0 || self.stable == 0 || self.degrees() < 1.0 {
            return None;
        }
        let parts = 1.0 / f64::from(self.canary) + 1.0 / f64::from(self.stable);
        Some(student_quantile(1.0 - level, self.degrees()) * (self.variance * parts).sqrt())
    }
}

impl From<PodMeans> for String {
    fn from(means: PodMeans) -> Self {
        let numbers = |mean: PodMean| [Some(mean.sum), Some(mean.values)];
        keyed::encode(StateKind::PodMeans, means.pods.into_iter().map(|(key, mean)| (key, numbers(mean))))
    }
}

impl TryFrom<String> for PodMeans {
    type Error = StateError;

    fn try_from(text: String) -> Result<Self, StateError> {
        let mean = |(key, numbers): (SeriesKey, Vec<Option<f64>>)| match numbers[..] {
            [Some(sum), Some(values)] if values >= 1.0 => Ok((key, PodMean { sum, values })),
            [Some(_), Some(values)] => Err(state::impossible(1, values)),
            _ => Err(StateError::WrongLength { expected: 2, found: numbers.len() }),
        };
        let pods = keyed::decode(StateKind::PodMeans, &text)?.into_iter().map(mean);
        Ok(Self { pods: pods.collect::<Result<_, _>>()? })
    }
}
