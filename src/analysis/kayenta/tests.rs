//! Recordings as Kayenta sees them.

use super::*;
use crate::analysis::record::{LookVerdict, MetricLookRecord, SettingsRecord};

fn arm(new_requests: f64, new_events: f64) -> ArmRecord {
    ArmRecord { new_requests, new_events, ..ArmRecord::default() }
}

fn metric(name: &str, kind: MetricKind, critical: bool) -> MetricRecord {
    MetricRecord {
        unit: crate::judge::latency::LatencyUnit::Unknown,
        name: name.to_owned(),
        kind,
        critical,
        weight: 1.0,
        lower_is_worse: false,
        min: None,
        max: None,
        margin: None,
        baseline: Vec::new(),
        pods: Vec::new(),
        edges: Vec::new(),
        quantiles: Vec::new(),
    }
}

/// A look every 20 s; `arms` gives what each metric showed at each of them.
fn record(metrics: Vec<MetricRecord>, looks: usize, arms: impl Fn(usize, usize) -> [ArmRecord; 2]) -> Record {
    let count = metrics.len();
    let looks = (0..looks).map(|look| LookRecord {
        at: Timestamp::UNIX_EPOCH + Duration::from_secs(20 * look as u64),
        step: 0,
        weight: None,
        share: None,
        verdict: LookVerdict::Continue,
        message: String::new(),
        log_harm: 0.0,
        log_harm_threshold: 0.0,
        metrics: (0..count)
            .map(|index| {
                let [canary, stable] = arms(look, index).map(Some);
                MetricLookRecord { canary, stable, ..MetricLookRecord::default() }
            })
            .collect(),
    });
    Record {
        subject: "shop/web".to_owned(),
        canary: BTreeMap::new(),
        stable: BTreeMap::new(),
        settings: SettingsRecord {
            false_rollback: 0.01,
            missed_regression: 0.05,
            interval_seconds: 20.0,
            min_seconds: 0.0,
            max_seconds: 0.0,
            on_timeout: String::new(),
            source: None,
        },
        looks: looks.collect(),
        metrics,
        outcome: Outcome::Undecided,
        decided_at: None,
        message: String::new(),
        warnings: Vec::new(),
        second_verdicts: Vec::new(),
        replay: None,
    }
}

/// Errors that come and go a little, the canary's so many times as many.
fn errors(times: f64) -> Record {
    record(vec![metric("errors", MetricKind::ErrorRate, true)], 180, move |look, _| {
        let wave = [4.0, 6.0, 5.0, 7.0, 3.0][look / 3 % 5];
        [arm(100.0, times * [4.0, 5.0, 6.0, 3.0, 7.0][look / 3 % 5] / 10.0), arm(1000.0, wave)]
    })
}

#[test]
fn looks_become_a_value_a_minute_in_percent() {
    let record = record(vec![metric("errors", MetricKind::ErrorRate, true)], 7, |look, _| match look {
        0..3 => [arm(100.0, 1.0), arm(1000.0, look as f64)],
        3..6 => [arm(0.0, 0.0), arm(0.0, 0.0)],
        _ => [arm(50.0, 50.0), arm(10.0, 0.0)],
    });
    let [pair] = &pairs(&record, Duration::from_mins(1), record.looks[6].at)[..] else { panic!("one pair") };
    let (canary, stable) = (pair.experiment().unwrap(), pair.control().unwrap());
    assert_eq!((canary.len(), stable.len()), (3, 3));
    assert!((canary[0] - 1.0).abs() < 1e-12 && canary[1].is_nan() && (canary[2] - 100.0).abs() < 1e-12, "{canary:?}");
    assert!((stable[0] - 0.1).abs() < 1e-12 && stable[1].is_nan() && stable[2] == 0.0, "{stable:?}");
    // Only what was known then.
    assert_eq!(pairs(&record, Duration::from_mins(1), record.looks[2].at)[0].control().unwrap().len(), 1);
}

#[test]
fn gauges_are_averaged_and_hard_limits_left_out() {
    let metrics = vec![metric("limit", MetricKind::Threshold, true), metric("memory", MetricKind::Gauge, false)];
    let record = record(metrics, 3, |look, _| [arm(2.0, 10.0 * look as f64), arm(5.0, 7.0)]);
    let [pair] = &pairs(&record, Duration::from_mins(1), record.looks[2].at)[..] else { panic!("one pair") };
    assert_eq!((pair.experiment().unwrap(), pair.control().unwrap()), (&[10.0][..], &[7.0][..]));
    let config = config(&record);
    assert_eq!(config.metrics.len(), 1);
    assert_eq!(config.metrics[0].analysis_configurations["canary"]["muted"], true);
}

#[test]
fn a_fourfold_error_rate_fails_at_the_first_judgement() {
    let record = errors(4.0);
    let verdict = second_verdict(&record, &KayentaRun::default()).unwrap().unwrap();
    assert_eq!(verdict.outcome, Outcome::Rollback);
    assert_eq!(verdict.at, Some(Timestamp::UNIX_EPOCH + Duration::from_mins(10)));
    assert_eq!(
        verdict.message,
        "Fail, score 0 (Canary Failed: The metric errors was classified as High (Critical)): errors High"
    );
    assert_eq!(verdict.rule, "Kayenta, judged every 10m");
}

#[test]
fn the_same_error_rate_passes_at_the_last_look() {
    let record = errors(1.0);
    let verdict = second_verdict(&record, &KayentaRun::default()).unwrap().unwrap();
    assert_eq!((verdict.outcome, verdict.at), (Outcome::Promote, Some(record.looks[179].at)));
    assert_eq!(verdict.message, "Pass, score 100");
}

#[test]
fn an_analysis_shorter_than_an_interval_is_judged_at_its_end() {
    let times = |seconds: u64| {
        let last = Timestamp::UNIX_EPOCH + Duration::from_secs(seconds);
        let times = judgement_times(Timestamp::UNIX_EPOCH, last, Duration::from_mins(10));
        times.iter().map(|time| time.as_second()).collect::<Vec<_>>()
    };
    assert_eq!(times(0), [0]);
    assert_eq!(times(599), [599]);
    assert_eq!(times(600), [600]);
    assert_eq!(times(1300), [600, 1300]);
    assert_eq!(times(1800), [600, 1200, 1800]);
    let nothing = record(Vec::new(), 0, |_, _| [arm(0.0, 0.0); 2]);
    assert_eq!(second_verdict(&nothing, &KayentaRun::default()).unwrap(), None);
}
