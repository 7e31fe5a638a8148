//! The clock of a step: it counts only time in which evidence could be seen, and says since when nothing can be.
//!
//! A look that can't see is never a verdict: it stops the clock, and when it lasts, leads to what whoever runs the
//! analysis has decided for that case.

use std::time::Duration;

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

use super::gap::{self, Gap};
use crate::{api::Blind, model::Timestamp};

/// How many intervals without a new request make a version invisible.
const QUIET_INTERVALS: u32 = 3;
/// What is never called quiet, however short the interval: Prometheus may scrape only every 30 s, or every minute.
pub(super) const QUIET_AT_LEAST: Duration = Duration::from_secs(90);

/// The clock of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Clock {
    /// When the step was entered.
    pub since: Timestamp,
    /// When its weight was reached: the time counts from here; none before.
    pub reached_at: Option<Timestamp>,
    /// The last look that saw something.
    pub seen_at: Option<Timestamp>,
    /// How long the step has been seen, in milliseconds.
    pub elapsed_ms: u64,
    /// Since when nothing can be seen, and why.
    pub blind: Option<Blind>,
}

impl Clock {
    /// A clock whose step has reached its weight at this time.
    pub fn start(now: Timestamp) -> Self {
        Self { since: now, reached_at: Some(now), seen_at: None, elapsed_ms: 0, blind: None }
    }

    /// How long the step has been seen.
    pub fn elapsed(&self) -> Duration {
        Duration::from_millis(self.elapsed_ms)
    }

    /// The next step has reached its weight.
    pub fn restart(&mut self, now: Timestamp) {
        self.since = now;
        self.reached_at = Some(now);
        self.elapsed_ms = 0;
    }

    /// Whether a gap has lasted so long that it counts.
    pub(super) fn lasts(&self, now: Timestamp, interval: Duration) -> bool {
        let last = [self.seen_at, self.reached_at, Some(self.since)].into_iter().flatten().max().unwrap_or(self.since);
        let patience = patience(interval);
        self.blind.is_some() || now.duration_since(last) > SignedDuration::try_from(patience).unwrap_or_default()
    }

    /// Nothing can be seen. The same reason keeps its first words: which of two quiet versions is named changes with
    /// every scrape.
    pub fn lose_sight(&mut self, now: Timestamp, gap: &Gap) {
        if self.blind.as_ref().is_some_and(|blind| blind.reason == gap.reason) {
            return;
        }
        let since = self.blind.as_ref().map_or(MicroTime(now), |blind| blind.since.clone());
        self.blind = Some(Blind { since, reason: gap.reason.to_owned(), message: gap.message.clone() });
    }

    /// Something new was seen.
    pub(super) fn see(&mut self, now: Timestamp, interval: Duration) {
        let last = self.seen_at.into_iter().chain(self.reached_at).max();
        // What comes after a quiet time tells of that time as well; what comes after an outage does not count for it.
        let seen = self.blind.as_ref().is_none_or(|blind| gap::is_quiet(&blind.reason));
        if let Some(last) = last.filter(|_| seen && self.reached_at.is_some()) {
            let cap = patience(interval);
            let passed = Duration::try_from(now.duration_since(last)).unwrap_or_default().min(cap);
            self.elapsed_ms += u64::try_from(passed.as_millis()).unwrap_or(0);
        }
        self.blind = None;
        self.seen_at = Some(now);
    }
}

/// How long nothing new may come before it counts: three intervals, and never less than three scrapes of 30 s.
fn patience(interval: Duration) -> Duration {
    (interval * QUIET_INTERVALS).max(QUIET_AT_LEAST)
}
