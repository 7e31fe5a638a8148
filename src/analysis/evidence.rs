//! What each metric says, as a status shows it.

use super::{Metric, Sight};
use crate::{
    api::{ArmCounts, ArmQuantiles, MetricEvidence},
    judge::{
        ArmReport, Decision, ErrorRateEvidence, GaugeEvidence, LatencyEvidence, LimitLook, Look,
        MetricEvidence as JudgeEvidence, MetricLook, Standing, gauge::GaugeScale, latency::ArmLatency,
    },
};

/// What each metric says, in the order of the metrics.
pub(super) fn of_look(metrics: &[Metric], look: &Look, decision: &Decision, sights: &[Sight]) -> Vec<MetricEvidence> {
    let (mut judged, mut limits) = (look.metrics.iter(), look.limits.iter());
    let of_metric = |(metric, sight): (&Metric, &Sight)| {
        if metric.limit().is_some() {
            limits.next().map(|limit| of_limit(metric, limit, sight))
        } else {
            judged.next().map(|found| of_judged(metric, found, Standing::of_metric(found, look, decision), sight))
        }
    };
    metrics.iter().zip(sights).filter_map(of_metric).collect()
}

fn of_judged(metric: &Metric, look: &MetricLook, standing: Standing, sight: &Sight) -> MetricEvidence {
    let evidence = &look.evidence;
    let urgent = sight.gap.as_ref().filter(|gap| gap.at_once);
    let mut message = urgent.map_or_else(|| evidence.explain(&metric.spec.name), |gap| gap.message.clone());
    if let Some(note) = &sight.note {
        message.push_str("; ");
        message.push_str(note);
    }
    let common = MetricEvidence {
        name: metric.name.clone(),
        kind: metric.spec.kind().map(|kind| kind.to_string()).unwrap_or_default(),
        verdict: standing.word().to_owned(),
        message,
        harm: evidence.log_harm(),
        harm_threshold: evidence.log_harm_threshold(),
        safe: evidence.log_safe(),
        safe_threshold: evidence.log_safe_threshold(),
        ..MetricEvidence::default()
    };
    match evidence {
        JudgeEvidence::Counts(evidence) => of_counts(evidence, common),
        JudgeEvidence::Latency(evidence) => of_latency(evidence, common),
        JudgeEvidence::Gauge(evidence) => of_gauge(evidence, common),
    }
}

fn of_counts(evidence: &ErrorRateEvidence, common: MetricEvidence) -> MetricEvidence {
    let arm = |report: &ArmReport| Some(ArmCounts { requests: report.requests, errors: report.errors });
    MetricEvidence {
        canary: arm(&evidence.canary),
        stable: arm(&evidence.stable),
        pod: evidence.pods.iter().find(|pod| pod.out_of_line).map(|pod| pod.pod.clone()),
        estimate: evidence.difference.as_ref().map(|difference| difference.estimate),
        interval: evidence.difference.as_ref().map(|difference| [difference.low, difference.high]),
        ..common
    }
}

fn of_latency(evidence: &LatencyEvidence, common: MetricEvidence) -> MetricEvidence {
    let arm = |arm: &ArmLatency| {
        let ArmLatency { requests, p50, p90, p99 } = *arm;
        (requests > 0.0).then_some(ArmQuantiles { requests, p50, p90, p99 })
    };
    let edge = evidence.safe_edge;
    MetricEvidence {
        canary_quantiles: arm(&evidence.canary),
        stable_quantiles: arm(&evidence.stable),
        estimate: edge.map(|edge| edge.canary - edge.stable),
        ..common
    }
}

fn of_gauge(evidence: &GaugeEvidence, common: MetricEvidence) -> MetricEvidence {
    let relative = |value: f64| match evidence.scale {
        GaugeScale::Ratio => value.exp_m1(),
        GaugeScale::Difference => value,
    };
    let bounds = evidence.lower_bound(evidence.false_rollback).zip(evidence.upper_bound(evidence.missed_regression));
    MetricEvidence {
        canary_mean: evidence.canary,
        stable_mean: evidence.stable,
        estimate: evidence.run.mean.map(relative),
        interval: bounds.map(|(low, high)| [relative(low), relative(high)]),
        ..common
    }
}

fn of_limit(metric: &Metric, look: &LimitLook, sight: &Sight) -> MetricEvidence {
    MetricEvidence {
        name: metric.name.clone(),
        kind: "threshold".to_owned(),
        verdict: Standing::of_limit(look).word().to_owned(),
        message: sight.gap.as_ref().map_or_else(|| look.explain(), |gap| gap.message.clone()),
        estimate: look.reading.value,
        ..MetricEvidence::default()
    }
}
