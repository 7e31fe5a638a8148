//! What Kayenta sends to a judge outside of itself (its `RemoteJudge`).

use serde::{Deserialize, Serialize};

use super::{
    config::{CanaryConfig, ScoreThresholds},
    error::KayentaError,
    pair::MetricSetPair,
};

/// Everything that a judgement is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JudgeRequest {
    /// How to judge.
    pub canary_config: CanaryConfig,
    /// What a score means; without them the configuration's own count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_thresholds: Option<ScoreThresholds>,
    /// The data.
    pub metric_set_pair_list: Vec<MetricSetPair>,
}

impl JudgeRequest {
    /// Reads a request.
    ///
    /// # Errors
    /// [`KayentaError::Request`] with the line and column at which the text is none.
    pub fn from_json(text: &[u8]) -> Result<Self, KayentaError> {
        serde_json::from_slice(text).map_err(|error| KayentaError::Request(error.to_string()))
    }

    /// The thresholds that count.
    ///
    /// # Errors
    /// [`KayentaError::NoThresholds`]
    pub fn thresholds(&self) -> Result<&ScoreThresholds, KayentaError> {
        let of_config = self.canary_config.classifier.score_thresholds.as_ref();
        self.score_thresholds.as_ref().or(of_config).ok_or(KayentaError::NoThresholds)
    }
}
