//! The whole judge: configuration and data in, judgement out.

use super::{
    classify::{Label, classify_cleaned},
    clean::clean,
    config::{CanaryConfig, ScoreThresholds},
    effect_size::mean,
    error::KayentaError,
    judgement::{KayentaJudgement, MetricResult, ResultMetadata, SeriesMetadata, SeriesStatistics},
    pair::MetricSetPair,
    request::JudgeRequest,
    score::{Scored, score},
    settings::MetricSettings,
};

/// What Kayenta calls this judge.
pub const JUDGE_NAME: &str = "NetflixACAJudge-v1.0";

/// Judges a canary as Kayenta does. Without `thresholds` those of the configuration count.
///
/// # Errors
/// [`KayentaError`]: data that the configuration does not know or that lack a series, settings that can't be read, no
/// thresholds.
pub fn judge(
    config: &CanaryConfig,
    thresholds: Option<&ScoreThresholds>,
    pairs: &[MetricSetPair],
) -> Result<KayentaJudgement, KayentaError> {
    let thresholds = thresholds.or(config.classifier.score_thresholds.as_ref()).ok_or(KayentaError::NoThresholds)?;
    let weights = config.group_weights()?;
    let results = pairs.iter().map(|pair| judge_pair(config, pair)).collect::<Result<Vec<_>, _>>()?;
    let Scored { groups, score } = score(&weights, thresholds, &results);
    Ok(KayentaJudgement { judge_name: JUDGE_NAME.to_owned(), results, group_scores: groups, score })
}

/// [`judge`]s what was asked for.
///
/// # Errors
/// As [`judge`].
pub fn judge_request(request: &JudgeRequest) -> Result<KayentaJudgement, KayentaError> {
    judge(&request.canary_config, Some(request.thresholds()?), &request.metric_set_pair_list)
}

fn judge_pair(config: &CanaryConfig, pair: &MetricSetPair) -> Result<MetricResult, KayentaError> {
    let metric = config.metric(&pair.name).ok_or_else(|| KayentaError::UnknownMetric { name: pair.name.clone() })?;
    let settings = MetricSettings::of(metric)?;
    let mut experiment = clean(pair.experiment()?, settings.nan_strategy, settings.outliers);
    let mut control = clean(pair.control()?, settings.nan_strategy, settings.outliers);
    let (experiment_metadata, control_metadata) = (statistics(&experiment), statistics(&control));
    let classification = classify_cleaned(&settings, &mut experiment, &mut control);
    Ok(MetricResult {
        name: pair.name.clone(),
        id: pair.id.clone(),
        tags: pair.tags.clone(),
        classification: classification.label,
        classification_reason: classification.reason(&pair.name),
        groups: metric.groups.clone(),
        experiment_metadata,
        control_metadata,
        result_metadata: (classification.label != Label::Error).then_some(ResultMetadata {
            ratio: classification.ratio,
            difference: classification.shift,
            relative_difference: None,
        }),
        critical: classification.critical,
        muted: settings.muted,
    })
}

/// What is told of a series.
pub(super) fn statistics(values: &[f64]) -> SeriesMetadata {
    SeriesMetadata { stats: SeriesStatistics::of(values) }
}

impl SeriesStatistics {
    /// The numbers of a series.
    pub fn of(values: &[f64]) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        let mean = mean(values);
        Self {
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            mean,
            std: standard_deviation(values, mean),
            count: values.len(),
        }
    }
}

/// Of the sample; 0 of a single value.
fn standard_deviation(values: &[f64], mean: f64) -> f64 {
    let count = values.len() as f64;
    if count < 2.0 {
        return 0.0;
    }
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let drift: f64 = values.iter().map(|value| value - mean).sum();
    ((squares - drift * drift / count) / (count - 1.0)).sqrt()
}
