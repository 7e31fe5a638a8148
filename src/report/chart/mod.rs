//! Charts as numbers on a canvas: the template `chart.html` writes them as SVG. Every chart says in words what it shows,
//! for those who can't see it.

mod axis;
mod evidence;
mod latency;
mod values;

use serde::Serialize;

use crate::{analysis::Record, judge::Interval};

use axis::Axis;
pub(super) use latency::name as quantile_name;

// The canvas is 480 by 260: small enough that its text can be read where a telephone shrinks it. The template says so.
/// The plot on it: left for the numbers of the vertical axis, right for the names of the curves.
const LEFT: f64 = 56.0;
const RIGHT: f64 = 396.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 226.0;
/// The least distance between the names of two curves.
const LINE_HEIGHT: f64 = 15.0;
/// More marks than this cover the curves.
const MOST_MARKS: usize = 24;
/// More points than this can't be told apart on the canvas.
const MOST_POINTS: usize = 400;

/// One chart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Chart {
    /// Unique on the page.
    pub(super) id: String,
    pub(super) title: String,
    /// What can be seen, with the numbers.
    pub(super) description: String,
    /// What the vertical axis shows.
    pub(super) unit: String,
    /// What the horizontal axis shows.
    pub(super) across: String,
    pub(super) x_ticks: Vec<Tick>,
    pub(super) y_ticks: Vec<Tick>,
    pub(super) bands: Vec<Shape>,
    pub(super) levels: Vec<Level>,
    pub(super) curves: Vec<Curve>,
    pub(super) dots: Vec<Dot>,
    /// Where steps begin, as positions from the left.
    pub(super) marks: Vec<Tick>,
}

/// A place on an axis.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Tick {
    pub(super) at: String,
    pub(super) label: String,
}

/// An area or a line, as SVG writes its points.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Shape {
    /// Whose it is: `canary`, `stable`, `harm`, `safe`.
    pub(super) class: &'static str,
    pub(super) points: String,
}

/// A line with its name at its end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Curve {
    pub(super) class: &'static str,
    /// The pieces; a gap in the data is a gap in the line.
    pub(super) pieces: Vec<String>,
    pub(super) label: String,
    /// Where the name stands.
    pub(super) label_y: String,
}

/// A height that something is compared with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Level {
    pub(super) class: &'static str,
    pub(super) y: String,
    pub(super) label: String,
}

/// A single value with its interval.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Dot {
    pub(super) class: &'static str,
    pub(super) x: String,
    pub(super) y: String,
    pub(super) low: String,
    pub(super) high: String,
}

/// The charts of one metric of a recording.
pub(super) fn charts(record: &Record, metric: usize) -> Vec<Chart> {
    [
        evidence::chart(record, metric),
        values::chart(record, metric),
        latency::edges(record, metric),
        latency::quantiles(record, metric),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A number of a curve at one time; a look without it leaves a gap.
struct Point {
    seconds: f64,
    value: Option<f64>,
}

/// A line through points, in pieces.
fn pieces(points: &[Point], x: &Axis, y: &Axis) -> Vec<String> {
    let mut pieces: Vec<Vec<String>> = vec![Vec::new()];
    for Point { seconds, value } in points {
        match value {
            Some(value) => {
                if let Some(piece) = pieces.last_mut() {
                    piece.push(format!("{},{}", pixel(x.place(*seconds)), pixel(y.place(*value))));
                }
            }
            None => pieces.push(Vec::new()),
        }
    }
    // A piece of one point is drawn as a dot, which a line with round ends does where it goes nowhere.
    pieces
        .into_iter()
        .filter(|piece| !piece.is_empty())
        .map(|piece| if piece.len() == 1 { format!("{0} {0}", piece[0]) } else { piece.join(" ") })
        .collect()
}

/// The area between the bounds.
fn band(bounds: &[(f64, Interval)], x: &Axis, y: &Axis) -> Option<String> {
    if bounds.len() < 2 {
        return None;
    }
    let corner = |seconds: f64, value: f64| format!("{},{}", pixel(x.place(seconds)), pixel(y.place(value)));
    let there = bounds.iter().map(|(seconds, interval)| corner(*seconds, interval.high));
    let back = bounds.iter().rev().map(|(seconds, interval)| corner(*seconds, interval.low));
    Some(there.chain(back).collect::<Vec<_>>().join(" "))
}

/// Names at the right end of their lines, moved apart where they would cover each other.
fn label_places(wanted: &[f64]) -> Vec<String> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|one, other| wanted[*one].total_cmp(&wanted[*other]));
    let mut places = vec![0.0; wanted.len()];
    let mut free = TOP + 8.0;
    for index in order {
        places[index] = wanted[index].max(free);
        free = places[index] + LINE_HEIGHT;
    }
    let beyond = (free - LINE_HEIGHT - BOTTOM).max(0.0);
    places.into_iter().map(|place| pixel(place - beyond)).collect()
}

/// A position on the canvas to a tenth, which is finer than a screen shows.
fn pixel(value: f64) -> String {
    format!("{value:.1}")
}

/// Which looks are drawn: all, or as many as can be told apart, and always the last.
fn drawn(count: usize) -> impl Iterator<Item = usize> {
    let stride = count.div_ceil(MOST_POINTS).max(1);
    (0..count).filter(move |index| index % stride == 0 || index + 1 == count)
}

/// Seconds from the first look to each, and the horizontal axis for them.
fn time_axis(record: &Record) -> (Vec<f64>, Axis) {
    let first = record.looks.first().map(|look| look.at);
    let seconds: Vec<f64> = record
        .looks
        .iter()
        .map(|look| first.map_or(0.0, |first| look.at.duration_since(first).as_secs_f64()))
        .collect();
    let end = seconds.iter().copied().fold(1.0, f64::max);
    (seconds, Axis::linear(0.0, end, LEFT, RIGHT))
}

/// Where steps begin.
fn marks(record: &Record, seconds: &[f64], x: &Axis) -> Vec<Tick> {
    let steps = record.looks.windows(2).zip(seconds.iter().skip(1));
    steps
        .filter(|(pair, _)| pair[0].step != pair[1].step)
        .take(MOST_MARKS)
        .map(|(pair, seconds)| Tick {
            at: pixel(x.place(*seconds)),
            label: pair[1].weight.map_or_else(String::new, |weight| crate::model::words::percent(weight / 100.0)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_curves_that_end_together_stand_apart_and_on_the_canvas() {
        let places: Vec<f64> =
            label_places(&[100.0, 101.0, 225.0, 226.0]).iter().map(|text| text.parse().unwrap()).collect();
        for pair in places.windows(2) {
            assert!(pair[1] - pair[0] >= LINE_HEIGHT - 0.05, "{places:?}");
        }
        assert!(places[3] <= BOTTOM, "{places:?}");
    }

    #[test]
    fn many_looks_are_thinned_and_the_last_one_is_kept() {
        let kept: Vec<usize> = drawn(10_001).collect();
        assert!(kept.len() <= MOST_POINTS + 1, "{}", kept.len());
        assert_eq!((kept.first(), kept.last()), (Some(&0), Some(&10_000)));
        assert_eq!(drawn(3).count(), 3);
    }
}
