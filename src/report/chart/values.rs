//! The values of both versions over time: rates with their intervals, means of gauges, and values with hard limits.

use super::{
    BOTTOM, Chart, Curve, Level, Point, Shape, TOP, axis::Axis, band, drawn, label_places, marks, pieces, pixel,
    time_axis,
};
use crate::{
    analysis::{
        Record,
        record::{ArmRecord, MetricKind, MetricLookRecord, MetricRecord},
    },
    judge::Interval,
    model::words::{number, percent},
};

/// One line: its class, its name, its values and, where there are any, their bounds.
struct Line {
    class: &'static str,
    name: &'static str,
    points: Vec<Point>,
    bounds: Vec<(f64, Interval)>,
}

/// One version: its name, and its numbers at a look.
type Arm = (&'static str, fn(&MetricLookRecord) -> Option<ArmRecord>);

/// The chart, where there is anything to draw.
pub(super) fn chart(record: &Record, metric: usize) -> Option<Chart> {
    let head = record.metrics.get(metric)?;
    let (seconds, x) = time_axis(record);
    let looks: Vec<(f64, Option<&MetricLookRecord>)> =
        drawn(record.looks.len()).map(|index| (seconds[index], record.looks[index].metrics.get(metric))).collect();
    let lines: Vec<Line> = lines(head.kind, &looks)
        .into_iter()
        .filter(|line| line.points.iter().any(|point| point.value.is_some()))
        .collect();
    if lines.is_empty() {
        return None;
    }
    let shares = !matches!(head.kind, MetricKind::Gauge | MetricKind::Threshold);
    let name = |value: f64| if shares { percent(value) } else { number(value) };
    let limits = [("least", head.min), ("most", head.max)].map(|(word, limit)| limit.map(|limit| (word, limit)));
    let (low, high) = extent(&lines, shares, limits.iter().flatten().map(|(_, limit)| *limit));
    let y = Axis::linear(low, high, BOTTOM, TOP);
    let bands = lines
        .iter()
        .filter_map(|line| Some(Shape { class: line.class, points: band(&line.bounds, &x, &y)? }))
        .collect();
    let ends: Vec<f64> = lines.iter().map(|line| y.place(last(line).unwrap_or(low))).collect();
    let curves = lines
        .iter()
        .zip(label_places(&ends))
        .map(|(line, label_y)| Curve {
            class: line.class,
            pieces: pieces(&line.points, &x, &y),
            label: line.name.to_owned(),
            label_y,
        })
        .collect();
    let levels = limits.iter().flatten().map(|(word, limit)| Level {
        class: "limit",
        y: pixel(y.place(*limit)),
        label: format!("at {word} {}", name(*limit)),
    });
    Some(Chart {
        id: format!("values-{metric}"),
        title: format!("{}: {}", title(head, record, metric), head.name),
        description: describe(&lines, name),
        unit: if shares { "share of the requests so far".into() } else { "value".into() },
        across: "time since the first look".into(),
        x_ticks: x.times(),
        y_ticks: if shares { y.shares() } else { y.numbers() },
        bands,
        levels: levels.collect(),
        curves,
        dots: Vec::new(),
        marks: marks(record, &seconds, &x),
    })
}

fn title(head: &MetricRecord, record: &Record, metric: usize) -> String {
    let slower_than = || record.looks.iter().rev().find_map(|look| look.metrics.get(metric)?.slower_than);
    match head.kind {
        MetricKind::ErrorRate => "Error rates".to_owned(),
        MetricKind::Latency => {
            let edge = slower_than().map_or_else(String::new, |edge| format!(" than {}", head.unit.show(edge)));
            format!("Requests slower{edge}")
        }
        MetricKind::Rate => "Rates".to_owned(),
        MetricKind::Gauge => "Means over the pods".to_owned(),
        MetricKind::Threshold => "The canary's value".to_owned(),
    }
}

fn lines(kind: MetricKind, looks: &[(f64, Option<&MetricLookRecord>)]) -> Vec<Line> {
    let line = |class,
                name,
                value: &dyn Fn(&MetricLookRecord) -> Option<f64>,
                interval: &dyn Fn(&MetricLookRecord) -> Option<Interval>| Line {
        class,
        name,
        points: looks.iter().map(|(seconds, look)| Point { seconds: *seconds, value: look.and_then(value) }).collect(),
        bounds: looks.iter().filter_map(|(seconds, look)| Some((*seconds, look.and_then(interval)?))).collect(),
    };
    let arms: [Arm; 2] = [("canary", |look| look.canary), ("stable", |look| look.stable)];
    match kind {
        MetricKind::Threshold => vec![line("canary", "canary", &|look| look.value, &|_| None)],
        MetricKind::Gauge => arms
            .into_iter()
            .map(|(name, arm)| line(name, name, &|look| arm(look).map(|arm| arm.events), &|_| None))
            .collect(),
        MetricKind::ErrorRate | MetricKind::Latency | MetricKind::Rate => arms
            .into_iter()
            .map(|(name, arm)| {
                line(name, name, &|look| Some(arm(look)?.rate?.estimate), &|look| {
                    let rate = arm(look)?.rate?;
                    Some(Interval {
                        estimate: rate.estimate,
                        low: rate.low.unwrap_or(0.0),
                        high: rate.high.unwrap_or(1.0),
                    })
                })
            })
            .collect(),
    }
}

/// The values that the axis spans. The first intervals of a run reach far: those of the second half are what matters.
fn extent(lines: &[Line], shares: bool, limits: impl Iterator<Item = f64>) -> (f64, f64) {
    let limits: Vec<f64> = limits.collect();
    let values = || {
        lines.iter().flat_map(|line| line.points.iter().filter_map(|point| point.value)).chain(limits.iter().copied())
    };
    let settled =
        lines.iter().flat_map(|line| line.bounds.iter().skip(line.bounds.len() / 2).map(|(_, interval)| interval.high));
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().chain(settled).fold(f64::NEG_INFINITY, f64::max);
    if shares {
        return (0.0, (high * 1.1).clamp(1e-6, 1.0));
    }
    let room = ((high - low) * 0.1).max(high.abs() * 0.02).max(1e-9);
    (if low >= 0.0 && low < high / 2.0 { 0.0 } else { low - room }, high + room)
}

fn last(line: &Line) -> Option<f64> {
    line.points.iter().rev().find_map(|point| point.value)
}

fn describe(lines: &[Line], name: impl Fn(f64) -> String) -> String {
    let said: Vec<String> = lines
        .iter()
        .filter_map(|line| {
            let value = name(last(line)?);
            let bounds = line.bounds.last().map_or_else(String::new, |(_, interval)| {
                format!(" (between {} and {})", name(interval.low), name(interval.high))
            });
            Some(format!("{} {value}{bounds}", line.name))
        })
        .collect();
    format!("At the last look: {}.", said.join(", "))
}
