//! Recordings for the tests of reports.

use std::collections::BTreeMap;

use crate::{
    analysis::record::{
        ArmRecord, EdgeRecord, Fact, LookRecord, LookVerdict, MetricKind, MetricLookRecord, MetricRecord, Outcome,
        PodRecord, QuantileRecord, Range, Record, SecondVerdict, SettingsRecord, Standing,
    },
    judge::{latency::LatencyUnit, log_threshold},
    model::Timestamp,
};

fn range(estimate: f64, low: f64, high: f64) -> Range {
    Range { estimate, low: Some(low), high: Some(high) }
}

fn at(minute: i64) -> Timestamp {
    let start: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    start + jiff::SignedDuration::from_mins(minute)
}

/// A canary whose errors are four times those of the stable version, over eight looks in two steps.
pub(super) fn rollback() -> Record {
    let looks: Vec<LookRecord> = (0..8).map(look).collect();
    Record {
        subject: "shop/web".into(),
        canary: BTreeMap::from([("revision".into(), "5c8f6".into())]),
        stable: BTreeMap::from([("revision".into(), "7d4b9".into())]),
        settings: SettingsRecord {
            false_rollback: 0.01,
            missed_regression: 0.05,
            interval_seconds: 60.0,
            min_seconds: 120.0,
            max_seconds: 1200.0,
            on_timeout: "Pause".into(),
            source: Some("http://prometheus.monitoring:9090".into()),
        },
        metrics: vec![errors(), latency(), memory(), saturation()],
        looks,
        outcome: Outcome::Rollback,
        decided_at: Some(at(7)),
        message: "http/errors 2 % (160 of 8000) is above the stable 0.5 % (360 of 72000): evidence 320 against 100; rolling back".into(),
        warnings: vec!["pods/memory".into()],
        second_verdicts: vec![
            SecondVerdict {
                rule: "Kayenta".into(),
                outcome: Outcome::Undecided,
                at: None,
                message: "8 samples are fewer than the 50 that it wants".into(),
            },
            SecondVerdict {
                rule: "error rate above 1 %, 5 failures".into(),
                outcome: Outcome::Rollback,
                at: Some(at(5)),
                message: "the 5th failure came at 2.1 %".into(),
            },
        ],
        replay: None,
    }
}

fn metric(name: &str, kind: MetricKind) -> MetricRecord {
    MetricRecord {
        name: name.into(),
        kind,
        critical: true,
        weight: 1.0,
        lower_is_worse: false,
        min: None,
        max: None,
        unit: LatencyUnit::Unknown,
        margin: None,
        baseline: Vec::new(),
        pods: Vec::new(),
        edges: Vec::new(),
        quantiles: Vec::new(),
    }
}

fn errors() -> MetricRecord {
    let pod = |pod: &str, canary, events, stands_out| PodRecord {
        pod: pod.into(),
        canary,
        requests: 4000.0,
        events,
        stands_out,
    };
    MetricRecord {
        max: Some(0.05),
        margin: Some("ignored up to ×1.05 + 0.01 %, ruled out from ×1.5 + 0.1 %".into()),
        baseline: vec![Fact { name: "dispersion".into(), value: "1.2".into() }],
        pods: vec![
            pod("web-canary-1", true, 20.0, false),
            pod("web-canary-2", true, 140.0, true),
            pod("web-1", false, 20.0, false),
        ],
        ..metric("http/errors", MetricKind::ErrorRate)
    }
}

fn latency() -> MetricRecord {
    let edge = |edge, canary, stable, judged| EdgeRecord {
        edge,
        canary,
        stable,
        ratio: Some(range(canary / stable, 0.9, 1.4)),
        judged,
    };
    let quantile = |quantile, canary, stable| QuantileRecord {
        quantile,
        canary: Some(range(canary, canary * 0.9, canary * 1.2)),
        stable: Some(range(stable, stable * 0.97, stable * 1.05)),
    };
    MetricRecord {
        unit: LatencyUnit::Seconds,
        edges: vec![
            edge(0.1, 0.5, 0.48, true),
            edge(0.25, 0.1, 0.09, true),
            edge(0.5, 0.01, 0.0098, true),
            edge(1.0, 0.0001, 0.00009, false),
        ],
        quantiles: vec![quantile(0.5, 0.1, 0.098), quantile(0.95, 0.31, 0.3), quantile(0.99, 0.5, 0.49)],
        ..metric("http/latency", MetricKind::Latency)
    }
}

fn memory() -> MetricRecord {
    MetricRecord { critical: false, ..metric("pods/memory", MetricKind::Gauge) }
}

fn saturation() -> MetricRecord {
    MetricRecord { max: Some(0.9), ..metric("pods/saturation", MetricKind::Threshold) }
}

fn look(minute: i64) -> LookRecord {
    let passed = minute as f64;
    let (step, weight) = if minute < 4 { (0, 10.0) } else { (1, 25.0) };
    let arm = |requests: f64, share: f64| ArmRecord {
        requests,
        events: requests * share,
        new_requests: requests / (passed + 1.0),
        new_events: requests * share / (passed + 1.0),
        rate: Some(range(share, share / (1.0 + 2.0 / (passed + 1.0)), share * (1.0 + 4.0 / (passed + 1.0)))),
    };
    let none = MetricLookRecord::default();
    let evidence = |harm: f64, safe: f64| MetricLookRecord {
        log_harm: Some(harm),
        log_harm_threshold: Some(log_threshold(0.01)),
        log_safe: Some(safe),
        log_safe_threshold: Some(log_threshold(0.05)),
        ..none.clone()
    };
    let since_step = if minute < 4 { passed } else { passed - 4.0 };
    let regressed = minute == 7;
    let errors = MetricLookRecord {
        standing: if regressed { Standing::Regressed } else { Standing::Undecided },
        message: "http/errors 2 % is above the stable 0.5 %".into(),
        canary: Some(arm(1000.0 * (passed + 1.0), 0.02)),
        stable: Some(arm(9000.0 * (passed + 1.0), 0.005)),
        difference: Some(range(0.015, 0.008, 0.022)),
        ratio: Some(Range { estimate: 4.0, low: Some(2.6), high: None }),
        ..evidence(0.85 * passed - 0.2, -1.4 * since_step)
    };
    let latency = MetricLookRecord {
        standing: if minute % 4 > 2 { Standing::Safe } else { Standing::Undecided },
        message: "http/latency: 1 % of the canary's requests took longer than 0.5, of the stable version's 0.98 %"
            .into(),
        canary: Some(arm(1000.0 * (passed + 1.0), 0.01)),
        stable: Some(arm(9000.0 * (passed + 1.0), 0.0098)),
        slower_than: Some(0.5),
        ..evidence(-0.3, 1.1 * since_step)
    };
    let memory = MetricLookRecord {
        message: "pods/memory is 12 % above the stable version's".into(),
        canary: Some(ArmRecord { requests: 2.0, events: 112.0 + passed, ..ArmRecord::default() }),
        stable: Some(ArmRecord { requests: 5.0, events: 100.0, ..ArmRecord::default() }),
        difference: Some(range(0.12, 0.02, 0.22)),
        ..none.clone()
    };
    let saturation = MetricLookRecord {
        standing: if minute == 3 { Standing::NoData } else { Standing::Safe },
        message: "pods/saturation 0.6 is within its limit".into(),
        value: (minute != 3).then_some(0.5 + passed / 50.0),
        ..none
    };
    LookRecord {
        at: at(minute),
        step,
        weight: Some(weight),
        share: Some(weight / 100.0),
        verdict: if regressed { LookVerdict::Rollback } else { LookVerdict::Continue },
        message: "not yet".into(),
        log_harm: 0.85 * passed - 0.2,
        log_harm_threshold: log_threshold(0.01),
        metrics: vec![errors, latency, memory, saturation],
    }
}

/// An analysis that saw nothing.
pub(super) fn nothing() -> Record {
    Record {
        metrics: vec![saturation()],
        looks: Vec::new(),
        outcome: Outcome::Undecided,
        decided_at: None,
        message: "no data for http/errors: Prometheus gives no answer".into(),
        warnings: Vec::new(),
        second_verdicts: Vec::new(),
        ..rollback()
    }
}
