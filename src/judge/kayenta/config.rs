//! Kayenta's `CanaryConfig`, as far as it is judged: the rest of it (queries, templates, owners) is for whoever fetches
//! the data, and is passed over.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{error::KayentaError, number};

/// What Kayenta is told about a canary.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CanaryConfig {
    /// Its name, for people.
    #[serde(default)]
    pub name: String,
    /// The metrics. Their order does not matter; of two of the same name the first one counts.
    #[serde(default)]
    pub metrics: Vec<MetricConfig>,
    /// How the score is made and read.
    #[serde(default)]
    pub classifier: Classifier,
}

/// One metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricConfig {
    /// Its name, by which the data refer to it.
    pub name: String,
    /// The groups whose scores it is part of. A metric of no group moves the score only when it is critical.
    #[serde(default)]
    pub groups: Vec<String>,
    /// How it is judged, under `canary`; [`super::MetricSettings`] is what that means.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub analysis_configurations: BTreeMap<String, Value>,
}

/// How the score is made and read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Classifier {
    /// The weight of each group, in percent. Groups that are not named share what is left of 100.
    #[serde(default)]
    pub group_weights: Option<BTreeMap<String, Value>>,
    /// The thresholds, where the request names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_thresholds: Option<ScoreThresholds>,
}

/// What a score means. Scores go from 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreThresholds {
    /// From here on the canary passes.
    #[serde(with = "number")]
    pub pass: f64,
    /// From here on it is marginal; below it fails.
    #[serde(with = "number")]
    pub marginal: f64,
}

impl CanaryConfig {
    /// Reads a configuration.
    ///
    /// # Errors
    /// [`KayentaError::Config`] with the line and column at which the text is no `CanaryConfig`.
    pub fn from_json(text: &str) -> Result<Self, KayentaError> {
        serde_json::from_str(text).map_err(|error| KayentaError::Config(error.to_string()))
    }

    /// The metric of this name.
    pub fn metric(&self, name: &str) -> Option<&MetricConfig> {
        self.metrics.iter().find(|metric| metric.name == name)
    }

    /// The weights of the groups, in percent.
    ///
    /// # Errors
    /// [`KayentaError::GroupWeight`] where a weight is no number.
    pub fn group_weights(&self) -> Result<BTreeMap<String, f64>, KayentaError> {
        let weights = self.classifier.group_weights.iter().flatten();
        weights
            .map(|(group, value)| match number::of_value(value).filter(|weight| weight.is_finite()) {
                Some(weight) => Ok((group.clone(), weight)),
                None => Err(KayentaError::GroupWeight { group: group.clone(), value: value.to_string() }),
            })
            .collect()
    }
}
