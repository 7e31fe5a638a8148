//! Which of the canary's pods is out of line with the others. No comparison of the versions can tell a bad node from a
//! bad release; this can, once the canary has two pods.
//!
//! If the pods are alike, each event belongs to a pod with a chance equal to the pod's part of the canary's requests in
//! that tick. Against that stands "this pod has some other part of the events, always the same", with Jeffreys' prior
//! on the part. The ratio of the two likelihoods is an e-process, exact at any number of looks.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::function::beta::ln_beta;

use super::combine::log_threshold;
use super::tick::Tick;

/// Chance that any pod is ever called out of line while all are alike.
const LEVEL: f64 = 0.05;
/// A pod whose rate is within this factor of the others' is never called out of line, however sure the difference is.
const NOTABLE: f64 = 1.5;
/// Pods beyond this many are not followed: the state has a limit, and a canary has few pods.
const MOST_PODS: usize = 64;

/// What the canary's pods have shown since the run began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PodWatch {
    pods: BTreeMap<String, PodSums>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
struct PodSums {
    requests: f64,
    events: f64,
    /// Of the ticks in which other pods had requests, too: this pod's requests and events, all of the canary's events,
    /// and the other pods' requests.
    compared_requests: f64,
    own: f64,
    all: f64,
    others_requests: f64,
    /// Log likelihood of these if the pods are alike.
    log_alike: f64,
}

/// One of the canary's pods since the run began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodReport {
    /// The pod's name.
    pub pod: String,
    /// Requests.
    pub requests: f64,
    /// Errors, or whatever is counted.
    pub events: f64,
    /// The rate of the canary's other pods in the same ticks; none for a pod that was never there with another.
    pub others_rate: Option<f64>,
    /// Evidence that this pod differs from the others, as the logarithm of an e-value.
    pub log_different: f64,
    /// Whether the pod is out of line with the others, on the worse side.
    pub out_of_line: bool,
}

impl PodWatch {
    /// Takes one tick. Without the names of the pods it changes nothing.
    pub fn update(&mut self, tick: &Tick) {
        if !tick.knows_pods() {
            return;
        }
        let mut counts: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for pod in &tick.canary {
            let sum = counts.entry(&pod.pod).or_default();
            sum.0 += pod.requests;
            sum.1 += pod.events;
        }
        let requests: f64 = counts.values().map(|(requests, _)| requests).sum();
        let events: f64 = counts.values().map(|(_, events)| events).sum();
        for (pod, (own_requests, own_events)) in counts {
            if !self.pods.contains_key(pod) && self.pods.len() >= MOST_PODS {
                continue;
            }
            let sums = self.pods.entry(pod.to_owned()).or_default();
            sums.requests += own_requests;
            sums.events += own_events;
            let share = own_requests / requests;
            if own_requests > 0.0 && share < 1.0 {
                let others = events - own_events;
                sums.compared_requests += own_requests;
                sums.own += own_events;
                sums.all += events;
                sums.others_requests += requests - own_requests;
                sums.log_alike += own_events * share.ln() + others * (-share).ln_1p();
            }
        }
    }

    /// Pearson's statistic of the pods' parts of the canary's events, over its degrees of freedom: about 1 when the pods
    /// are alike and errors come one by one. None with fewer than two pods, or without events.
    pub fn spread(&self) -> Option<f64> {
        let compared = || self.pods.values().filter(|sums| sums.compared_requests > 0.0);
        let requests: f64 = compared().map(|sums| sums.compared_requests).sum();
        let events: f64 = compared().map(|sums| sums.own).sum();
        let pods = compared().count();
        if pods < 2 || events <= 0.0 {
            return None;
        }
        let parts = compared().map(|sums| {
            let expected = events * sums.compared_requests / requests;
            (sums.own - expected).powi(2) / expected
        });
        Some(parts.sum::<f64>() / (pods - 1) as f64)
    }

    /// All pods in the order of their names. `dispersion` is that of the service's raw counts, by which the evidence
    /// is tempered: a burst is no bad pod.
    pub fn report(&self, dispersion: f64, lower_is_worse: bool) -> Vec<PodReport> {
        let threshold = log_threshold(LEVEL / self.pods.len().max(1) as f64);
        let report = |(pod, sums): (&String, &PodSums)| {
            let others = sums.all - sums.own;
            let others_rate = (sums.others_requests > 0.0).then(|| others / sums.others_requests);
            let log_different = sums.log_different() / dispersion;
            let rate = sums.events / sums.requests;
            let worse = others_rate
                .is_some_and(|others| if lower_is_worse { rate * NOTABLE < others } else { rate > others * NOTABLE });
            PodReport {
                pod: pod.clone(),
                requests: sums.requests,
                events: sums.events,
                others_rate,
                log_different,
                out_of_line: worse && log_different >= threshold,
            }
        };
        self.pods.iter().map(report).collect()
    }
}

impl PodSums {
    fn log_different(&self) -> f64 {
        if self.all <= 0.0 {
            return 0.0;
        }
        ln_beta(self.own + 0.5, self.all - self.own + 0.5) - ln_beta(0.5, 0.5) - self.log_alike
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::PodCounts;

    fn tick(events: &[f64]) -> Tick {
        let pod = |(index, events): (usize, &f64)| PodCounts {
            pod: format!("web-{index}"),
            stratum: String::new(),
            requests: 100.0,
            events: *events,
        };
        let canary = events.iter().enumerate().map(pod).collect();
        Tick { canary, stable: vec![], seconds: None }
    }

    fn called(ticks: &[Tick], dispersion: f64) -> Vec<String> {
        let mut watch = PodWatch::default();
        for tick in ticks {
            watch.update(tick);
        }
        let pods = watch.report(dispersion, false).into_iter();
        pods.filter(|pod| pod.out_of_line).map(|pod| pod.pod).collect()
    }

    #[test]
    fn a_bad_pod_of_three_is_named() {
        assert_eq!(called(&[tick(&[0.0, 12.0, 1.0])], 1.0), ["web-1"]);
    }

    #[test]
    fn a_pod_that_is_better_than_the_others_is_not_called_out_of_line() {
        assert!(called(&[tick(&[0.0, 12.0, 12.0]), tick(&[0.0, 12.0, 12.0])], 1.0).is_empty());
    }

    #[test]
    fn where_bursts_are_ordinary_one_burst_is_no_bad_pod() {
        let burst = [tick(&[0.0, 12.0, 1.0])];
        assert!(called(&burst, 10.0).is_empty());
    }

    #[test]
    fn a_single_pod_has_no_others_to_be_compared_with() {
        let mut watch = PodWatch::default();
        watch.update(&tick(&[50.0]));
        let report = watch.report(1.0, false);
        assert_eq!(report[0].others_rate, None);
        assert!(!report[0].out_of_line && report[0].log_different.abs() < 1e-12, "{report:?}");
    }

    /// All courses of eight events over two pods, weighted with their chances: one coin is worth one coin.
    #[test]
    fn while_the_pods_are_alike_the_evidence_is_a_fair_game() {
        let mut worth = 0.0;
        for course in 0..256u32 {
            let mut watch = PodWatch::default();
            for event in 0..8 {
                let first = f64::from(course >> event & 1);
                watch.update(&tick(&[first, 1.0 - first]));
            }
            worth += watch.report(1.0, false)[0].log_different.exp() / 256.0;
        }
        assert!((worth - 1.0).abs() < 1e-9, "{worth}");
    }
}
