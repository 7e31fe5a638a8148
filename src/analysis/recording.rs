//! What is written down of a look, for reports, plots and JSON.

use std::time::Duration;

use super::{
    LookResult, Metric, Session, Sight,
    record::{
        ArmRecord, EdgeRecord, Fact, LookRecord, LookVerdict, MetricKind, MetricLookRecord, MetricRecord, PodRecord,
        QuantileRecord, Range, Standing,
    },
    watch::Watch,
};
use crate::{
    api::Kind,
    judge::{
        ArmReport, ErrorRateEvidence, GaugeEvidence, LatencyEvidence, LimitLook, MetricEvidence, MetricLook, Verdict,
        gauge::GaugeScale,
        latency::{ArmLatency, LatencyReport, QuantileBounds},
    },
    model::words,
};

impl LookResult {
    /// The look as it is written down. `step` counts from 0, `weight` is in percent.
    pub fn record(&self, session: &Session<'_>, step: u32, weight: Option<f64>) -> LookRecord {
        LookRecord {
            at: self.at,
            step,
            weight,
            share: self.share,
            verdict: verdict(&self.decision.verdict),
            message: self.decision.verdict.explain(),
            log_harm: self.decision.log_harm,
            log_harm_threshold: self.decision.log_harm_threshold,
            metrics: session
                .metrics()
                .iter()
                .zip(&self.sights)
                .filter_map(|(metric, sight)| {
                    let found = self.look.metrics.iter().find(|look| look.name == metric.name);
                    let limit = || self.look.limits.iter().find(|look| look.name == metric.name);
                    found
                        .map(|found| of_metric(metric, found, self.standing(found), sight))
                        .or_else(|| Some(of_limit(limit()?, sight)))
                })
                .collect(),
        }
    }

    fn standing(&self, metric: &MetricLook) -> Standing {
        Standing::of_metric(metric, &self.look, &self.decision)
    }
}

impl Session<'_> {
    /// What is the same at every look, and what is told once, at the end.
    pub fn record_metrics(&self) -> Vec<MetricRecord> {
        self.metrics().iter().zip(self.watches()).map(|(metric, watch)| of_spec(metric, watch)).collect()
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

fn of_spec(metric: &Metric, watch: &Watch) -> MetricRecord {
    let limit = metric.limit();
    let kind = match metric.spec.kind() {
        Some(Kind::Threshold(_)) => MetricKind::Threshold,
        Some(Kind::Latency(_)) => MetricKind::Latency,
        Some(Kind::Gauge(_)) => MetricKind::Gauge,
        Some(Kind::Rate(_)) => MetricKind::Rate,
        Some(Kind::ErrorRate(_)) | None => MetricKind::ErrorRate,
    };
    let own = metric.spec.limit;
    let record = MetricRecord {
        name: metric.name.clone(),
        kind,
        critical: metric.spec.is_critical(),
        weight: metric.spec.weight,
        lower_is_worse: metric.lower_is_worse(),
        min: limit.and_then(|limit| limit.min).or(own.and_then(|limit| limit.min)),
        max: limit.and_then(|limit| limit.max).or(own.and_then(|limit| limit.max)),
        unit: metric.latency_unit(),
        margin: limit.is_none().then(|| metric.margin_words()),
        baseline: Vec::new(),
        pods: Vec::new(),
        edges: Vec::new(),
        quantiles: Vec::new(),
    };
    match watch {
        Watch::Latency(watch) => of_histograms(&watch.judge.report(), record),
        Watch::Counts(watch) => of_pods(&watch.judge.evidence(Duration::ZERO), record),
        Watch::Gauge(_) | Watch::Limit(_) => record,
    }
}

fn of_pods(evidence: &ErrorRateEvidence, record: MetricRecord) -> MetricRecord {
    let pods = evidence.pods.iter().map(|pod| PodRecord {
        pod: pod.pod.clone(),
        canary: true,
        requests: pod.requests,
        events: pod.events,
        stands_out: pod.out_of_line,
    });
    let spread = &evidence.spread;
    let fact = |name: &str, value: f64| Fact { name: name.into(), value: words::number(value) };
    let learned = [
        Some(fact("ticks of history", f64::from(spread.history_ticks))),
        spread.history_seconds.map(|seconds| fact("minutes of history", (seconds / 60.0).round())),
        Some(fact("dispersion", spread.dispersion)),
        spread.capped_dispersion.map(|found| fact("dispersion of capped counts", found)),
        spread.cap.map(|cap| fact("cap per pod and tick", cap)),
    ];
    MetricRecord { baseline: learned.into_iter().flatten().collect(), pods: pods.collect(), ..record }
}

fn of_histograms(report: &LatencyReport, record: MetricRecord) -> MetricRecord {
    let share = |arm: &ArmReport| if arm.requests > 0.0 { arm.errors / arm.requests } else { 0.0 };
    let edges = report.edges.iter().map(|edge| EdgeRecord {
        edge: edge.edge,
        canary: share(&edge.canary),
        stable: share(&edge.stable),
        ratio: edge.ratio.map(|ratio| Range { estimate: ratio.estimate, low: Some(ratio.low), high: ratio.high }),
        judged: true,
    });
    let range = |bounds: QuantileBounds| Range { estimate: bounds.estimate, low: Some(bounds.low), high: bounds.high };
    let quantiles = report.quantiles.iter().map(|quantile| QuantileRecord {
        quantile: quantile.quantile,
        canary: quantile.canary.map(range),
        stable: quantile.stable.map(range),
    });
    let dispersion = report.edges.iter().map(|edge| edge.dispersion).reduce(f64::max);
    let learned = dispersion.map(|found| Fact { name: "dispersion".into(), value: words::number(found) });
    MetricRecord {
        baseline: learned.into_iter().collect(),
        edges: edges.collect(),
        quantiles: quantiles.collect(),
        ..record
    }
}

/// What every kind of metric can say of itself.
fn of_metric(metric: &Metric, look: &MetricLook, standing: Standing, sight: &Sight) -> MetricLookRecord {
    let evidence = &look.evidence;
    let (canary, stable, difference) = match evidence {
        MetricEvidence::Counts(evidence) => of_counts(evidence, sight),
        MetricEvidence::Latency(evidence) => of_latency(evidence, sight),
        MetricEvidence::Gauge(evidence) => of_gauge(evidence),
    };
    let slower_than = match evidence {
        MetricEvidence::Latency(evidence) => evidence.safe_edge.map(|edge| edge.edge),
        _ => None,
    };
    MetricLookRecord {
        standing,
        message: look.missing.clone().unwrap_or_else(|| evidence.explain(&metric.spec.name)),
        ratio: ratio(canary, stable),
        canary,
        stable,
        difference,
        log_harm: evidence.log_harm(),
        log_harm_threshold: evidence.log_harm_threshold(),
        log_safe: evidence.log_safe(),
        log_safe_threshold: evidence.log_safe_threshold(),
        seconds_until_safe: evidence.seconds_until_safe().filter(|seconds| seconds.is_finite()),
        value: None,
        slower_than,
    }
}

/// The canary's rate as a multiple of the stable version's; none before the stable version has had an event.
fn ratio(canary: Option<ArmRecord>, stable: Option<ArmRecord>) -> Option<Range> {
    let (canary, stable) = (canary?.rate?, stable?.rate?);
    let of = |above: f64, below: f64| (below > 0.0).then(|| above / below);
    Some(Range {
        estimate: of(canary.estimate, stable.estimate)?,
        low: canary.low.zip(stable.high).and_then(|(low, high)| of(low, high)),
        high: canary.high.zip(stable.low).and_then(|(high, low)| of(high, low)),
    })
}

fn of_counts(evidence: &ErrorRateEvidence, sight: &Sight) -> Sides {
    let counts = sight.counts.unwrap_or_default();
    let arm = |report: &ArmReport, new_requests: f64, new_events: f64| ArmRecord {
        requests: report.requests,
        events: report.errors,
        new_requests,
        new_events,
        rate: report.rate.map(Range::from),
    };
    let rates = evidence.canary.rate.zip(evidence.stable.rate);
    let plain =
        rates.map(|(canary, stable)| Range { estimate: canary.estimate - stable.estimate, low: None, high: None });
    (
        Some(arm(&evidence.canary, counts.canary_requests, counts.canary_errors)),
        Some(arm(&evidence.stable, counts.stable_requests, counts.stable_errors)),
        evidence.difference.map(Range::from).or(plain),
    )
}

type Sides = (Option<ArmRecord>, Option<ArmRecord>, Option<Range>);

/// Requests, and the slow ones: those above the edge nearest the 99th percentile.
fn of_latency(evidence: &LatencyEvidence, sight: &Sight) -> Sides {
    let Some(edge) = evidence.safe_edge else { return (None, None, None) };
    let counts = sight.counts.unwrap_or_default();
    let arm = |arm: &ArmLatency, share: f64, new_requests: f64, new_events: f64| {
        let rate = (arm.requests > 0.0).then_some(Range { estimate: share, low: None, high: None });
        Some(ArmRecord { requests: arm.requests, events: share * arm.requests, new_requests, new_events, rate })
    };
    (
        arm(&evidence.canary, edge.canary, counts.canary_requests, counts.canary_errors),
        arm(&evidence.stable, edge.stable, counts.stable_requests, counts.stable_errors),
        Some(Range { estimate: edge.canary - edge.stable, low: None, high: None }),
    )
}

fn of_gauge(evidence: &GaugeEvidence) -> Sides {
    let relative = |value: f64| match evidence.scale {
        GaugeScale::Ratio => value.exp_m1(),
        GaugeScale::Difference => value,
    };
    let arm = |pods: u32, mean: Option<f64>| {
        Some(ArmRecord { requests: f64::from(pods), events: mean?, ..ArmRecord::default() })
    };
    let range = |mean: f64| Range {
        estimate: relative(mean),
        low: evidence.lower_bound(evidence.false_rollback).map(relative),
        high: evidence.upper_bound(evidence.missed_regression).map(relative),
    };
    (
        arm(evidence.pods.canary, evidence.canary),
        arm(evidence.pods.stable, evidence.stable),
        evidence.run.mean.map(range),
    )
}

fn of_limit(look: &LimitLook, sight: &Sight) -> MetricLookRecord {
    MetricLookRecord {
        standing: Standing::of_limit(look),
        message: sight.gap.as_ref().map_or_else(|| look.explain(), |gap| gap.message.clone()),
        value: look.reading.value,
        ..MetricLookRecord::default()
    }
}
