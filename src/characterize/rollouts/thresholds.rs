//! Rollouts by fixed thresholds on the canary alone: a check each minute, and a number of failed checks that rolls back.

use super::super::comparators::FailedChecks;
use super::super::stream::Stream;
use super::{Arms, Ending, Release};

/// Seconds between two checks.
const CHECK_SECONDS: f64 = 60.0;
/// A check fails above this error rate,
const ERROR_LIMIT: f64 = 0.01;
/// or above this 99th percentile in milliseconds.
const LATENCY_LIMIT: f64 = 500.0;

/// When the weight is raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// As Flagger does: 5 % more after each check that passes, up to 50 %; a check that fails holds the weight.
    EachCheck,
    /// As Argo Rollouts does with an analysis in the background: 5, 10, 25, 50 %, five minutes each.
    Pauses,
}

const PAUSED_WEIGHTS: [f64; 4] = [0.05, 0.1, 0.25, 0.5];
const PAUSE_CHECKS: usize = 5;
const RAISES: usize = 10;

/// One rollout, which is rolled back with the `fails`-th failed check.
pub fn by_thresholds(release: &Release, schedule: Schedule, fails: u32, stream: &mut Stream) -> Ending {
    let mut arms = Arms::default();
    let mut latency = release.latencies().canary();
    let mut checks = FailedChecks::default();
    let (mut passed, mut made, mut second) = (0, 0, 0.0);
    loop {
        let weight = match schedule {
            Schedule::EachCheck => (passed + 1) as f64 / (2 * RAISES) as f64,
            Schedule::Pauses => PAUSED_WEIGHTS[made / PAUSE_CHECKS],
        };
        let counts = arms.draw(release, second, CHECK_SECONDS, weight, stream);
        latency.draw(release.requests_per_second * weight * CHECK_SECONDS, 1.0, stream);
        second += CHECK_SECONDS;
        let p99 = latency.tick_histogram().and_then(|histogram| histogram.quantile(0.99));
        let failed =
            counts.canary_errors > ERROR_LIMIT * counts.canary_requests || p99.is_some_and(|p99| p99 > LATENCY_LIMIT);
        if checks.check(failed) >= fails {
            return Ending::RolledBack { at: second, excess_errors: arms.excess_errors };
        }
        made += 1;
        passed += usize::from(!failed);
        let done = match schedule {
            Schedule::EachCheck => passed == RAISES,
            Schedule::Pauses => made == PAUSED_WEIGHTS.len() * PAUSE_CHECKS,
        };
        if done {
            return Ending::Promoted(second);
        }
    }
}
