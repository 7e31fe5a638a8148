//! Why a metric says nothing at a look.

use crate::{
    judge::{Reading, latency::LatencyReading},
    measure::{self, MetricOutcome},
};

/// The reason of a gap where there are series, and their values are NaN or infinite.
pub(super) const NOT_A_NUMBER: &str = "NotANumber";
/// Reasons of a gap that only tells that nothing has happened.
const QUIET: [&str; 4] = ["NoTraffic", "NoSeries", "FirstSight", NOT_A_NUMBER];

/// Why a metric says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The reason in one word.
    pub reason: &'static str,
    /// The reason in a sentence.
    pub message: String,
    /// Whether it is one at once, and not only when it lasts.
    pub at_once: bool,
}

impl Gap {
    /// Something that nobody could overlook: it holds at once.
    pub fn at_once(reason: &'static str, message: String) -> Self {
        Self { reason, message, at_once: true }
    }

    /// More series than a status can remember: `size` bytes, where `most` are there for all metrics together.
    pub(super) fn too_many_series(size: usize, most: usize) -> Self {
        let [size, most] = [size, most].map(|bytes| bytes.div_ceil(1024));
        Self::at_once(
            "TooManySeries",
            format!(
                "too many series: what must be remembered of them between two looks takes {size} KiB, and the status has {most} KiB for all metrics; add series up in the query, for example `sum by (pod) (...)`; until then the metric counts nothing"
            ),
        )
    }

    pub(super) fn quiet(reason: &'static str, message: &str) -> Self {
        Self { reason, message: message.to_owned(), at_once: false }
    }

    /// The gap of an outcome that has none of the samples that are needed.
    pub(super) fn of(outcome: Option<&MetricOutcome>) -> Self {
        match outcome.map(MetricOutcome::gap) {
            Some(Some(gap)) => Self {
                reason: gap.reason(),
                message: gap.to_string(),
                at_once: !matches!(
                    gap,
                    measure::Gap::NoSeries(_) | measure::Gap::NoTraffic(_) | measure::Gap::NotFinite(_)
                ),
            },
            _ => Self::quiet("NotAsked", "the metric was not part of this look"),
        }
    }

    /// Why histograms gave nothing; nothing where they did.
    pub(super) fn of_latency(reading: LatencyReading) -> Option<Self> {
        let reason = match reading {
            LatencyReading::Counted => return None,
            LatencyReading::NoCanaryTraffic | LatencyReading::NoStableTraffic | LatencyReading::TooFewRequests => {
                "NoTraffic"
            }
            LatencyReading::FirstSight => "FirstSight",
            LatencyReading::NoCommonEdge => {
                return Some(Self::at_once("QueryResultUnusable", reading.lack().unwrap_or_default().to_owned()));
            }
            LatencyReading::CanaryMissing | LatencyReading::StableMissing | LatencyReading::BothMissing => "NoSeries",
        };
        Some(Self::quiet(reason, reading.lack().unwrap_or_default()))
    }

    /// Why counters gave no counts; nothing where they did.
    pub(super) fn of_reading(reading: &Reading) -> Option<Self> {
        let (reason, message) = match reading {
            Reading::Counted(_) => return None,
            Reading::NoCanaryTraffic => ("NoTraffic", "the canary had no requests"),
            Reading::NoStableTraffic => ("NoTraffic", "the stable version had no requests"),
            Reading::CanaryMissing => ("NoSeries", "Prometheus has no series of the canary"),
            Reading::StableMissing => ("NoSeries", "Prometheus has no series of the stable version"),
            Reading::BothMissing => ("NoSeries", "Prometheus has no series of either version"),
            Reading::FirstSight => ("FirstSight", "the counters were seen for the first time"),
        };
        Some(Self::quiet(reason, message))
    }
}

/// Whether a reason only tells that nothing has happened.
pub(super) fn is_quiet(reason: &str) -> bool {
    QUIET.contains(&reason)
}
