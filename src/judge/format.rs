//! What the judge's sentences show in their own way: differences, bare values, and steps, whose lengths stay in hours.

use std::time::Duration;

use crate::model::words::{percent, without_trailing_zeros};

/// A difference of two shares in percentage points, with its sign: `+1.6`, `-0.04`, `0`.
pub(super) fn points(difference: f64) -> String {
    let size = percent(difference.abs());
    let size = size.trim_end_matches(" %");
    match difference {
        _ if size == "0" => size.into(),
        _ if difference < 0.0 => format!("-{size}"),
        _ => format!("+{size}"),
    }
}

/// A value without a unit: up to four decimals, or powers of ten when it is tiny.
pub(super) fn plain(value: f64) -> String {
    if value != 0.0 && value.abs() < 1e-3 {
        format!("{value:.2e}")
    } else {
        without_trailing_zeros(&format!("{value:.4}")).to_owned()
    }
}

/// A length of time: `90 s`, `4 min`, `2.5 h`.
pub(super) fn time(duration: Duration) -> String {
    let seconds = duration.as_secs_f64().ceil();
    match seconds {
        _ if seconds < 120.0 => format!("{seconds:.0} s"),
        _ if seconds < 7200.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_have_a_sign_unless_they_are_nothing() {
        assert_eq!([0.016, -0.0004, 0.0, -1e-9].map(points), ["+1.6", "-0.04", "0", "0"]);
    }

    #[test]
    fn times_are_shown_in_the_unit_that_people_think_in() {
        let shown = [0.2, 119.0, 240.0, 9000.0].map(|seconds| time(Duration::from_secs_f64(seconds)));
        assert_eq!(shown, ["1 s", "119 s", "4 min", "2.5 h"]);
    }
}
