//! What is written down of a look, for reports, plots and JSON.

use super::{
    LookResult, Metric, Session, Sight,
    record::{ArmRecord, LookRecord, LookVerdict, MetricKind, MetricLookRecord, MetricRecord, Range, Standing},
};
use crate::judge::{ArmReport, LimitLook, MetricEvidence, MetricLook, Verdict, log_threshold, log_weighted_mean};

impl LookResult {
    /// The look as it is written down. `step` counts from 0, `weight` is in percent.
    pub fn record(&self, session: &Session<'_>, step: u32, weight: Option<f64>) -> LookRecord {
        let critical = self.look.metrics.iter().filter(|metric| metric.critical);
        let harm: Vec<(f64, f64)> =
            critical.filter_map(|metric| Some((metric.evidence.log_harm()?, metric.weight))).collect();
        LookRecord {
            at: self.at,
            step,
            weight,
            share: self.share,
            verdict: verdict(&self.decision.verdict),
            message: self.decision.verdict.explain(),
            log_harm: if harm.is_empty() { 0.0 } else { log_weighted_mean(&harm) },
            log_harm_threshold: log_threshold(self.look.false_rollback),
            metrics: session
                .metrics()
                .iter()
                .zip(&self.sights)
                .filter_map(|(metric, sight)| {
                    let found = self.look.metrics.iter().find(|look| look.name == metric.name);
                    let limit = || self.look.limits.iter().find(|look| look.name == metric.name);
                    found.map(|look| of_metric(metric, look, sight)).or_else(|| Some(of_limit(limit()?, sight)))
                })
                .collect(),
        }
    }
}

impl Session<'_> {
    /// What is the same at every look, and what is told once, at the end.
    pub fn record_metrics(&self) -> Vec<MetricRecord> {
        self.metrics().iter().map(|metric| of_spec(metric)).collect()
    }
}

fn verdict(verdict: &Verdict) -> LookVerdict {
    match verdict {
        Verdict::Rollback(_) => LookVerdict::Rollback,
        Verdict::Advance { .. } => LookVerdict::Advance,
        Verdict::TimedOut { .. } => LookVerdict::TimedOut,
        Verdict::Continue(_) => LookVerdict::Continue,
        Verdict::NoData { .. } => LookVerdict::NoData,
    }
}

fn of_spec(metric: &Metric) -> MetricRecord {
    let limit = metric.limit();
    MetricRecord {
        name: metric.name.clone(),
        kind: if limit.is_some() { MetricKind::Threshold } else { MetricKind::ErrorRate },
        critical: metric.spec.is_critical(),
        weight: metric.spec.weight,
        lower_is_worse: false,
        min: limit.and_then(|limit| limit.min),
        max: limit.and_then(|limit| limit.max),
        margin: None,
        baseline: Vec::new(),
        pods: Vec::new(),
        edges: Vec::new(),
        quantiles: Vec::new(),
    }
}

fn of_metric(metric: &Metric, look: &MetricLook, sight: &Sight) -> MetricLookRecord {
    let MetricEvidence::Counts(evidence) = &look.evidence else {
        return of_evidence(metric, look);
    };
    let arm = |report: &ArmReport, new_requests: f64, new_events: f64| ArmRecord {
        requests: report.requests,
        events: report.errors,
        new_requests,
        new_events,
        rate: report.rate.map(Range::from),
    };
    let counts = sight.counts.unwrap_or_default();
    let standing = if look.missing.is_some() {
        Standing::NoData
    } else if evidence.log_harm >= evidence.log_harm_threshold {
        Standing::Regressed
    } else if evidence.log_safe >= evidence.log_safe_threshold {
        Standing::Safe
    } else {
        Standing::Undecided
    };
    MetricLookRecord {
        standing,
        message: look.missing.clone().unwrap_or_else(|| evidence.explain(&metric.spec.name)),
        canary: Some(arm(&evidence.canary, counts.canary_requests, counts.canary_errors)),
        stable: Some(arm(&evidence.stable, counts.stable_requests, counts.stable_errors)),
        difference: evidence.difference.map(Range::from),
        ratio: None,
        log_harm: Some(evidence.log_harm),
        log_harm_threshold: Some(evidence.log_harm_threshold),
        log_safe: Some(evidence.log_safe),
        log_safe_threshold: Some(evidence.log_safe_threshold),
        seconds_until_safe: evidence.seconds_until_safe.filter(|seconds| seconds.is_finite()),
        value: None,
    }
}

/// What every kind of metric can say of itself.
fn of_evidence(metric: &Metric, look: &MetricLook) -> MetricLookRecord {
    let evidence = &look.evidence;
    let standing = if look.missing.is_some() {
        Standing::NoData
    } else if evidence.log_harm().zip(evidence.log_harm_threshold()).is_some_and(|(found, needed)| found >= needed) {
        Standing::Regressed
    } else if evidence.is_safe() {
        Standing::Safe
    } else {
        Standing::Undecided
    };
    MetricLookRecord {
        standing,
        message: look.missing.clone().unwrap_or_else(|| evidence.explain(&metric.spec.name)),
        canary: None,
        stable: None,
        difference: None,
        ratio: None,
        log_harm: evidence.log_harm(),
        log_harm_threshold: evidence.log_harm_threshold(),
        log_safe: evidence.log_safe(),
        log_safe_threshold: evidence.log_safe_threshold(),
        seconds_until_safe: evidence.seconds_until_safe().filter(|seconds| seconds.is_finite()),
        value: None,
    }
}

fn of_limit(look: &LimitLook, sight: &Sight) -> MetricLookRecord {
    let standing = match (&look.missing, look.reading.value, look.reading.breached) {
        (Some(_), _, _) | (_, None, _) => Standing::NoData,
        (_, _, true) => Standing::Regressed,
        _ if look.reading.breaches > 0 => Standing::Undecided,
        _ => Standing::Safe,
    };
    MetricLookRecord {
        standing,
        message: sight.gap.as_ref().map_or_else(|| look.explain(), |gap| gap.message.clone()),
        canary: None,
        stable: None,
        difference: None,
        ratio: None,
        log_harm: None,
        log_harm_threshold: None,
        log_safe: None,
        log_safe_threshold: None,
        seconds_until_safe: None,
        value: look.reading.value,
    }
}
