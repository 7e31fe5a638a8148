//! What Kayenta would have made of a recorded analysis: the same numbers, cut into its time series, judged by its judge
//! at its intervals.
//!
//! Each metric that compares becomes one pair of series with a value a minute, as Kayenta asks a data source for: events
//! in percent of requests for rates and for latency (the slow requests at the edge nearest the 99th percentile), the
//! mean over the pods for gauges. Percent, because Kayenta loses shares as small as error rates in the tolerance of its
//! root finder. Every judgement looks at everything since the start; the first one that fails ends the run, and the last
//! one must pass.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;

use super::record::{ArmRecord, LookRecord, MetricKind, MetricRecord, Outcome, Record, SecondVerdict};
use crate::{
    judge::kayenta::{
        CanaryConfig, KayentaError, KayentaJudgement, MetricSetPair, ScoreClass, ScoreThresholds,
        config::{Classifier, MetricConfig},
        judge,
    },
    model::Timestamp,
};

#[cfg(test)]
mod tests;

/// How Kayenta is run. The default is its own, but for the interval: it recommends an hour, and three of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KayentaRun {
    /// Time between two values of a series.
    pub step: Duration,
    /// Time between two judgements.
    pub interval: Duration,
    /// What a score means.
    pub thresholds: ScoreThresholds,
}

impl Default for KayentaRun {
    fn default() -> Self {
        Self {
            step: Duration::from_mins(1),
            interval: Duration::from_mins(10),
            thresholds: ScoreThresholds { pass: 95.0, marginal: 75.0 },
        }
    }
}

/// The series of a recording up to `until`, canary as experiment.
pub fn pairs(record: &Record, step: Duration, until: Timestamp) -> Vec<MetricSetPair> {
    let looks: Vec<&LookRecord> = record.looks.iter().take_while(|look| look.at <= until).collect();
    compared(record).map(|(index, metric)| pair(metric, index, &looks, step)).collect()
}

/// The configuration under which Kayenta does what the recorded analysis was asked to do: critical metrics fail the
/// canary when they are worse, the others are only told.
pub fn config(record: &Record) -> CanaryConfig {
    let metrics = compared(record).map(|(_, metric)| {
        let direction = if metric.lower_is_worse { "decrease" } else { "increase" };
        let canary = json!({"direction": direction, "critical": metric.critical, "muted": !metric.critical});
        MetricConfig {
            name: metric.name.clone(),
            groups: vec![metric.name.clone()],
            analysis_configurations: BTreeMap::from([("canary".to_owned(), canary)]),
        }
    });
    CanaryConfig { name: record.subject.clone(), metrics: metrics.collect(), classifier: Classifier::default() }
}

/// Kayenta's judgement of everything up to `until`.
///
/// # Errors
/// [`KayentaError`], though a recording gives no cause for one.
pub fn judgement(record: &Record, run: &KayentaRun, until: Timestamp) -> Result<KayentaJudgement, KayentaError> {
    judge(&config(record), Some(&run.thresholds), &pairs(record, run.step, until))
}

/// What a run of Kayenta beside the recorded analysis would have come to, and when. None without a look.
///
/// # Errors
/// As [`judgement`].
pub fn second_verdict(record: &Record, run: &KayentaRun) -> Result<Option<SecondVerdict>, KayentaError> {
    let (Some(first), Some(last)) = (record.looks.first(), record.last()) else { return Ok(None) };
    let mut ended = None;
    for at in judgement_times(first.at, last.at, run.interval) {
        let judgement = judgement(record, run, at)?;
        let failed = judgement.score.score <= run.thresholds.marginal;
        ended = Some((at, judgement));
        if failed {
            break;
        }
    }
    Ok(ended.map(|(at, judgement)| verdict(run, at, &judgement)))
}

fn verdict(run: &KayentaRun, at: Timestamp, judgement: &KayentaJudgement) -> SecondVerdict {
    let passed = judgement.score.classification == ScoreClass::Pass && judgement.score.score > run.thresholds.marginal;
    SecondVerdict {
        rule: format!("Kayenta, judged every {}", humantime::format_duration(run.interval)),
        outcome: if passed { Outcome::Promote } else { Outcome::Rollback },
        at: Some(at),
        message: judgement.to_string(),
    }
}

/// The ends of the intervals up to the last look. The last interval lasts to the last look, so that an analysis that is
/// shorter than one interval is judged too.
fn judgement_times(first: Timestamp, last: Timestamp, interval: Duration) -> Vec<Timestamp> {
    // A recording with clocks gone wrong is not judged for years: no run of Kayenta has more intervals than this.
    const MOST: usize = 10_000;
    let ends = std::iter::successors(Some(first), |end| end.checked_add(interval).ok()).skip(1);
    let mut times: Vec<Timestamp> = ends.take(MOST).take_while(|end| *end <= last).collect();
    times.pop();
    times.push(last);
    times
}

/// The metrics that compare the versions and whose numbers were recorded, with their places.
fn compared(record: &Record) -> impl Iterator<Item = (usize, &MetricRecord)> {
    record.metrics.iter().enumerate().filter(|(index, metric)| {
        let recorded = |look: &LookRecord| {
            look.metrics.get(*index).is_some_and(|found| found.canary.is_some() || found.stable.is_some())
        };
        metric.kind != MetricKind::Threshold && record.looks.iter().any(recorded)
    })
}

fn pair(metric: &MetricRecord, index: usize, looks: &[&LookRecord], step: Duration) -> MetricSetPair {
    let Some(first) = looks.first() else { return MetricSetPair::of(&metric.name, []) };
    // The place in time of each value, and the value of each version. A time without a look has no value, as in a series
    // of Prometheus.
    let mut values: Vec<(i64, [Bin; 2])> = Vec::new();
    for look in looks {
        let step = i64::try_from(step.as_secs()).unwrap_or(i64::MAX).max(1);
        let place = look.at.duration_since(first.at).as_secs() / step;
        if values.last().is_none_or(|(last, _)| *last != place) {
            values.push((place, Default::default()));
        }
        let (Some(found), Some((_, bins))) = (look.metrics.get(index), values.last_mut()) else { continue };
        for (bin, arm) in bins.iter_mut().zip([&found.canary, &found.stable]) {
            if let Some(arm) = arm {
                bin.take(metric.kind, arm);
            }
        }
    }
    MetricSetPair::of(&metric.name, values.iter().map(|(_, [canary, stable])| (canary.value(), stable.value())))
}

/// What one version showed in the time of one value.
#[derive(Clone, Copy, Debug, Default)]
struct Bin {
    sum: f64,
    count: f64,
}

impl Bin {
    fn take(&mut self, kind: MetricKind, arm: &ArmRecord) {
        if kind == MetricKind::Gauge {
            self.sum += arm.new_events;
            self.count += if arm.new_requests > 0.0 { 1.0 } else { 0.0 };
        } else {
            self.sum += 100.0 * arm.new_events;
            self.count += arm.new_requests;
        }
    }

    /// NaN where there was nothing.
    fn value(self) -> f64 {
        if self.count > 0.0 { self.sum / self.count } else { f64::NAN }
    }
}
