//! What one tick showed of each pod.

use super::counts::Counts;

/// What one pod counted in one tick, within one stratum.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodCounts {
    /// The pod's name; empty when it isn't known.
    pub pod: String,
    /// What else the versions are compared within; empty when there is no such split.
    pub stratum: String,
    /// Requests.
    pub requests: f64,
    /// Events among them: errors, say.
    pub events: f64,
}

/// The counts of both arms in the same time, each ordered by stratum and pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tick {
    /// The canary's pods.
    pub canary: Vec<PodCounts>,
    /// The stable version's pods.
    pub stable: Vec<PodCounts>,
}

impl Tick {
    /// All pods and strata together.
    pub fn totals(&self) -> Counts {
        let sum = |pods: &[PodCounts]| {
            pods.iter().fold((0.0, 0.0), |(requests, events), pod| (requests + pod.requests, events + pod.events))
        };
        let ((canary_requests, canary_errors), (stable_requests, stable_errors)) =
            (sum(&self.canary), sum(&self.stable));
        Counts { canary_requests, stable_requests, canary_errors, stable_errors }
    }
}
