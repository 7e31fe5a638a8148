//! Numbers as the sentences show them: few figures, the unit that people think in.

use std::time::Duration;

/// A share as percent with two or three figures: `2.1 %`, `0.012 %`, `35 %`.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let decimals = match percent {
        _ if percent >= 1.0 => 1,
        _ if percent >= 0.1 => 2,
        _ if percent >= 0.01 => 3,
        _ => 4,
    };
    format!("{} %", without_trailing_zeros(&format!("{percent:.decimals$}")))
}

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

/// An e-value: `312`, `3.2`, `0.04`, `1.2e9`.
pub(super) fn number(value: f64) -> String {
    match value {
        _ if value >= 1e6 => format!("{value:.1e}"),
        _ if value >= 9.95 => format!("{value:.0}"),
        _ if value >= 0.095 => format!("{value:.1}"),
        _ if value >= 0.005 => format!("{value:.2}"),
        _ => "0".into(),
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

fn without_trailing_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
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
    fn rates_are_shown_with_the_figures_that_matter() {
        let shown = [0.0, 0.000_123, 0.0045, 0.021, 0.2, 1.0].map(percent);
        assert_eq!(shown, ["0 %", "0.012 %", "0.45 %", "2.1 %", "20 %", "100 %"]);
    }

    #[test]
    fn differences_have_a_sign_unless_they_are_nothing() {
        assert_eq!([0.016, -0.0004, 0.0, -1e-9].map(points), ["+1.6", "-0.04", "0", "0"]);
    }

    #[test]
    fn evidence_is_shown_shortly_however_large_it_is() {
        let shown = [0.001, 0.04, 3.21, 312.4, 1.234e9].map(number);
        assert_eq!(shown, ["0", "0.04", "3.2", "312", "1.2e9"]);
    }

    #[test]
    fn times_are_shown_in_the_unit_that_people_think_in() {
        let shown = [0.2, 119.0, 240.0, 9000.0].map(|seconds| time(Duration::from_secs_f64(seconds)));
        assert_eq!(shown, ["1 s", "119 s", "4 min", "2.5 h"]);
    }
}
