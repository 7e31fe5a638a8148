//! Numbers and times as people read them, in sentences and tables.

use std::time::Duration;

/// A share as percent, with the figures that matter: `2.1 %`, `0.012 %`, `35 %`.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let size = percent.abs();
    let decimals = match size {
        _ if size >= 1.0 => 1,
        _ if size >= 0.1 => 2,
        _ if size >= 0.01 => 3,
        _ => 4,
    };
    format!("{} %", without_trailing_zeros(&format!("{percent:.decimals$}")))
}

/// [`percent`] with its sign: `+0.4 %`.
pub fn signed_percent(share: f64) -> String {
    if share > 0.0 { format!("+{}", percent(share)) } else { percent(share) }
}

/// A factor: `×1.05`, `×2.3`, `×12`.
pub fn factor(factor: f64) -> String {
    let decimals = match factor {
        _ if factor >= 9.95 => 0,
        _ if factor >= 1.995 => 1,
        _ => 2,
    };
    format!("×{}", without_trailing_zeros(&format!("{factor:.decimals$}")))
}

/// A count with its thousands apart: `12,345`.
pub fn count(number: f64) -> String {
    let digits = format!("{:.0}", number.max(0.0));
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// An e-value, from its logarithm: `312`, `3.2`, `0.04`, `1.2e9`.
pub fn evidence(log_evidence: f64) -> String {
    let value = log_evidence.exp();
    match value {
        _ if value >= 1e6 => format!("{value:.1e}"),
        _ if value >= 9.95 => format!("{value:.0}"),
        _ if value >= 0.095 => format!("{value:.1}"),
        _ if value >= 0.005 => format!("{value:.2}"),
        _ => "0".into(),
    }
}

/// Any number in three or four figures: `0.25`, `4.61`, `1,234`, `1.2e-5`.
pub fn number(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if !value.is_finite() => value.to_string(),
        _ if size >= 1e7 || (size < 1e-3 && size > 0.0) => format!("{value:.1e}"),
        _ if size >= 1000.0 => format!("{}{}", if value < 0.0 { "-" } else { "" }, count(size)),
        _ if size >= 1.0 => without_trailing_zeros(&format!("{value:.2}")).to_owned(),
        _ => without_trailing_zeros(&format!("{value:.4}")).to_owned(),
    }
}

/// Seconds, rounded up, in the unit that people think in: `45 s`, `4 min`, `2.5 h`, `3 d`.
pub fn seconds(seconds: f64) -> String {
    let seconds = seconds.max(0.0).ceil();
    match seconds {
        _ if seconds < 120.0 => format!("{seconds:.0} s"),
        _ if seconds < 7200.0 => format!("{:.0} min", seconds / 60.0),
        _ if seconds < 172_800.0 => format!("{:.1} h", seconds / 3600.0),
        _ if seconds.is_finite() => format!("{:.0} d", seconds / 86_400.0),
        _ => "for ever".into(),
    }
}

/// A duration, as [`seconds`] has it.
pub fn duration(duration: Duration) -> String {
    seconds(duration.as_secs_f64())
}

/// The beginning of a text that has at most this many bytes; never cut in the middle of a character.
pub fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// A name as a label's value, which has at most 63 characters: a longer one is cut, with a digest of the whole behind it.
pub fn label_value(name: &str) -> String {
    const LONGEST: usize = 63;
    if name.len() <= LONGEST {
        return name.to_owned();
    }
    let digest = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{}-{digest:08x}", cut(name, LONGEST - 9).trim_end_matches(['-', '.', '_']))
}

/// A number's text without what says nothing behind its point: `0.50` is `0.5`, `2.00` is `2`.
pub(crate) fn without_trailing_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_shown_with_the_figures_that_matter() {
        assert_eq!(
            [0.0, 0.000_123, 0.0045, 0.021, 0.2, 1.0].map(percent),
            ["0 %", "0.012 %", "0.45 %", "2.1 %", "20 %", "100 %"]
        );
        assert_eq!([0.01, -0.0042, 0.0].map(signed_percent), ["+1 %", "-0.42 %", "0 %"]);
        assert_eq!([0.854, 1.0, 2.34, 12.3].map(factor), ["×0.85", "×1", "×2.3", "×12"]);
    }

    #[test]
    fn counts_and_numbers_are_short() {
        assert_eq!([0.0, 999.0, 1000.0, 1_234_567.0].map(count), ["0", "999", "1,000", "1,234,567"]);
        let said = [0.0, 0.25, 4.605, -1234.5, 1.2e-5, f64::INFINITY].map(number);
        assert_eq!(said, ["0", "0.25", "4.61", "-1,234", "1.2e-5", "inf"]);
        assert_eq!(
            [0.001_f64, 0.04, 3.21, 312.4, 1.234e9].map(|value| evidence(value.ln())),
            ["0", "0.04", "3.2", "312", "1.2e9"]
        );
    }

    #[test]
    fn texts_are_cut_at_a_character_by_their_bytes() {
        assert_eq!(cut("grün", 10), "grün");
        assert_eq!([2, 3, 4].map(|bytes| cut("grün", bytes)), ["gr", "gr", "grü"]);
    }

    #[test]
    fn a_name_that_is_too_long_for_a_label_is_cut_and_stays_one_of_its_kind() {
        assert_eq!(label_value("web"), "web");
        let long = |last: &str| label_value(&format!("{}{last}", "a".repeat(80)));
        assert!(long("x").len() <= 63 && long("x") != long("y"), "{}", long("x"));
    }

    #[test]
    fn times_are_shown_in_the_unit_that_people_think_in() {
        let said = [0.2, 119.0, 240.0, 9000.0, 600_000.0, f64::INFINITY].map(seconds);
        assert_eq!(said, ["1 s", "119 s", "4 min", "2.5 h", "7 d", "for ever"]);
    }
}
