//! What the client saw, and questions to it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

/// What became of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When it left.
    pub sent: Timestamp,
    /// From then to the end of the answer.
    pub took: Duration,
    /// The HTTP status; `None` when there was no whole answer.
    pub status: Option<u16>,
    /// The header `x-version`; `None` when no application answered.
    pub version: Option<Arc<str>>,
    /// Why there was no whole answer.
    pub error: Option<Arc<str>>,
}

impl Record {
    /// No answer, or a 5xx.
    pub fn is_failure(&self) -> bool {
        self.status.is_none_or(|status| status >= 500)
    }
}

/// How many of the answered requests one version had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Requests that the version answered.
    pub hits: u64,
    /// Requests that any version answered.
    pub total: u64,
}

impl Share {
    /// Between 0 and 1; 0 when nothing was answered.
    pub fn share(&self) -> f64 {
        if self.total == 0 {
            0.0
        } else {
            self.hits as f64 / self.total as f64
        }
    }

    /// The standard error of a share whose true value is `weight` (0 to 1): `sqrt(w (1 - w) / n)`.
    pub fn standard_error(&self, weight: f64) -> f64 {
        (weight * (1.0 - weight) / self.total as f64).sqrt()
    }

    /// Whether the share is at most so many standard errors from `weight` (0 to 1).
    pub fn is_within(&self, weight: f64, standard_errors: f64) -> bool {
        self.total > 0
            && (self.share() - weight).abs() <= standard_errors * self.standard_error(weight)
    }
}

/// A snapshot of all requests that are done, in the order of their sending.
#[derive(Debug, Clone)]
pub struct Report {
    records: Vec<Record>,
    greatest_delay: Duration,
}

impl Report {
    pub(super) fn new(mut records: Vec<Record>, greatest_delay: Duration) -> Self {
        records.sort_by_key(|record| record.sent);
        Self {
            records,
            greatest_delay,
        }
    }

    /// All records.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// How many requests are done.
    pub fn total(&self) -> u64 {
        self.records.len() as u64
    }

    /// How many failed: no answer, or a 5xx.
    pub fn failures(&self) -> u64 {
        self.records
            .iter()
            .filter(|record| record.is_failure())
            .count() as u64
    }

    /// The failed requests.
    pub fn failed(&self) -> Vec<&Record> {
        self.records
            .iter()
            .filter(|record| record.is_failure())
            .collect()
    }

    /// Answered requests by version.
    pub fn by_version(&self) -> BTreeMap<String, u64> {
        count(
            self.records
                .iter()
                .filter_map(|record| record.version.as_deref().map(str::to_owned)),
        )
    }

    /// Answered requests by status.
    pub fn by_status(&self) -> BTreeMap<u16, u64> {
        count(self.records.iter().filter_map(|record| record.status))
    }

    /// Unanswered requests by reason.
    pub fn by_error(&self) -> BTreeMap<String, u64> {
        count(
            self.records
                .iter()
                .filter_map(|record| record.error.as_deref().map(str::to_owned)),
        )
    }

    /// When the first request left that `version` answered.
    pub fn first_of(&self, version: &str) -> Option<Timestamp> {
        self.of(version).next().map(|record| record.sent)
    }

    /// When the first answer of `version` was complete.
    pub(super) fn first_end_of(&self, version: &str) -> Option<Timestamp> {
        self.of(version)
            .filter_map(|record| record.sent.checked_add(record.took).ok())
            .min()
    }

    /// When the last request left that `version` answered.
    pub fn last_of(&self, version: &str) -> Option<Timestamp> {
        self.of(version).last().map(|record| record.sent)
    }

    /// The requests that left from `from` on and before `to`.
    #[must_use]
    pub fn between(&self, from: Timestamp, to: Timestamp) -> Self {
        let inside = self
            .records
            .iter()
            .filter(|record| from <= record.sent && record.sent < to);
        Self {
            records: inside.cloned().collect(),
            greatest_delay: self.greatest_delay,
        }
    }

    /// The requests that left from `from` on.
    #[must_use]
    pub fn since(&self, from: Timestamp) -> Self {
        self.between(from, Timestamp::MAX)
    }

    /// The share of `version` among the answered requests.
    pub fn share_of(&self, version: &str) -> Share {
        let total = self
            .records
            .iter()
            .filter(|record| record.version.is_some())
            .count() as u64;
        Share {
            hits: self.of(version).count() as u64,
            total,
        }
    }

    /// The longest that a request left after its due time: large means that the client was not open-loop.
    pub fn greatest_delay(&self) -> Duration {
        self.greatest_delay
    }

    /// The duration within which a share (0 to 1) of the answered requests ended.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let mut durations: Vec<Duration> = self
            .records
            .iter()
            .filter(|record| record.status.is_some())
            .map(|record| record.took)
            .collect();
        durations.sort_unstable();
        let last = durations.len().checked_sub(1)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index between 0 and last"
        )]
        let index = (share.clamp(0.0, 1.0) * last as f64).round() as usize;
        durations.get(index).copied()
    }

    fn of(&self, version: &str) -> impl Iterator<Item = &Record> {
        self.records
            .iter()
            .filter(move |record| record.version.as_deref() == Some(version))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} requests, {} failed; by version {:?}, by status {:?}, by error {:?}; p50 {:?}, p99 {:?}, sent at most {:?} late",
            self.total(),
            self.failures(),
            self.by_version(),
            self.by_status(),
            self.by_error(),
            self.quantile(0.5).unwrap_or_default(),
            self.quantile(0.99).unwrap_or_default(),
            self.greatest_delay,
        )
    }
}

fn count<T: Ord>(items: impl Iterator<Item = T>) -> BTreeMap<T, u64> {
    let mut counts = BTreeMap::new();
    for item in items {
        *counts.entry(item).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(second: i64, status: Option<u16>, version: Option<&str>) -> Record {
        Record {
            sent: Timestamp::from_second(second).expect("a time of this century"),
            took: Duration::from_millis(1),
            status,
            version: version.map(Into::into),
            error: None,
        }
    }

    #[test]
    fn an_answer_without_a_version_is_in_no_share_but_a_5xx_is_a_failure() {
        let records = vec![
            record(3, Some(503), None),
            record(1, Some(200), Some("v1")),
            record(2, Some(200), Some("v2")),
            record(4, None, None),
        ];
        let report = Report::new(records, Duration::ZERO);
        assert_eq!((report.total(), report.failures()), (4, 2));
        assert_eq!(report.share_of("v2"), Share { hits: 1, total: 2 });
        assert_eq!(report.first_of("v2"), Timestamp::from_second(2).ok());
        assert_eq!(
            report
                .since(Timestamp::from_second(3).expect("a time"))
                .total(),
            2
        );
    }

    #[test]
    fn four_standard_errors_of_a_tenth_in_two_thousand_are_54_requests() {
        assert!(
            Share {
                hits: 253,
                total: 2000
            }
            .is_within(0.1, 4.0)
        );
        assert!(
            !Share {
                hits: 254,
                total: 2000
            }
            .is_within(0.1, 4.0)
        );
        assert!(!Share { hits: 0, total: 0 }.is_within(0.1, 4.0));
    }
}
