//! Evidence over time as a picture of characters: braille dots, or plain ASCII where a terminal has no others.

mod canvas;

use std::fmt::Write;

use canvas::Canvas;

use crate::{
    analysis::{Record, record::MetricLookRecord},
    model::words::{count, evidence, seconds as time},
};

/// Rows of characters of one picture.
const ROWS: usize = 7;
/// Columns left of it, for the numbers of its axis.
const MARGIN: usize = 10;
/// The narrowest picture that shows something.
const NARROWEST: usize = 16;
/// Nobody asks how far below a thousandth or above a million evidence is.
const LOWEST: f64 = -6.91;
const HIGHEST: f64 = 13.82;

/// What a picture is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dots {
    /// Two by four dots in a character.
    Braille,
    /// One star in a character.
    Ascii,
}

/// Draws the evidence of every metric that has any, in lines of at most `width` columns.
pub fn plot(record: &Record, width: usize, dots: Dots) -> String {
    let mut text = String::new();
    let sides: [(&str, Side); 2] = [
        ("harm", Side { value: |look| look.log_harm, threshold: |look| look.log_harm_threshold }),
        ("safety", Side { value: |look| look.log_safe, threshold: |look| look.log_safe_threshold }),
    ];
    for (index, metric) in record.metrics.iter().enumerate() {
        for (name, side) in &sides {
            let Some(picture) = picture(record, index, side, width, dots) else { continue };
            writeln!(text, "{}: evidence of {name}", metric.name).expect("writing to a String does not fail");
            text.push_str(&picture);
        }
    }
    text
}

/// One of the two kinds of evidence.
struct Side {
    value: fn(&MetricLookRecord) -> Option<f64>,
    threshold: fn(&MetricLookRecord) -> Option<f64>,
}

fn picture(record: &Record, metric: usize, side: &Side, width: usize, dots: Dots) -> Option<String> {
    let first = record.looks.first()?.at;
    let look = |index: usize| record.looks[index].metrics.get(metric);
    let points: Vec<(f64, Option<f64>)> = (0..record.looks.len())
        .map(|index| {
            (
                record.looks[index].at.duration_since(first).as_secs_f64(),
                look(index).and_then(|look| (side.value)(look)),
            )
        })
        .collect();
    let threshold = (0..record.looks.len()).rev().find_map(|index| look(index).and_then(|look| (side.threshold)(look)));
    let values = || points.iter().filter_map(|(_, value)| *value);
    let last = values().next_back()?;
    let ten = 10_f64.ln();
    let high = values().chain(threshold.map(|threshold| threshold + 0.5)).fold(ten, f64::max).min(HIGHEST);
    let low = values().fold(-ten, f64::min).max(LOWEST);
    let end = points.iter().map(|(seconds, _)| *seconds).fold(1.0, f64::max);

    let columns = width.saturating_sub(MARGIN + 2).max(NARROWEST);
    let mut canvas = Canvas::new(columns, ROWS, dots);
    for pair in points.windows(2) {
        if let [(from, Some(one)), (to, Some(other))] = pair {
            canvas.line((from / end, share(*one, low, high)), (to / end, share(*other, low, high)));
        }
    }
    if let [(_, Some(only))] = points.as_slice() {
        canvas.line((0.0, share(*only, low, high)), (0.0, share(*only, low, high)));
    }
    let threshold_row = threshold.map(|threshold| canvas.row(share(threshold, low, high)));
    let rows = canvas.rows(threshold_row);
    let names = names(low, high, &canvas);
    let (side_of_axis, corner, floor) = match dots {
        Dots::Braille => ('│', '└', '─'),
        Dots::Ascii => ('|', '+', '-'),
    };
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let name = names.iter().find(|(at, _)| *at == index).map_or("", |(_, name)| name.as_str());
        text.push_str(format!("{name:>MARGIN$} {side_of_axis}{row}").trim_end());
        text.push('\n');
    }
    let floor: String = std::iter::repeat_n(floor, columns).collect();
    let needed = threshold.map_or_else(String::new, |threshold| format!(", {} is needed", evidence(threshold)));
    write!(
        text,
        "{:>MARGIN$} {corner}{floor}\n{:>MARGIN$}  0{:>rest$}\n{:>MARGIN$}  now {}{needed}\n\n",
        "",
        "",
        time(end),
        "",
        evidence(last),
        rest = columns.saturating_sub(1),
    )
    .expect("writing to a String does not fail");
    Some(text)
}

/// Where a value stands between the ends of the axis, from 0 to 1.
fn share(value: f64, low: f64, high: f64) -> f64 {
    (value.clamp(low, high) - low) / (high - low)
}

/// The rows that powers of ten fall into, with their names.
fn names(low: f64, high: f64, canvas: &Canvas) -> Vec<(usize, String)> {
    let mut names: Vec<(usize, String)> = Vec::new();
    for power in -3_i32..=6 {
        let value = f64::from(power) * 10_f64.ln();
        if value < low - 1e-9 || value > high + 1e-9 {
            continue;
        }
        let row = canvas.row(share(value, low, high));
        let size = count(10_f64.powi(power.abs()));
        let name = if power < 0 { format!("1/{size}") } else { size };
        // Of two names in a row the more even one stays; 1 is where evidence starts.
        if names.iter().all(|(taken, _)| *taken != row) {
            names.push((row, name));
        } else if power == 0 {
            names.retain(|(taken, _)| *taken != row);
            names.push((row, name));
        }
    }
    names
}

#[cfg(test)]
mod tests;
