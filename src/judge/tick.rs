//! What one tick showed of each pod.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::counts::Counts;

/// What one pod counted in one tick, within one stratum.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
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
    /// How long it lasted, in seconds; where nobody says, it is taken to be as long as the ticks of the history.
    pub seconds: Option<f64>,
}

impl Tick {
    /// A tick in which pods aren't told apart.
    pub fn whole(counts: &Counts) -> Self {
        let arm = |requests, events| vec![PodCounts { requests, events, ..PodCounts::default() }];
        Self {
            canary: arm(counts.canary_requests, counts.canary_errors),
            stable: arm(counts.stable_requests, counts.stable_errors),
            seconds: None,
        }
    }

    /// Whether every pod of both arms is known by its name.
    pub fn knows_pods(&self) -> bool {
        self.canary.iter().chain(&self.stable).all(|pod| !pod.pod.is_empty())
    }

    /// The counts of each stratum, in the order of their names, with what `canary` and `stable` say
    /// of the events of the pod at that position.
    pub(super) fn strata(
        &self,
        canary: impl Fn(usize, &PodCounts) -> f64,
        stable: impl Fn(usize, &PodCounts) -> f64,
    ) -> Vec<Counts> {
        let mut strata: BTreeMap<&str, Counts> = BTreeMap::new();
        for (position, pod) in self.canary.iter().enumerate() {
            let counts = strata.entry(&pod.stratum).or_default();
            counts.canary_requests += pod.requests;
            counts.canary_errors += canary(position, pod);
        }
        for (position, pod) in self.stable.iter().enumerate() {
            let counts = strata.entry(&pod.stratum).or_default();
            counts.stable_requests += pod.requests;
            counts.stable_errors += stable(position, pod);
        }
        strata.into_values().collect()
    }

    /// The counts of each stratum as they are.
    pub fn raw_strata(&self) -> Vec<Counts> {
        self.strata(|_, pod| pod.events, |_, pod| pod.events)
    }

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
