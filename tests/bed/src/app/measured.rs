//! What the application counts of itself, as Prometheus reads it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;

/// Upper bounds of the latency histogram, in seconds.
const BOUNDS: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Requests by status code and a histogram of their durations. A code appears with its first request, as it does in the
/// client libraries that people use.
#[derive(Debug, Default)]
pub(super) struct Measured {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    by_code: BTreeMap<u16, u64>,
    /// Not cumulative; the last one has no bound.
    by_bucket: [u64; BOUNDS.len() + 1],
    seconds: f64,
}

impl Measured {
    pub(super) fn record(&self, status: StatusCode, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS.partition_point(|bound| *bound < seconds);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.by_code.entry(status.as_u16()).or_default() += 1;
        counts.by_bucket[bucket] += 1;
        counts.seconds += seconds;
    }

    /// The text that a scrape gets.
    pub(super) fn exposition(&self) -> String {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::from("# TYPE http_requests_total counter\n");
        for (code, count) in &counts.by_code {
            let _ = writeln!(text, "http_requests_total{{code=\"{code}\"}} {count}");
        }
        text.push_str("# TYPE http_request_duration_seconds histogram\n");
        let mut cumulative = 0;
        for (index, count) in counts.by_bucket.iter().enumerate() {
            cumulative += count;
            let bound = BOUNDS
                .get(index)
                .map_or_else(|| "+Inf".to_owned(), f64::to_string);
            let _ = writeln!(
                text,
                "http_request_duration_seconds_bucket{{le=\"{bound}\"}} {cumulative}"
            );
        }
        let _ = writeln!(text, "http_request_duration_seconds_sum {}", counts.seconds);
        let _ = writeln!(text, "http_request_duration_seconds_count {cumulative}");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_end_with_all_requests() {
        let measured = Measured::default();
        measured.record(StatusCode::OK, Duration::from_millis(5));
        measured.record(StatusCode::INTERNAL_SERVER_ERROR, Duration::from_secs(20));
        let text = measured.exposition();
        assert!(
            text.contains("http_requests_total{code=\"500\"} 1\n"),
            "{text}"
        );
        assert!(text.contains("_bucket{le=\"0.005\"} 1\n"), "{text}");
        assert!(text.contains("_bucket{le=\"0.0025\"} 0\n"), "{text}");
        assert!(text.contains("_bucket{le=\"10\"} 1\n"), "{text}");
        assert!(text.contains("_bucket{le=\"+Inf\"} 2\n"), "{text}");
    }
}
