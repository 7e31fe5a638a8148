//! What the customers saw during an act, from the records of the client that sent the requests.

use jiff::Timestamp;
use siskin_bed::Report;

/// Counts and times of an act.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Numbers {
    pub(super) requests: u64,
    /// Requests that the new version answered.
    pub(super) of_version: u64,
    /// No answer, or a 5xx.
    pub(super) errors: u64,
    /// When the first failed request left, and the last.
    pub(super) errors_from_to: Option<(Timestamp, Timestamp)>,
    /// For the text of a failure: statuses and reasons with their counts.
    pub(super) kinds_of_error: String,
}

impl Numbers {
    /// Counts the requests of an act that shipped `version`.
    pub(super) fn of(report: &Report, version: &str) -> Self {
        let failed = report.failed();
        Self {
            requests: report.total(),
            of_version: report.by_version().get(version).copied().unwrap_or(0),
            errors: report.failures(),
            errors_from_to: failed.first().zip(failed.last()).map(|(first, last)| (first.sent, last.sent)),
            kinds_of_error: format!("{:?} {:?}", report.by_status(), report.by_error()),
        }
    }

    /// From the first failed request to the last, in seconds.
    pub(super) fn errors_lasted(&self) -> Option<f64> {
        self.errors_from_to.map(|(first, last)| last.duration_since(first).as_secs_f64())
    }
}

/// A count, with its thousands apart: `12,345`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }
}
