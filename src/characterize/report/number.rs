//! Numbers as tables show them.

use super::super::outcome::Cell;
use super::super::table::Show;

/// What a table shows of a cell.
pub(super) fn cell(cell: &Cell, show: Show) -> String {
    if cell.runs == 0 {
        return String::new();
    }
    match show {
        Show::Share => share_with_error(cell),
        Show::Seconds => seconds_or_share(cell),
        Show::ShareAndSeconds => match cell.median {
            Some(median) => format!("{}; {}", share_with_error(cell), time(median)),
            None => share_with_error(cell),
        },
        Show::Mean => cell.mean.map_or_else(|| "–".into(), significant),
    }
}

/// A share with its Monte Carlo standard error: `.019 ± .002`.
pub(super) fn share_with_error(cell: &Cell) -> String {
    let error = cell.standard_error();
    // As many places as the error has meaning.
    let places = if error >= 0.01 {
        2
    } else if error >= 0.001 {
        3
    } else {
        4
    };
    format!("{} ± {}", point(cell.share(), places), point(error, places))
}

/// A share as it is written in this field: without the zero before the point.
fn point(share: f64, places: usize) -> String {
    let text = format!("{share:.places$}");
    text.strip_prefix("0.").map_or(text.clone(), |rest| format!(".{rest}"))
}

fn seconds_or_share(cell: &Cell) -> String {
    let share = cell.share();
    let rounded = point(share, 2);
    match cell.median {
        Some(median) if share >= 0.995 => time(median),
        Some(median) => format!("{} ({rounded})", time(median)),
        None if cell.happened == 0 => "–".into(),
        None => format!("– ({rounded})"),
    }
}

/// Seconds: `80 s`, `42 min`, `7.8 h`.
pub(super) fn time(seconds: f64) -> String {
    match seconds {
        _ if seconds < 6000.0 => format!("{seconds:.0} s"),
        _ if seconds < 4.0 * 3600.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

/// Two significant places, or whole numbers.
fn significant(value: f64) -> String {
    match value.abs() {
        size if size >= 10.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::characterize::Outcome;

    fn of(happened: u32, runs: u32) -> Cell {
        let outcome = |run| if run < happened { Outcome::At(830.0) } else { Outcome::Never };
        Cell::of((0..runs).map(outcome), 7200.0)
    }

    #[test]
    fn shares_have_as_many_places_as_their_error_allows() {
        assert_eq!(cell(&of(76, 4000), Show::Share), ".019 ± .002");
        assert_eq!(cell(&of(0, 4000), Show::Share), ".0000 ± .0004");
        assert_eq!(cell(&of(400, 400), Show::Share), "1.000 ± .003");
        assert_eq!(cell(&of(20, 40), Show::Share), ".50 ± .08");
    }

    #[test]
    fn times_say_in_which_share_of_runs_they_came() {
        assert_eq!(cell(&of(4000, 4000), Show::Seconds), "830 s");
        assert_eq!(cell(&of(3760, 4000), Show::Seconds), "830 s (.94)");
        assert_eq!(cell(&of(400, 4000), Show::Seconds), "– (.10)");
        assert_eq!(cell(&of(0, 4000), Show::Seconds), "–");
        assert_eq!(time(26_000.0), "7.2 h");
    }
}
