//! Siskin's own answer to Kayenta's question: the same request, the same form of judgement, other statistics.
//!
//! A pair of series is compared as a gauge is: value by value of the same time, by bounds that hold at every look. So a
//! canary can be judged as often as one likes while its window grows, and the chance of failing a good one is spent once
//! for all intervals and all metrics. What has not been shown in either direction is said to be so: the metric is
//! `Nodata`, and worth a score between marginal and pass, which lets the canary go on but not end well.
//!
//! What a pair can't show is how far the pods of one version differ. Where a pod may be heavier than others by itself,
//! the margin has to allow for it.

mod compare;
mod sentence;
#[cfg(test)]
mod tests;

use super::{
    classify::Label,
    config::{CanaryConfig, ScoreThresholds},
    error::KayentaError,
    judge::statistics,
    judgement::{KayentaJudgement, MetricResult, ResultMetadata},
    pair::MetricSetPair,
    request::JudgeRequest,
    score::{Rule, Scored, score_by},
    settings::{MetricSettings, NanStrategy},
};
use compare::{Comparison, Finding, Levels, Margins, Paired};

/// What Siskin calls itself in a judgement.
pub const SISKIN_JUDGE_NAME: &str = "Siskin-v1.0";

/// Chance of failing a canary that is no worse, for all metrics and all intervals together.
const FALSE_FAILURE: f64 = 0.01;
/// Chance of passing a metric that is at the margin.
const MISSED: f64 = 0.05;

/// Judges what was asked for by Siskin's statistics.
///
/// # Errors
/// As [`super::judge`].
pub fn judge_by_siskin(request: &JudgeRequest) -> Result<KayentaJudgement, KayentaError> {
    let thresholds = request.thresholds()?;
    let JudgeRequest { canary_config: config, metric_set_pair_list: pairs, .. } = request;
    let weights = config.group_weights()?;
    let found = pairs.iter().map(|pair| settings(config, pair)).collect::<Result<Vec<_>, _>>()?;
    let deciding = found.iter().filter(|(_, settings)| !settings.muted).count().max(1);
    let levels = Levels { harm: FALSE_FAILURE / deciding as f64, safe: MISSED };
    let results = found
        .iter()
        .zip(pairs)
        .map(|((groups, settings), pair)| judge_pair(groups, settings, pair, levels))
        .collect::<Result<Vec<_>, _>>()?;
    let Scored { groups, score } = score_by(&rule(thresholds), &weights, thresholds, &results);
    Ok(KayentaJudgement { judge_name: SISKIN_JUDGE_NAME.to_owned(), results, group_scores: groups, score })
}

/// A metric without a verdict is worth what keeps the canary going: more than marginal, less than pass.
fn rule(thresholds: &ScoreThresholds) -> Rule {
    Rule::Undecided { worth: f64::midpoint(thresholds.pass, thresholds.marginal) }
}

fn settings<'a>(
    config: &'a CanaryConfig,
    pair: &MetricSetPair,
) -> Result<(&'a [String], MetricSettings), KayentaError> {
    let metric = config.metric(&pair.name).ok_or_else(|| KayentaError::UnknownMetric { name: pair.name.clone() })?;
    Ok((&metric.groups, MetricSettings::of(metric)?))
}

fn judge_pair(
    groups: &[String],
    settings: &MetricSettings,
    pair: &MetricSetPair,
    levels: Levels,
) -> Result<MetricResult, KayentaError> {
    let paired = Paired::of(pair.experiment()?, pair.control()?, settings.nan_strategy == NanStrategy::Replace);
    let margins = Margins::of(&settings.effect_size);
    let comparison = Comparison::of(&paired, settings.direction, margins, levels);
    let label = match comparison.finding {
        Finding::Higher => Label::High,
        Finding::Lower => Label::Low,
        Finding::WithinMargin => Label::Pass,
        Finding::Unknown if paired.is_empty() && settings.must_have_data => Label::NodataFailMetric,
        Finding::Unknown => Label::Nodata,
    };
    let is_failure = matches!(label, Label::High | Label::Low | Label::NodataFailMetric);
    let (experiment, control) = paired.columns();
    Ok(MetricResult {
        name: pair.name.clone(),
        id: pair.id.clone(),
        tags: pair.tags.clone(),
        classification: label,
        classification_reason: Some(sentence::of(&pair.name, &paired, &comparison, settings.direction, margins)),
        groups: groups.to_vec(),
        experiment_metadata: statistics(&experiment),
        control_metadata: statistics(&control),
        result_metadata: Some(ResultMetadata {
            ratio: paired.ratio(),
            difference: comparison.difference,
            relative_difference: comparison.relative_difference,
        }),
        critical: is_failure && settings.critical && comparison.is_critical(&paired, &settings.effect_size, levels),
        muted: settings.muted,
    })
}
