//! A session of looks, of every kind of metric.

mod sizes;
mod unchanged;

use std::time::Duration;

use super::*;
use crate::{
    api::AnalysisTemplateSpec,
    judge::{Histogram, StepWeight, Verdict},
    measure::{Counters, HistogramSample, Labels, Measurement, MetricOutcome, PerArm, Sample},
    model::Timestamp,
};

pub(super) const STEP: Step = Step {
    weight: StepWeight { weight: 50.0, final_weight: 50.0 },
    planned: None,
    min: Duration::from_mins(2),
    max: Duration::from_hours(2),
};

fn metrics(metric: &str) -> Vec<Metric> {
    let template: AnalysisTemplateSpec = serde_saphyr::from_str(&format!("{{metrics: [{metric}]}}")).unwrap();
    resolve(&[("http".to_owned(), &template)], &[]).unwrap()
}

pub(super) fn settings() -> Settings {
    Settings::DEFAULT
}

fn at(look: u32) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + 15 * i64::from(look)).unwrap()
}

fn labels(pod: &str) -> Labels {
    Labels::from([("pod".to_owned(), pod.to_owned())])
}

/// Looks every 15 s until something is decided; gives the last look and the metrics as a record has them.
fn decide(metric: &str, outcome: impl Fn(u32) -> MetricOutcome) -> (LookResult, Vec<record::MetricRecord>) {
    let metrics = metrics(metric);
    let mut session = Session::start(&metrics, settings(), STEP.weight, Clock::start(at(0)));
    let mut result = None;
    for look in 0..480 {
        let outcome = vec![(metrics[0].name.clone(), outcome(look))];
        let measurement = Measurement { at: at(look), metrics: outcome, queries: Vec::new(), spared: 0 };
        let looked = session.look(&measurement, &STEP);
        let over = !matches!(looked.decision.verdict, Verdict::Continue(_) | Verdict::NoData { .. });
        // What is kept is all that the next look needs.
        let kept = serde_json::to_string(&session.state()).unwrap();
        let clock = session.clock().clone();
        let kept = serde_json::from_str(&kept).unwrap();
        session = Session::resume(&metrics, settings(), STEP.weight, clock, &kept);
        result = Some(looked);
        if over {
            break;
        }
    }
    (result.unwrap(), session.record_metrics())
}

/// Two pods an arm, each with 500 requests a look, and so many of them with the event.
fn counters(look: u32, canary: [f64; 2], stable: f64) -> MetricOutcome {
    let arm = |rates: [f64; 2]| {
        let total = 500.0 * f64::from(look + 10);
        let of = |share: fn(f64) -> f64| {
            let pods = rates.iter().zip(["a", "b"]);
            pods.map(|(rate, pod)| Sample::new(labels(pod), (total * share(*rate)).floor(), at(look))).collect()
        };
        Ok(Counters { requests: of(|_| 1.0), events: of(|rate| rate) })
    };
    MetricOutcome::Counters(PerArm { canary: arm(canary), stable: arm([stable, stable]) })
}

/// Requests of 40 ms, and so many of 300 ms.
fn histograms(look: u32, slow: f64) -> MetricOutcome {
    let arm = |share: f64| {
        let total = 1_000.0 * f64::from(look + 10);
        let fast = (total * (1.0 - share)).floor();
        let buckets = [(0.05, fast), (0.1, fast), (0.25, fast), (0.5, total), (f64::INFINITY, total)];
        let Sample { series, labels, at, .. } = Sample::new(labels("a"), 0.0, at(look));
        Ok(vec![HistogramSample { series, labels, at, histogram: Histogram::classic(&buckets, None).unwrap() }])
    };
    MetricOutcome::Histograms(PerArm { canary: arm(slow), stable: arm(0.01) })
}

const ERRORS: &str = "{name: errors, errorRate: {requests: r, errors: e}}";
const ORDERS: &str = "{name: orders, rate: {requests: r, events: e, worse: Lower}}";
const LATENCY: &str = "{name: latency, latency: {histogram: http_request_duration_seconds_bucket}}";
const MEMORY: &str = "{name: memory, critical: true, gauge: {query: q}}";

#[test]
fn errors_are_judged_and_a_bad_pod_is_named() {
    let (good, _) = decide(ERRORS, |look| counters(look, [0.005; 2], 0.005));
    assert!(matches!(good.decision.verdict, Verdict::Advance { .. }), "{:?}", good.decision.verdict.explain());
    let (bad, metrics) = decide(ERRORS, |look| counters(look, [0.005, 0.08], 0.005));
    assert_eq!(bad.word(), "Regression");
    assert_eq!(bad.evidence[0].pod.as_deref(), Some("b"));
    let standing_out: Vec<&str> =
        metrics[0].pods.iter().filter(|pod| pod.stands_out).map(|pod| pod.pod.as_str()).collect();
    assert_eq!(standing_out, ["b"]);
}

#[test]
fn of_wanted_events_fewer_are_worse() {
    let (fewer, _) = decide(ORDERS, |look| counters(look, [0.03; 2], 0.06));
    assert_eq!(fewer.word(), "Regression");
    assert_eq!(fewer.evidence[0].kind, "rate");
    for no_worse in [0.06, 0.08] {
        let (result, _) = decide(ORDERS, |look| counters(look, [no_worse; 2], 0.06));
        assert_eq!(result.word(), "Safe", "{no_worse}: {:?}", result.decision.verdict.explain());
    }
}

#[test]
fn slow_requests_are_found_and_quantiles_told() {
    let (slow, metrics) = decide(LATENCY, |look| histograms(look, 0.05));
    assert_eq!(slow.word(), "Regression");
    let evidence = &slow.evidence[0];
    let [canary, stable] = [evidence.canary_quantiles, evidence.stable_quantiles].map(|arm| arm.unwrap().p99.unwrap());
    assert!(canary > 0.25 && canary > stable, "{evidence:?}");
    assert!(evidence.message.contains("ms"), "the unit is told from the query: {}", evidence.message);
    assert!(!metrics[0].edges.is_empty() && metrics[0].quantiles.len() == 3, "{metrics:?}");
    let (same, _) = decide(LATENCY, |look| histograms(look, 0.01));
    assert_eq!(same.word(), "Safe");
}

#[test]
fn a_gauge_is_taken_once_an_interval_however_often_one_looks() {
    let metrics = metrics(MEMORY);
    let mut session = Session::start(&metrics, settings(), STEP.weight, Clock::start(at(0)));
    let mut fresh = 0;
    for second in 0..60 {
        let now = Timestamp::from_second(1_790_000_000 + second).unwrap();
        let arm = |value: f64| {
            let pods = ["a", "b", "c"].map(|pod| Sample::new(labels(pod), value, now));
            Ok(pods.to_vec())
        };
        let outcome = MetricOutcome::Gauges(PerArm { canary: arm(100.0 + second as f64), stable: arm(100.0) });
        let metrics = vec![("http/memory".to_owned(), outcome)];
        let look = session.look(&Measurement { at: now, metrics, queries: Vec::new(), spared: 0 }, &STEP);
        fresh += u32::from(look.fresh);
    }
    assert_eq!(fresh, 5, "at 0, 14, 28, 42 and 56 s");
}

#[test]
fn the_record_of_a_look_has_the_numbers_of_both_versions() {
    let metrics = metrics(ERRORS);
    let mut session = Session::start(&metrics, settings(), STEP.weight, Clock::start(at(0)));
    let looks: Vec<_> = (0..3)
        .map(|look| {
            let outcome = vec![("http/errors".to_owned(), counters(look, [0.01; 2], 0.005))];
            let measurement = Measurement { at: at(look), metrics: outcome, queries: Vec::new(), spared: 0 };
            let result = session.look(&measurement, &STEP);
            result.record(&session, 0, Some(50.0))
        })
        .collect();
    let last = &looks[2].metrics[0];
    let (canary, stable) = (last.canary.unwrap(), last.stable.unwrap());
    assert!((canary.new_requests - 1_000.0).abs() < 1e-9 && (canary.requests - 2_000.0).abs() < 1e-9, "{canary:?}");
    assert!((stable.events - 10.0).abs() < 1e-9, "{stable:?}");
    assert!(last.log_harm.unwrap() > 0.0 && looks[2].log_harm > 0.0);
    assert_eq!(
        session.record_metrics()[0].margin.as_deref(),
        Some("ignores up to ×1.05 + 0.01 %, rules out ×1.5 + 0.1 %")
    );
}
