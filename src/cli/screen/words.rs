//! Numbers and times as people read them.

use std::time::Duration;

use crate::model::Timestamp;

/// The time from then until now, in at most two units: `42s`, `3m5s`, `2h10m`, `9d`.
pub(super) fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = Duration::try_from(now.duration_since(then)).unwrap_or_default().as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let pair = |large: u64, unit: char, small: u64, small_unit: char| match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit}{small}{small_unit}"),
    };
    match seconds {
        0..60 => format!("{seconds}s"),
        60..600 => pair(minutes, 'm', seconds % 60, 's'),
        600..3_600 => format!("{minutes}m"),
        3_600..36_000 => pair(hours, 'h', minutes % 60, 'm'),
        36_000..172_800 => format!("{hours}h"),
        _ => format!("{days}d"),
    }
}

/// A share of one as a percentage with two or three telling digits.
pub(super) fn percent(share: f64) -> String {
    let value = share * 100.0;
    let decimals = match value.abs() {
        0.0 => 0,
        size if size < 0.01 => 4,
        size if size < 0.1 => 3,
        size if size < 10.0 => 2,
        _ => 1,
    };
    format!("{value:.decimals$}%")
}

/// [`percent`] with its sign.
pub(super) fn signed_percent(share: f64) -> String {
    if share > 0.0 { format!("+{}", percent(share)) } else { percent(share) }
}

/// Any other number, in as few digits as tell it.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 1000.0 {
        return format!("{value:.0}");
    }
    let text = if size >= 1.0 || size == 0.0 { format!("{value:.2}") } else { format!("{value:.4}") };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_at_most_two_units() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let said = [0, 59, 60, 185, 601, 3_600, 7_800, 40_000, 800_000]
            .map(|seconds| ago(now - Duration::from_secs(seconds), now));
        assert_eq!(said, ["0s", "59s", "1m", "3m5s", "10m", "1h", "2h10m", "11h", "9d"]);
        assert_eq!(ago(now + Duration::from_secs(5), now), "0s", "clocks differ; nothing lies in the future");
    }

    #[test]
    fn small_rates_keep_their_telling_digits() {
        let said = [0.0, 0.000_012, 0.000_42, 0.0042, 0.2, 1.0].map(percent);
        assert_eq!(said, ["0%", "0.0012%", "0.042%", "0.42%", "20.0%", "100.0%"]);
        assert_eq!([0.01, -0.01, 0.0].map(signed_percent), ["+1.00%", "-1.00%", "0%"]);
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.0, 0.25, 4.605, 1234.5].map(number), ["0", "0.25", "4.61", "1234"]);
    }
}
