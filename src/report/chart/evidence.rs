//! Evidence over time against its thresholds, on a logarithmic scale.

use super::{
    BOTTOM, Chart, Curve, Level, Point, TOP, axis::Axis, drawn, label_places, marks, pieces, pixel, time_axis,
};
use crate::{
    analysis::{Record, record::MetricLookRecord},
    model::words::{count, evidence, seconds as time},
};

/// Below a thousandth nobody asks how much below.
const LOWEST: f64 = -6.91;
/// Above a million nobody asks how much above.
const HIGHEST: f64 = 13.82;

/// One kind of evidence: its class, its name, its value at a look, and its threshold.
type Side = (&'static str, &'static str, fn(&MetricLookRecord) -> Option<f64>, Option<f64>);

/// The chart, where the metric has evidence.
pub(super) fn chart(record: &Record, metric: usize) -> Option<Chart> {
    let head = record.metrics.get(metric)?;
    let of = |index: usize| record.looks[index].metrics.get(metric);
    let (seconds, x) = time_axis(record);
    let last =
        record.looks.iter().rev().filter_map(|look| look.metrics.get(metric)).find(|look| look.log_harm.is_some())?;
    let sides: [Side; 2] = [
        ("harm", "harm", |look| look.log_harm, last.log_harm_threshold),
        ("safe", "safety", |look| look.log_safe, last.log_safe_threshold),
    ];
    let values: Vec<f64> = record
        .looks
        .iter()
        .filter_map(|look| look.metrics.get(metric))
        .flat_map(|look| [look.log_harm, look.log_safe])
        .chain(sides.iter().map(|side| side.3.map(|threshold| threshold + 1.0)))
        .flatten()
        .collect();
    let low = values.iter().copied().fold(-1.0, f64::min).max(LOWEST);
    let high = values.iter().copied().fold(1.0, f64::max).min(HIGHEST);
    let y = Axis::linear(low, high, BOTTOM, TOP);

    let mut curves = Vec::new();
    let mut ends = Vec::new();
    for (class, label, value, _) in &sides {
        let points = points(record, &seconds, |index| of(index).and_then(value), *class == "safe");
        let Some(end) = points.iter().rev().find_map(|point| point.value) else { continue };
        ends.push(y.place(end));
        curves.push(Curve {
            class,
            pieces: pieces(&points, &x, &y),
            label: (*label).to_owned(),
            label_y: String::new(),
        });
    }
    for (curve, place) in curves.iter_mut().zip(label_places(&ends)) {
        curve.label_y = place;
    }
    let levels = sides
        .iter()
        .filter_map(|(class, label, _, threshold)| {
            let threshold = (*threshold)?;
            let label = format!("{label} at {}", evidence(threshold));
            Some(Level { class, y: pixel(y.place(threshold)), label })
        })
        .collect();
    Some(Chart {
        id: format!("evidence-{metric}"),
        title: format!("Evidence over time: {}", head.name),
        description: describe(record, last),
        unit: "evidence (e-value, logarithmic)".into(),
        across: "time since the first look".into(),
        x_ticks: x.times(),
        y_ticks: y.powers(power),
        bands: Vec::new(),
        levels,
        curves,
        dots: Vec::new(),
        marks: marks(record, &seconds, &x),
    })
}

/// The values of the looks; where evidence starts anew at each step, a step is a gap in its line.
fn points(record: &Record, seconds: &[f64], value: impl Fn(usize) -> Option<f64>, anew: bool) -> Vec<Point> {
    let mut points = Vec::new();
    let mut step = None;
    for index in drawn(record.looks.len()) {
        let begins = step.replace(record.looks[index].step).is_some_and(|before| before != record.looks[index].step);
        if anew && begins {
            points.push(Point { seconds: seconds[index], value: None });
        }
        points.push(Point { seconds: seconds[index], value: value(index) });
    }
    points
}

fn describe(record: &Record, last: &MetricLookRecord) -> String {
    let side = |name: &str, value: Option<f64>, threshold: Option<f64>| {
        let (value, threshold) = (value?, threshold?);
        let reached = if value >= threshold { "which is reached" } else { "which is not reached" };
        Some(format!(
            "evidence of {name} is {} at the last look; {} is needed, {reached}",
            evidence(value),
            evidence(threshold)
        ))
    };
    let sides =
        [side("harm", last.log_harm, last.log_harm_threshold), side("safety", last.log_safe, last.log_safe_threshold)];
    let sides: Vec<String> = sides.into_iter().flatten().collect();
    let (looks, time) = (record.looks.len(), time(record.seconds()));
    format!("Two lines over {looks} looks in {time}: {}.", sides.join("; "))
}

/// `1/100`, `1`, `1,000`.
fn power(power: i32) -> String {
    let size = 10_f64.powi(power.abs());
    if power < 0 { format!("1/{}", count(size)) } else { count(size) }
}
