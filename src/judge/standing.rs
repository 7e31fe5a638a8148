//! What one metric says by itself at a look. Status, recordings, reports and screens all show this answer, so none of
//! them can say otherwise than the verdict.

use serde::{Deserialize, Serialize};

use super::verdict::{Decision, LimitLook, Look, MetricLook, RollbackCause, Verdict};

/// What one metric says by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// The canary was shown not to be worse by the margin, and its rates as they are keep to it; for a threshold: the
    /// value keeps to its limit.
    Safe,
    /// The canary was shown to be worse.
    Regressed,
    /// The canary is beyond a hard limit.
    OverLimit,
    /// Neither yet.
    #[default]
    Undecided,
    /// Nothing could be seen.
    NoData,
}

impl Standing {
    /// The word that a status shows.
    pub fn word(self) -> &'static str {
        match self {
            Self::Safe => "Safe",
            Self::Regressed => "Regressed",
            Self::OverLimit => "OverLimit",
            Self::Undecided => "Undecided",
            Self::NoData => "NoData",
        }
    }

    /// Where a metric of this look stands, after this decision. In the order of the verdict: nothing is said of a metric
    /// without data while there is no decision; what rolls back, or would, goes before what lacks data; safety is last.
    pub fn of_metric(metric: &MetricLook, look: &Look, decision: &Decision) -> Self {
        let lacks = metric.lack().is_some();
        if lacks && matches!(decision.verdict, Verdict::NoData { .. }) {
            Self::NoData
        } else if metric.evidence.is_over_limit() {
            Self::OverLimit
        } else if is_cause(metric, &decision.verdict)
            || decision.warnings.contains(&metric.name)
            || metric.evidence.is_harmful(look.level_of(metric))
        {
            Self::Regressed
        } else if lacks {
            Self::NoData
        } else if metric.evidence.is_safe() {
            Self::Safe
        } else {
            Self::Undecided
        }
    }

    /// Where a value with a hard limit stands.
    pub fn of_limit(limit: &LimitLook) -> Self {
        if limit.lack().is_some() {
            Self::NoData
        } else if limit.reading.breached {
            Self::OverLimit
        } else if limit.reading.breaches > 0 {
            Self::Undecided
        } else {
            Self::Safe
        }
    }
}

/// Whether this metric is the one that rolls back. With weights, it may be one that would not do so alone.
fn is_cause(metric: &MetricLook, verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Rollback(
            RollbackCause::Regression { metric: cause, .. } | RollbackCause::OutOfBounds { metric: cause },
        ) => cause.name == metric.name,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
