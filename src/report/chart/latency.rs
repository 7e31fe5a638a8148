//! Latency: which share of the requests took longer than each edge of the histogram, and the quantiles.

use super::{BOTTOM, Chart, Curve, Dot, LEFT, RIGHT, TOP, Tick, axis::Axis, label_places, pixel};
use crate::{
    analysis::{
        Record,
        record::{EdgeRecord, QuantileRecord, Range},
    },
    judge::latency::LatencyUnit,
    model::words::{number, percent},
};

/// Shares below this are drawn at the bottom.
const SMALLEST_SHARE: f64 = 1e-4;
/// As many names as fit under an axis.
const MOST_NAMES: usize = 8;

/// One version: its class, and its share above an edge.
type Side = (&'static str, fn(&EdgeRecord) -> f64);

/// The distribution, where the metric has one.
pub(super) fn edges(record: &Record, metric: usize) -> Option<Chart> {
    let head = record.metrics.get(metric)?;
    let edges: Vec<&EdgeRecord> = head.edges.iter().filter(|edge| edge.edge.is_finite()).collect();
    if edges.is_empty() {
        return None;
    }
    let x = Axis::linear(0.0, (edges.len() - 1) as f64, LEFT + 12.0, RIGHT - 12.0);
    let y = Axis::linear(SMALLEST_SHARE.ln(), 0.0, BOTTOM, TOP);
    let height = |share: f64| y.place(share.max(SMALLEST_SHARE).ln());
    let every = edges.len().div_ceil(MOST_NAMES);
    let x_ticks = edges
        .iter()
        .enumerate()
        .filter(|(index, _)| index % every == 0)
        .map(|(index, edge)| Tick { at: pixel(x.place(index as f64)), label: head.unit.show(edge.edge) })
        .collect();
    let sides: [Side; 2] = [("canary", |edge| edge.canary), ("stable", |edge| edge.stable)];
    let ends: Vec<f64> =
        sides.iter().map(|(_, share)| edges.last().map_or(BOTTOM, |edge| height(share(edge)))).collect();
    let curves = sides
        .iter()
        .zip(label_places(&ends))
        .map(|((class, share), label_y)| {
            let points: Vec<String> = edges
                .iter()
                .enumerate()
                .map(|(index, edge)| format!("{},{}", pixel(x.place(index as f64)), pixel(height(share(edge)))))
                .collect();
            Curve { class, pieces: vec![points.join(" ")], label: (*class).to_owned(), label_y }
        })
        .collect();
    let worst =
        edges.iter().max_by(|one, other| (one.canary - one.stable).total_cmp(&(other.canary - other.stable)))?;
    Some(Chart {
        id: format!("edges-{metric}"),
        title: format!("Requests slower than each edge: {}", head.name),
        description: format!(
            "Two lines over {} edges from {} to {}. The canary is farthest above the stable version at {}: {} of its requests are slower, of the stable version's {}.",
            edges.len(),
            head.unit.show(edges[0].edge),
            head.unit.show(edges[edges.len() - 1].edge),
            head.unit.show(worst.edge),
            percent(worst.canary),
            percent(worst.stable),
        ),
        unit: "share of the requests (logarithmic)".into(),
        across: "edge".into(),
        x_ticks,
        y_ticks: y.powers(|power| percent(10_f64.powi(power))),
        bands: Vec::new(),
        levels: Vec::new(),
        curves,
        dots: Vec::new(),
        marks: Vec::new(),
    })
}

/// The quantiles, where the metric has any.
pub(super) fn quantiles(record: &Record, metric: usize) -> Option<Chart> {
    let head = record.metrics.get(metric)?;
    let known: Vec<&QuantileRecord> =
        head.quantiles.iter().filter(|quantile| quantile.canary.is_some() || quantile.stable.is_some()).collect();
    if known.is_empty() {
        return None;
    }
    let ranges = |quantile: &QuantileRecord| [("canary", quantile.canary), ("stable", quantile.stable)];
    let highest = known
        .iter()
        .flat_map(|quantile| ranges(quantile))
        .filter_map(|(_, range)| range.map(|range| range.high.unwrap_or(range.estimate).max(range.estimate)))
        .fold(f64::MIN_POSITIVE, f64::max);
    let x = Axis::linear(0.0, known.len() as f64, LEFT, RIGHT);
    let y = Axis::linear(0.0, highest * 1.05, BOTTOM, TOP);
    let mut dots = Vec::new();
    let mut x_ticks = Vec::new();
    let mut said = Vec::new();
    for (index, quantile) in known.iter().enumerate() {
        let middle = index as f64 + 0.5;
        x_ticks.push(Tick { at: pixel(x.place(middle)), label: name(quantile.quantile) });
        for ((class, range), aside) in ranges(quantile).into_iter().zip([-0.12, 0.12]) {
            let Some(Range { estimate, low, high }) = range else { continue };
            dots.push(Dot {
                class,
                x: pixel(x.place(middle + aside)),
                y: pixel(y.place(estimate)),
                low: pixel(y.place(low.unwrap_or(0.0))),
                high: pixel(y.place(high.unwrap_or(highest * 1.05))),
            });
        }
        let value =
            |range: Option<Range>| range.map_or_else(|| "unknown".to_owned(), |range| head.unit.show(range.estimate));
        said.push(format!(
            "{} canary {}, stable {}",
            name(quantile.quantile),
            value(quantile.canary),
            value(quantile.stable)
        ));
    }
    // The names stand at the height of the highest dots of their version.
    let height = |wanted: &str| {
        dots.iter().rev().find(|dot| dot.class == wanted).and_then(|dot| dot.y.parse().ok()).unwrap_or(TOP)
    };
    let names = ["canary", "stable"];
    let curves = names
        .into_iter()
        .zip(label_places(&names.map(height)))
        .map(|(class, label_y)| Curve { class, pieces: Vec::new(), label: class.to_owned(), label_y })
        .collect();
    Some(Chart {
        id: format!("quantiles-{metric}"),
        title: format!("Quantiles of the latency: {}", head.name),
        description: format!("With their intervals: {}.", said.join("; ")),
        unit: in_unit("latency", head.unit),
        across: "quantile".into(),
        x_ticks,
        y_ticks: y.numbers(),
        bands: Vec::new(),
        levels: Vec::new(),
        curves,
        dots,
        marks: Vec::new(),
    })
}

/// What an axis shows, with its unit: in seconds or milliseconds as the histogram has them.
fn in_unit(what: &str, unit: LatencyUnit) -> String {
    let unit = match unit {
        LatencyUnit::Unknown => "in the unit of the histogram",
        LatencyUnit::Seconds => "in seconds",
        LatencyUnit::Milliseconds => "in milliseconds",
    };
    format!("{what}, {unit}")
}

/// `p50`, `p99.9`.
pub(in crate::report) fn name(quantile: f64) -> String {
    format!("p{}", number(quantile * 100.0))
}
