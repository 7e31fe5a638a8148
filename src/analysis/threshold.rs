//! Numbers of the canary with hard limits.
//!
//! `looks: 3` means three samples, not three glances at one: a breach counts when the value has just left its limit, or
//! an interval after the breach before it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Gap, Sight, pace::Pace};
use crate::{
    judge::{Limit, LimitReading, LimitState},
    measure::MetricOutcome,
    model::Timestamp,
};

/// A limit and how often in a row it was broken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LimitWatch {
    limit: Limit,
    interval: Duration,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct State {
    #[serde(flatten)]
    breaches: LimitState,
    /// The value that was last taken, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    #[serde(skip_serializing_if = "Pace::is_unset")]
    taken_ms: Pace,
}

impl LimitWatch {
    pub(super) fn resume(limit: Limit, interval: Duration, state: Option<&str>) -> Self {
        let state = state.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        Self { limit, interval, state }
    }

    pub(super) fn state(&self) -> String {
        super::watch::text(&self.state)
    }

    pub(super) fn limit(&self) -> Limit {
        self.limit
    }

    /// Where a look stands that has no value.
    pub(super) fn unseen(&self) -> LimitReading {
        self.state.breaches.reading(&self.limit, None)
    }

    pub(super) fn look(&mut self, outcome: Option<&MetricOutcome>, now: Timestamp) -> Sight {
        let value = match outcome {
            Some(MetricOutcome::Value(Ok(value))) if value.is_finite() => *value,
            other => return Sight { gap: Some(Gap::of(other)), limit: Some(self.unseen()), ..Sight::default() },
        };
        let crossed = self.state.value.is_some_and(|before| self.limit.allows(before) != self.limit.allows(value));
        if !crossed && !self.state.taken_ms.is_due(now, self.interval) {
            let reading = self.state.breaches.reading(&self.limit, self.state.value);
            return Sight { limit: Some(reading), ..Sight::default() };
        }
        self.state.taken_ms.take(now);
        self.state.value = Some(value);
        let reading = self.state.breaches.look(&self.limit, Some(value));
        Sight { fresh: true, limit: Some(reading), ..Sight::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit { min: None, max: Some(1.0), consecutive: 3 };

    /// Looks at these times, in milliseconds, with these values; the state is written down and read back each time.
    fn looks(looks: &[(i64, f64)]) -> Vec<LimitReading> {
        let mut state: Option<String> = None;
        looks
            .iter()
            .map(|(after, value)| {
                let mut watch = LimitWatch::resume(LIMIT, Duration::from_secs(15), state.as_deref());
                let now = Timestamp::from_millisecond(1_790_000_000_000 + after).unwrap();
                let sight = watch.look(Some(&MetricOutcome::Value(Ok(*value))), now);
                state = Some(watch.state());
                sight.limit.unwrap()
            })
            .collect()
    }

    #[test]
    fn three_glances_at_one_bad_sample_are_one_breach() {
        let readings = looks(&[(0, 2.0), (100, 2.0), (200, 2.0), (14_000, 2.0)]);
        assert_eq!(readings.iter().map(|reading| reading.breaches).collect::<Vec<_>>(), [1, 1, 1, 2]);
        assert!(readings.iter().all(|reading| !reading.breached), "{readings:?}");
    }

    #[test]
    fn three_looks_an_interval_apart_break_the_limit() {
        let readings = looks(&[(0, 2.0), (15_000, 2.0), (30_000, 2.0)]);
        assert_eq!(readings[2], LimitReading { value: Some(2.0), breaches: 3, breached: true });
    }

    #[test]
    fn a_value_that_crosses_its_limit_is_taken_at_once_in_both_directions() {
        let breaches = |times: &[(i64, f64)]| looks(times).last().unwrap().breaches;
        assert_eq!(breaches(&[(0, 0.5), (300, 2.0)]), 1);
        assert_eq!(breaches(&[(0, 2.0), (15_000, 2.0), (15_300, 0.5)]), 0);
        assert_eq!(breaches(&[(0, 2.0), (300, 0.5), (600, 2.0), (900, 2.0)]), 1, "the row begins anew");
    }

    #[test]
    fn a_broken_limit_stays_broken_between_two_samples() {
        let readings = looks(&[(0, 2.0), (15_000, 2.0), (30_000, 2.0), (30_300, 2.0)]);
        assert!(readings[3].breached, "{readings:?}");
    }
}
