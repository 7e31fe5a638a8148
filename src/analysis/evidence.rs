//! What each metric says, as a status shows it.

use super::{Metric, Sight, threshold::LimitWatch};
use crate::{
    api::{ArmCounts, MetricEvidence},
    judge::{ArmReport, ErrorRateEvidence, LimitLook, LimitReading},
};

pub(super) fn of_counts(metric: &Metric, evidence: &ErrorRateEvidence, sight: &Sight) -> MetricEvidence {
    let arm = |report: &ArmReport| Some(ArmCounts { requests: report.requests, errors: report.errors });
    let urgent = sight.gap.as_ref().filter(|gap| gap.at_once);
    MetricEvidence {
        name: metric.name.clone(),
        kind: "errorRate".to_owned(),
        verdict: standing(evidence).to_owned(),
        message: urgent.map_or_else(|| evidence.explain(&metric.spec.name), |gap| gap.message.clone()),
        canary: arm(&evidence.canary),
        stable: arm(&evidence.stable),
        estimate: evidence.difference.as_ref().map(|difference| difference.estimate),
        interval: evidence.difference.as_ref().map(|difference| [difference.low, difference.high]),
        harm: Some(evidence.log_harm),
        harm_threshold: Some(evidence.log_harm_threshold),
        safe: Some(evidence.log_safe),
        safe_threshold: Some(evidence.log_safe_threshold),
    }
}

pub(super) fn of_limit(metric: &Metric, watch: &LimitWatch, sight: &Sight) -> MetricEvidence {
    let reading = sight.limit.unwrap_or(LimitReading { value: None, breaches: 0, breached: false });
    let explain = || {
        let name = metric.name.clone();
        LimitLook { name, critical: metric.spec.is_critical(), limit: watch.limit, reading, missing: None }.explain()
    };
    MetricEvidence {
        name: metric.name.clone(),
        kind: "threshold".to_owned(),
        verdict: if reading.breached { "Breached" } else { "Within" }.to_owned(),
        message: sight.gap.as_ref().map_or_else(explain, |gap| gap.message.clone()),
        estimate: reading.value,
        ..MetricEvidence::default()
    }
}

/// What one metric says by itself, in one word.
fn standing(evidence: &ErrorRateEvidence) -> &'static str {
    if evidence.log_harm >= evidence.log_harm_threshold {
        "Regressed"
    } else if evidence.log_safe >= evidence.log_safe_threshold {
        "Safe"
    } else {
        "Undecided"
    }
}
