//! Pictures of a table: shares or times as marks in rows, and shares over time as lines.

use super::super::harness::FinishedRow;
use super::super::outcome::{Cell, SLICES};
use super::super::table::{Form, Picture};
use super::svg::{Anchor, Svg};
use super::{FinishedTable, number};

/// A picture that was drawn.
pub(super) struct Drawn {
    pub(super) name: &'static str,
    /// What it shows, for those who don't see it.
    pub(super) alternative: String,
    pub(super) svg: String,
}

const WIDTH: f64 = 860.0;
/// Room for the names of the scenarios.
const LEFT: f64 = 390.0;
const RIGHT: f64 = WIDTH - 24.0;
const ROW: f64 = 24.0;
const HEAD: f64 = 76.0;
const FOOT: f64 = 34.0;
const LINES_HEIGHT: f64 = 380.0;
const LINES_LEFT: f64 = 60.0;

/// Draws all pictures of a table.
pub(super) fn pictures(finished: &FinishedTable) -> Vec<Drawn> {
    finished.table.pictures.iter().filter_map(|picture| draw(finished, picture)).collect()
}

fn draw(finished: &FinishedTable, picture: &Picture) -> Option<Drawn> {
    let columns: Vec<usize> = picture
        .columns
        .iter()
        .filter_map(|name| finished.table.columns.iter().position(|column| column.name == *name))
        .collect();
    let svg = match picture.form {
        Form::Shares => marks(finished, picture, &columns, &Axis::shares()),
        Form::Times => marks(finished, picture, &columns, &Axis::times()),
        Form::OverTime(row) => {
            let row = finished.rows.iter().find(|finished| finished.row == row)?;
            lines(row, picture, &columns)
        }
    };
    let alternative = format!("{}: {}", picture.title, picture.columns.join(", "));
    let description = format!("{alternative}. All numbers are in {}.csv.", finished.table.name.to_lowercase());
    Some(Drawn { name: picture.name, svg: svg.finish(picture.title, &description, &finished.command()), alternative })
}

/// A logarithmic axis.
struct Axis {
    low: f64,
    high: f64,
    ticks: Vec<(f64, String)>,
    value: fn(&Cell) -> Option<f64>,
    label: fn(&Cell) -> String,
    legend: &'static str,
}

impl Axis {
    fn shares() -> Self {
        let ticks = [0.0001, 0.001, 0.01, 0.1, 1.0];
        Self {
            low: 0.0001,
            high: 1.0,
            ticks: ticks.map(|tick| (tick, format!("{} %", tick * 100.0))).to_vec(),
            value: |cell| (cell.runs > 0).then(|| cell.share()),
            label: number::share_with_error,
            legend: "open marks on the left: not once",
        }
    }

    fn times() -> Self {
        let ticks = [10.0, 60.0, 600.0, 3600.0, 21_600.0];
        let names = ["10 s", "1 min", "10 min", "1 h", "6 h"];
        Self {
            low: 10.0,
            high: 43_200.0,
            ticks: ticks.into_iter().zip(names.map(String::from)).collect(),
            value: |cell| (cell.runs > 0).then(|| cell.median.unwrap_or(f64::INFINITY)),
            label: |cell| cell.median.map_or_else(|| "in fewer than half of the runs".into(), number::time),
            legend: "open marks on the right: in fewer than half of the runs",
        }
    }

    fn x(&self, value: f64) -> f64 {
        let part = (value.clamp(self.low, self.high) / self.low).ln() / (self.high / self.low).ln();
        LEFT + part * (RIGHT - LEFT)
    }
}

fn marks(finished: &FinishedTable, picture: &Picture, columns: &[usize], axis: &Axis) -> Svg {
    let bottom = HEAD + ROW * finished.rows.len() as f64;
    let mut svg = Svg::new(WIDTH, bottom + FOOT);
    svg.title(12.0, 24.0, picture.title);
    legend(&mut svg, picture.columns, 12.0);
    for (tick, name) in &axis.ticks {
        svg.grid((axis.x(*tick), HEAD - 8.0), (axis.x(*tick), bottom));
        svg.text(axis.x(*tick), bottom + 16.0, Anchor::Middle, name);
    }
    svg.text(12.0, bottom + 16.0, Anchor::Start, axis.legend);
    for (index, row) in finished.rows.iter().enumerate() {
        let y = HEAD + ROW * (index as f64 + 0.5);
        svg.text(LEFT - 14.0, y + 4.0, Anchor::End, &row.row);
        svg.grid((LEFT, y), (RIGHT, y));
        for (series, column) in columns.iter().enumerate() {
            let cell = &row.cells[*column];
            let Some(value) = (axis.value)(cell) else { continue };
            let open = value < axis.low || value > axis.high;
            let label = format!("{}, {}: {}", row.row, picture.columns[series], (axis.label)(cell));
            // A little apart, so that marks of the same value are seen.
            let apart = 2.5 * (series as f64 - (columns.len() as f64 - 1.0) / 2.0);
            svg.mark(series, axis.x(value), y + apart, open, &label);
        }
    }
    svg
}

fn lines(row: &FinishedRow, picture: &Picture, columns: &[usize]) -> Svg {
    let (top, bottom) = (HEAD, LINES_HEIGHT - FOOT);
    let right = RIGHT;
    let x = |second: f64| LINES_LEFT + second / row.horizon * (right - LINES_LEFT);
    let y = |share: f64| bottom - share * (bottom - top);
    let mut svg = Svg::new(WIDTH, LINES_HEIGHT);
    svg.title(12.0, 24.0, picture.title);
    legend(&mut svg, picture.columns, 12.0);
    for percent in [0.0, 25.0, 50.0, 75.0, 100.0] {
        svg.grid((LINES_LEFT, y(percent / 100.0)), (right, y(percent / 100.0)));
        svg.text(LINES_LEFT - 8.0, y(percent / 100.0) + 4.0, Anchor::End, &format!("{percent} %"));
    }
    for quarter in 0..=4 {
        let second = row.horizon * f64::from(quarter) / 4.0;
        svg.text(x(second), bottom + 18.0, Anchor::Middle, &format!("{:.0} min", second / 60.0));
    }
    for (series, column) in columns.iter().enumerate() {
        let cell = &row.cells[*column];
        let runs = f64::from(cell.runs.max(1));
        let mut points = vec![(x(0.0), y(0.0))];
        points.extend(cell.by_time.iter().enumerate().map(|(slice, happened)| {
            let second = row.horizon * (slice as f64 + 1.0) / SLICES as f64;
            (x(second), y(f64::from(*happened) / runs))
        }));
        svg.line(series, &points);
        if let Some((last_x, last_y)) = points.last() {
            let label = format!("{}: {}", picture.columns[series], number::share_with_error(cell));
            svg.mark(series, *last_x, *last_y, false, &label);
        }
    }
    svg
}

/// The series' marks and names, from left to right.
fn legend(svg: &mut Svg, names: &[&str], left: f64) {
    let mut x = left + 6.0;
    for (series, name) in names.iter().enumerate() {
        svg.mark(series, x, 44.0, false, name);
        svg.text(x + 12.0, 48.0, Anchor::Start, name);
        x += 40.0 + 7.2 * name.chars().count() as f64;
    }
}
