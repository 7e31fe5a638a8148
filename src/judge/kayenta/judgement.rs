//! A judgement in Kayenta's words and JSON (`CanaryJudgeResult`), whoever judged.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::{classify::Label, mann_whitney::ShiftInterval, number};

/// What a judge answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KayentaJudgement {
    /// Who judged.
    pub judge_name: String,
    /// The pairs, in the order in which they came.
    pub results: Vec<MetricResult>,
    /// The groups, in the order in which they first occur.
    pub group_scores: Vec<GroupScore>,
    /// The verdict.
    pub score: Score,
}

/// What came of one pair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricResult {
    /// The metric.
    pub name: String,
    /// The pair.
    pub id: String,
    /// The pair's tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// What came of it.
    pub classification: Label,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classification_reason: Option<String>,
    /// The groups whose scores it is part of.
    #[serde(default)]
    pub groups: Vec<String>,
    /// The canary's series, after it was cleaned.
    pub experiment_metadata: SeriesMetadata,
    /// The series that it was compared with, after it was cleaned.
    pub control_metadata: SeriesMetadata,
    /// How large the difference is; none where the comparison failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_metadata: Option<ResultMetadata>,
    /// Whether it fails the canary by itself.
    #[serde(default)]
    pub critical: bool,
    /// Whether it was left out of the score.
    #[serde(default)]
    pub muted: bool,
}

/// What is told of one series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SeriesMetadata {
    /// Its numbers.
    pub stats: SeriesStatistics,
}

/// A series in five numbers, all 0 where it is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SeriesStatistics {
    /// Smallest value.
    #[serde(with = "number")]
    pub min: f64,
    /// Largest value.
    #[serde(with = "number")]
    pub max: f64,
    /// Mean.
    #[serde(with = "number")]
    pub mean: f64,
    /// Standard deviation of the sample; 0 of a single value.
    #[serde(with = "number")]
    pub std: f64,
    /// How many values.
    pub count: usize,
}

/// How large a difference is. Kayenta itself tells only the ratio.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultMetadata {
    /// The experiment's mean relative to the control's.
    #[serde(with = "number")]
    pub ratio: f64,
    /// Experiment less control with its interval, where they were compared so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<ShiftInterval>,
    /// The same as a part of the control: 0.1 is 10 % more. Siskin compares so where all values are above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative_difference: Option<ShiftInterval>,
}

/// The score of a group of metrics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupScore {
    /// The group.
    pub name: String,
    /// The part of its metrics that pass, in percent.
    #[serde(with = "number")]
    pub score: f64,
    /// Empty, as in Kayenta.
    #[serde(default)]
    pub classification: String,
    /// Empty, as in Kayenta.
    #[serde(default)]
    pub classification_reason: String,
}

/// The verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Score {
    /// From 0 to 100.
    #[serde(with = "number")]
    pub score: f64,
    /// What that means by the thresholds.
    pub classification: ScoreClass,
    /// Why, where the groups' scores do not say it.
    #[serde(default)]
    pub classification_reason: String,
}

/// What a score means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScoreClass {
    /// The canary is as good as the control.
    Pass,
    /// It may go on, but this is not good enough at the end.
    Marginal,
    /// It is not.
    Fail,
}

impl fmt::Display for ScoreClass {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, out)
    }
}

/// The judgement in a line: the verdict, the score, and every metric that does not pass.
impl fmt::Display for KayentaJudgement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Score { score, classification, classification_reason } = &self.score;
        write!(out, "{classification}, score {score}")?;
        if !classification_reason.is_empty() {
            write!(out, " ({classification_reason})")?;
        }
        let failing = self.results.iter().filter(|result| result.classification != Label::Pass);
        for (index, MetricResult { name, classification, muted, .. }) in failing.enumerate() {
            let muted = if *muted { ", muted" } else { "" };
            write!(out, "{} {name} {classification}{muted}", if index == 0 { ":" } else { "," })?;
        }
        Ok(())
    }
}
