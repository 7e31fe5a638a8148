//! The tables of the page.

use serde::Serialize;

use super::standing;
use crate::{
    analysis::{
        Record,
        record::{ArmRecord, LookVerdict, MetricKind, MetricLookRecord, MetricRecord, Range},
    },
    judge::latency::LatencyUnit,
    model::words::{count, evidence, factor, number, percent, seconds, signed_percent},
    report::chart::quantile_name,
};

/// More rows than this nobody reads; the recording has them all.
const MOST_LOOKS: usize = 300;

/// One metric in the first table.
#[derive(Clone, Debug, Serialize)]
pub(in crate::report) struct SummaryRow {
    name: String,
    says: &'static str,
    tone: &'static str,
    canary: String,
    stable: String,
    difference: String,
    ratio: String,
    harm: String,
    safe: String,
}

/// A table whose first column names its rows.
#[derive(Clone, Debug, Serialize)]
pub(in crate::report) struct Table {
    caption: String,
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

/// The table of all looks.
pub(super) struct LookTable {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
    pub(super) caption: String,
}

pub(super) fn summary(record: &Record) -> Vec<SummaryRow> {
    let Some(last) = record.last() else { return Vec::new() };
    record.metrics.iter().zip(&last.metrics).map(|(metric, look)| row(metric, look)).collect()
}

fn row(metric: &MetricRecord, look: &MetricLookRecord) -> SummaryRow {
    let (says, tone) = standing(look.standing, metric.kind);
    let canary = match metric.kind {
        MetricKind::Threshold => look.value.map_or_else(dash, number),
        _ => arm(metric, look, look.canary),
    };
    let difference = look.difference.map_or_else(dash, |difference| range(difference, signed_percent));
    SummaryRow {
        name: metric.name.clone(),
        says,
        tone,
        canary,
        stable: arm(metric, look, look.stable),
        difference,
        ratio: look.ratio.map_or_else(dash, |ratio| range(ratio, factor)),
        harm: against(look.log_harm, look.log_harm_threshold),
        safe: against(look.log_safe, look.log_safe_threshold),
    }
}

fn dash() -> String {
    "–".to_owned()
}

/// One version's numbers, in a few words.
fn arm(metric: &MetricRecord, look: &MetricLookRecord, arm: Option<ArmRecord>) -> String {
    let Some(arm) = arm else { return dash() };
    if metric.kind == MetricKind::Gauge {
        return format!("{} (mean of {} pods)", number(arm.events), count(arm.requests));
    }
    let counts = format!("{} of {} requests", count(arm.events), count(arm.requests));
    let slower = look.slower_than.map_or_else(String::new, |edge| format!(" slower than {}", metric.unit.show(edge)));
    match arm.rate {
        Some(rate) => format!("{}{slower}, {counts}", range(rate, percent)),
        None => format!("{counts}{slower}"),
    }
}

/// `0.5 % (between 0.4 % and 0.7 %)`; an open bound is said as such.
fn range(range: Range, name: impl Fn(f64) -> String) -> String {
    let estimate = name(range.estimate);
    match (range.low, range.high) {
        (Some(low), Some(high)) => format!("{estimate} (between {} and {})", name(low), name(high)),
        (Some(low), None) => format!("{estimate} (at least {})", name(low)),
        (None, Some(high)) => format!("{estimate} (at most {})", name(high)),
        (None, None) => estimate,
    }
}

fn against(value: Option<f64>, threshold: Option<f64>) -> String {
    match (value, threshold) {
        (Some(value), Some(threshold)) => format!("{} of {}", evidence(value), evidence(threshold)),
        (Some(value), None) => evidence(value),
        _ => dash(),
    }
}

/// Pods, edges and quantiles of a metric, as far as there are any.
pub(super) fn details(metric: &MetricRecord) -> Vec<Table> {
    let quantiles = metric.quantiles.iter().map(|quantile| {
        let side = |side: Option<Range>| side.map_or_else(dash, |side| range(side, |value| metric.unit.show(value)));
        vec![quantile_name(quantile.quantile), side(quantile.canary), side(quantile.stable)]
    });
    let edges = metric.edges.iter().map(|edge| {
        vec![
            if edge.edge.is_finite() { metric.unit.show(edge.edge) } else { "beyond all".to_owned() },
            percent(edge.canary),
            percent(edge.stable),
            edge.ratio.map_or_else(dash, |ratio| range(ratio, factor)),
            if edge.judged { "yes" } else { "no" }.to_owned(),
        ]
    });
    let gauge = metric.kind == MetricKind::Gauge;
    let pods = metric.pods.iter().map(|pod| {
        let version = if pod.canary { "canary" } else { "stable" };
        let mut row = vec![pod.pod.clone(), version.to_owned()];
        if gauge {
            row.push(number(pod.events));
        } else {
            row.push(count(pod.requests));
            row.push(count(pod.events));
            row.push(if pod.requests > 0.0 { percent(pod.events / pod.requests) } else { dash() });
        }
        row.push(if pod.stands_out { "⚠ yes" } else { "no" }.to_owned());
        row
    });
    let table = |caption: &str, columns: &[&'static str], rows: Vec<Vec<String>>| Table {
        caption: format!("{caption}: {}", metric.name),
        columns: columns.to_vec(),
        rows,
    };
    let pod_columns: &[&'static str] = if gauge {
        &["Pod", "Version", "Mean", "Stands out"]
    } else {
        &["Pod", "Version", "Requests", "Events", "Share", "Stands out"]
    };
    vec![
        table(
            match metric.unit {
                LatencyUnit::Unknown => "Quantiles, in the unit of the histogram",
                LatencyUnit::Seconds | LatencyUnit::Milliseconds => "Quantiles",
            },
            &["Quantile", "Canary", "Stable version"],
            quantiles.collect(),
        ),
        table(
            "Share of the requests slower than each edge",
            &["Edge", "Canary", "Stable version", "Ratio", "Part of the evidence"],
            edges.collect(),
        ),
        table("Pods", pod_columns, pods.collect()),
    ]
}

pub(super) fn looks(record: &Record) -> LookTable {
    let mut columns = vec!["After".to_owned(), "Says".to_owned()];
    for metric in &record.metrics {
        let part = |what: &str| format!("{}: {what}", metric.name);
        columns.extend(match metric.kind {
            MetricKind::Threshold => vec![part("value")],
            _ => vec![part("canary"), part("stable"), part("harm"), part("safety")],
        });
    }
    let all = record.looks.len();
    let every = all.div_ceil(MOST_LOOKS).max(1);
    let first = record.looks.first().map(|look| look.at);
    let shown = record.looks.iter().enumerate().filter(|(index, _)| index % every == 0 || index + 1 == all);
    let rows = shown.map(|(_, look)| {
        let after = first.map_or(0.0, |first| look.at.duration_since(first).as_secs_f64());
        let mut row = vec![seconds(after), verdict(look.verdict).to_owned()];
        for (metric, sight) in record.metrics.iter().zip(&look.metrics) {
            if metric.kind == MetricKind::Threshold {
                row.push(sight.value.map_or_else(dash, number));
                continue;
            }
            row.extend([sight.canary, sight.stable].map(|side| short_arm(metric.kind, side)));
            row.push(sight.log_harm.map_or_else(dash, evidence));
            row.push(sight.log_safe.map_or_else(dash, evidence));
        }
        row
    });
    let caption = match every {
        1 => format!("All {all} looks"),
        _ => format!("One of every {every} looks of {all}, and the last"),
    };
    LookTable { columns, rows: rows.collect(), caption }
}

fn short_arm(kind: MetricKind, arm: Option<ArmRecord>) -> String {
    match (kind, arm) {
        (_, None) => dash(),
        (MetricKind::Gauge, Some(arm)) => number(arm.events),
        (_, Some(arm)) => format!("{} of {}", count(arm.events), count(arm.requests)),
    }
}

fn verdict(verdict: LookVerdict) -> &'static str {
    match verdict {
        LookVerdict::Rollback => "roll back",
        LookVerdict::Advance => "safe",
        LookVerdict::TimedOut => "timed out",
        LookVerdict::Continue => "not yet",
        LookVerdict::NoData => "no data",
    }
}
