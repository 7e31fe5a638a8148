//! A canary stage judged by Kayenta: 10 % of the traffic for 50 minutes (its manual asks for 50 values a metric), judged
//! each 10 minutes on all values so far; a metric that is called higher fails the stage.

use super::super::comparators::KayentaAtEachInterval;
use super::super::stream::Stream;
use super::{Arms, Ending, Release};

const WEIGHT: f64 = 0.1;
const VALUE_SECONDS: f64 = 60.0;
const VALUES: u32 = 50;
const INTERVAL: usize = 10;

/// One stage.
pub fn stage(release: &Release, stream: &mut Stream) -> Ending {
    let mut arms = Arms::default();
    let latencies = release.latencies();
    let mut latency = [latencies.canary(), latencies.stable()];
    let mut rules = [KayentaAtEachInterval::each(INTERVAL), KayentaAtEachInterval::each(INTERVAL)];
    for value in 1..=VALUES {
        let second = f64::from(value) * VALUE_SECONDS;
        let counts = arms.draw(release, second - VALUE_SECONDS, VALUE_SECONDS, WEIGHT, stream);
        let requests = release.requests_per_second * VALUE_SECONDS;
        for (latency, share) in latency.iter_mut().zip([WEIGHT, 1.0 - WEIGHT]) {
            latency.draw(requests * share, 1.0, stream);
        }
        let p99 = |arm: usize| latency[arm].tick_histogram().and_then(|histogram| histogram.quantile(0.99));
        // As percent: its root finder stops at an absolute error of 1e-4.
        let failed_errors = counts.is_informative()
            && rules[0].look(
                100.0 * counts.canary_errors / counts.canary_requests,
                100.0 * counts.stable_errors / counts.stable_requests,
            );
        let failed_latency = p99(0).zip(p99(1)).is_some_and(|(canary, stable)| rules[1].look(canary, stable));
        if failed_errors || failed_latency {
            return Ending::RolledBack { at: second, excess_errors: arms.excess_errors };
        }
    }
    Ending::Promoted(f64::from(VALUES) * VALUE_SECONDS)
}
