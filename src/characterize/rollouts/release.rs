//! A release, and the traffic that shows what it is like.

use super::super::stream::Stream;
use super::super::traffic::{Course, Latencies, Slowness};
use crate::judge::Counts;

/// A release of a service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Release {
    /// Requests per second of both versions together.
    pub requests_per_second: f64,
    /// The stable version's error rate over time; the course ends after a day.
    pub stable_rate: Course,
    /// The new version's rate is so many times as high.
    pub ratio: f64,
    /// What the new version does to latencies.
    pub slowness: Slowness,
}

/// What the requests of a rollout have shown so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Arms {
    /// Errors of the canary beyond those that the stable version would have had.
    pub excess_errors: f64,
}

/// The time over which courses run, in seconds.
const DAY: f64 = 86_400.0;

impl Release {
    /// 100 requests a second, 0.5 % errors, and a new version that is no worse.
    pub const GOOD: Self = Self {
        requests_per_second: 100.0,
        stable_rate: Course::Constant(0.005),
        ratio: 1.0,
        slowness: Slowness::All(1.0),
    };

    /// The stable version's error rate at a second.
    pub fn stable_rate_at(&self, second: f64) -> f64 {
        self.stable_rate.at(second, DAY)
    }

    /// Latencies as the judge and the comparators read them.
    pub fn latencies(&self) -> Latencies {
        Latencies { canary: self.slowness, ..Latencies::USUAL }
    }
}

impl Arms {
    /// Draws the counts of one tick that begins at `second` and lasts `seconds`, with the canary at `weight`.
    pub fn draw(&mut self, release: &Release, second: f64, seconds: f64, weight: f64, stream: &mut Stream) -> Counts {
        let requests = release.requests_per_second * seconds;
        let stable_rate = release.stable_rate_at(second);
        let canary_rate = (stable_rate * release.ratio).min(1.0);
        let mut arm = |requests: f64, rate: f64| {
            let errors = stream.poisson(requests * rate);
            (errors + stream.poisson(requests * (1.0 - rate)), errors)
        };
        let (canary_requests, canary_errors) = arm(requests * weight, canary_rate);
        let (stable_requests, stable_errors) = arm(requests * (1.0 - weight), stable_rate);
        self.excess_errors += canary_errors - canary_requests * stable_rate;
        Counts { canary_requests, stable_requests, canary_errors, stable_errors }
    }
}
