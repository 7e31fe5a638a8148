//! What a replay came to beside what was decided then, for tables, reports and JSON.

use serde::{Deserialize, Serialize};

use crate::{analysis::record::Outcome, model::Timestamp};

/// A replay beside the run that it is of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplayRecord {
    /// The AnalysisRun: `shop/web-1`.
    pub run: String,
    /// What was decided then.
    pub recorded: ReplayDecision,
    /// What the same looks come to now.
    pub replayed: ReplayDecision,
    /// Whether both came to the same; a regression at the same look, too.
    pub agrees: bool,
    /// Whether every metric knows the same to the last bit after the last look.
    pub exact: bool,
    /// The steps that were taken.
    pub steps: Vec<ReplayStep>,
    /// When there was something to see of which Prometheus knows nothing any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost_looks: Vec<Timestamp>,
    /// What may make the replay differ, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What was decided, and at which look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplayDecision {
    /// What it was.
    pub outcome: Outcome,
    /// The look that decided, counted from 1 through all steps; none where nothing was decided, or it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look: Option<u32>,
    /// The time of that look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Why, in one sentence.
    pub message: String,
}

/// One step of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplayStep {
    /// The canary's weight, in percent.
    pub weight: f64,
    /// Its last look, counted from 1 through all steps.
    pub last_look: u32,
    /// The look at which it passed in the replay; none where it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed_at_look: Option<u32>,
}
