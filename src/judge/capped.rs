//! Counts capped per pod and tick, so that rare violent bursts of one pod don't make a service's evidence blind.
//!
//! Taming such a service by its dispersion alone would take hours to find a fourfold error rate. A cap that ordinary
//! counts hardly ever reach takes the bursts out of both arms alike, and leaves a regression of all pods as it is:
//! "the canary's pods are no worse than the stable ones" stays the claim.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::baseline::{Cap, Capping};
use super::counts::Counts;
use super::tick::{PodCounts, Tick};

/// The part of an ordinary count that a cap must leave, on average.
const KEPT: f64 = 0.97;
/// Above this mean a cap at the mean leaves more than 98 %, and the sum of probabilities below would run out of range.
const LARGE_MEAN: f64 = 700.0;

/// The smallest whole number at which a Poisson count of mean `mean` keeps 97 % of its mean when it is cut off there;
/// at least 1.
pub fn cap_for(mean: f64) -> f64 {
    if mean.is_nan() || mean <= 0.0 {
        return 1.0;
    }
    if mean > LARGE_MEAN {
        return mean.ceil();
    }
    // E[min(X, c)] is the sum of P(X >= k) for k from 1 to c.
    let (mut cap, mut kept) = (0.0, 0.0);
    let mut chance = (-mean).exp();
    let mut at_most = chance;
    loop {
        kept += (1.0 - at_most).max(0.0);
        cap += 1.0;
        // The sum can't get closer to the mean than rounding allows; by then the cap is far above it.
        if kept >= KEPT * mean || cap > 2.0 * LARGE_MEAN {
            return cap;
        }
        chance *= mean / cap;
        at_most += chance;
    }
}

/// Pods whose traffic differs by no more than this factor are alike.
const ALIKE: f64 = 1.25;
/// Units whose traffic differs by more than this factor can't be capped alike.
const TOO_DIFFERENT: f64 = 1.5;

/// The traffic that the pods of both arms have had since the step began, to tell how large they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PodTraffic {
    canary: ArmTraffic,
    stable: ArmTraffic,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
struct ArmTraffic {
    requests: f64,
    /// Pods with traffic, summed over ticks.
    pod_ticks: f64,
}

/// How pods are put together, so that what is capped has like traffic in both arms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Units {
    canary_pods: f64,
    stable_pods: f64,
    /// The traffic of a unit relative to that of a pod in the history, where they aren't alike.
    scale: Option<f64>,
}

impl PodTraffic {
    /// Takes the traffic of one tick.
    pub fn add(&mut self, tick: &Tick) {
        // Another weight, or a tick of another length: what was known says nothing about this one.
        if !(self.canary.is_like(&tick.canary) && self.stable.is_like(&tick.stable)) {
            *self = Self::default();
        }
        self.canary.add(&tick.canary);
        self.stable.add(&tick.stable);
    }

    /// How the pods of this tick are put together; none where no way gives units of like traffic, for instance when a
    /// single stable pod has nine times the traffic of a single canary pod.
    ///
    /// A cap is hit by large units more often than by small ones, so unlike units would make equal arms look different.
    pub fn units(&self, tick: &Tick, capping: &Capping) -> Option<Units> {
        let (canary, stable) = (self.canary.mean()?, self.stable.mean()?);
        let noise = 2.0 * (1.0 / self.canary.requests + 1.0 / self.stable.requests).sqrt();
        let (mut canary_pods, mut stable_pods) = (1.0, 1.0);
        if differs(canary, stable, noise) {
            if canary > stable {
                stable_pods = (canary / stable).round();
            } else {
                canary_pods = (stable / canary).round();
            }
        }
        let enough = count(&tick.canary) >= canary_pods && count(&tick.stable) >= stable_pods;
        let (canary_unit, stable_unit) = (canary * canary_pods, stable * stable_pods);
        let alike = (canary_unit / stable_unit).ln().abs() <= TOO_DIFFERENT.ln() + noise;
        let traffic = canary_unit.max(stable_unit);
        let scale = differs(traffic, capping.requests, noise).then(|| traffic / capping.requests);
        (enough && alike && scale.is_none_or(f64::is_finite)).then_some(Units { canary_pods, stable_pods, scale })
    }
}

impl ArmTraffic {
    fn add(&mut self, pods: &[PodCounts]) {
        self.requests += pods.iter().map(|pod| pod.requests).sum::<f64>();
        self.pod_ticks += count(pods);
    }

    /// Whether the pods of a tick have the traffic that is known, as far as chance lets that be told.
    fn is_like(&self, pods: &[PodCounts]) -> bool {
        let mut tick = Self::default();
        tick.add(pods);
        let noise = 2.0 * (1.0 / self.requests + 1.0 / tick.requests).sqrt();
        self.mean().zip(tick.mean()).is_none_or(|(known, now)| !differs(now, known, noise))
    }

    fn mean(&self) -> Option<f64> {
        (self.requests > 0.0 && self.pod_ticks > 0.0).then(|| self.requests / self.pod_ticks)
    }
}

impl Units {
    /// The counts of each stratum with the events of each unit cut off at the cap. What is cut off is taken from all
    /// strata of a unit in proportion.
    pub fn capped(&self, tick: &Tick, cap: &Cap) -> Vec<Counts> {
        let cap = self.scale.map_or(cap.cap, |scale| cap_for(cap.fits * scale));
        let canary = unit_events(&tick.canary, self.canary_pods);
        let stable = unit_events(&tick.stable, self.stable_pods);
        let kept = |unit: f64, pod: &PodCounts| if unit > cap { pod.events * cap / unit } else { pod.events };
        tick.strata(|position, pod| kept(canary[position], pod), |position, pod| kept(stable[position], pod))
    }
}

/// For each entry, the events of the unit that its pod belongs to.
fn unit_events(pods: &[PodCounts], pods_per_unit: f64) -> Vec<f64> {
    let mut names: Vec<&str> = pods.iter().filter(|pod| pod.requests > 0.0).map(|pod| pod.pod.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let most = names.len().max(1);
    let units = (1..=most).rev().find(|units| *units as f64 * pods_per_unit <= most as f64 + 0.5).unwrap_or(1);
    // Pods without requests have hardly any events; they go to the unit that would be theirs.
    let unit = |pod: &PodCounts| names.partition_point(|name| *name < pod.pod.as_str()) % units;
    let mut events = vec![0.0; units];
    for pod in pods {
        events[unit(pod)] += pod.events;
    }
    pods.iter().map(|pod| events[unit(pod)]).collect()
}

/// Pods that have traffic.
fn count(pods: &[PodCounts]) -> f64 {
    let mut names: Vec<&str> = pods.iter().filter(|pod| pod.requests > 0.0).map(|pod| pod.pod.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.len() as f64
}

fn differs(one: f64, other: f64, noise: f64) -> bool {
    (one / other).ln().abs() > ALIKE.ln() + noise
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPPING: Capping = {
        let cap = Cap { fits: 1.0, cap: 3.0, kappa: 1.0, dispersion: 1.0 };
        Capping { events: 0.5, requests: 100.0, harm: cap, safe: [cap; 8] }
    };

    fn pods(count: u32, requests: f64, events: f64) -> Vec<PodCounts> {
        (0..count).map(|pod| PodCounts { pod: pod.to_string(), stratum: String::new(), requests, events }).collect()
    }

    fn units(tick: &Tick, ticks: u32) -> Option<Units> {
        let mut traffic = PodTraffic::default();
        for _ in 0..ticks {
            traffic.add(tick);
        }
        traffic.units(tick, &CAPPING)
    }

    #[test]
    fn small_pods_are_put_together_until_they_have_the_traffic_of_a_large_one() {
        let tick = Tick { canary: pods(2, 500.0, 9.0), stable: pods(20, 100.0, 2.0), seconds: None };
        let units = units(&tick, 10).unwrap();
        assert_eq!(units, Units { canary_pods: 1.0, stable_pods: 5.0, scale: Some(5.0) });
        // Five times the traffic of a pod in the history: the cap fits a mean of 5, which is 8; two canary pods of nine
        // events and four units of ten are cut off there.
        let capped = units.capped(&tick, &CAPPING.harm);
        assert!((capped[0].canary_errors - 16.0).abs() < 1e-12, "{capped:?}");
        assert!((capped[0].stable_errors - 32.0).abs() < 1e-9, "{capped:?}");
    }

    #[test]
    fn pods_are_put_together_by_the_traffic_that_they_have_now() {
        let mut traffic = PodTraffic::default();
        for _ in 0..50 {
            traffic.add(&Tick { canary: pods(6, 900.0, 9.0), stable: pods(6, 100.0, 1.0), seconds: None });
        }
        // Another weight, and a look that was missed: six times the requests, shared equally.
        let long = Tick { canary: pods(6, 2000.0, 20.0), stable: pods(6, 2000.0, 20.0), seconds: None };
        traffic.add(&long);
        let units = traffic.units(&long, &CAPPING).unwrap();
        assert_eq!(units, Units { canary_pods: 1.0, stable_pods: 1.0, scale: Some(20.0) });
        let capped = units.capped(&long, &CAPPING.harm)[0];
        assert!((capped.canary_errors - capped.stable_errors).abs() < 1e-9, "{capped:?}");
    }

    #[test]
    fn chance_alone_puts_no_pods_together() {
        let tick = Tick { canary: pods(2, 6.0, 0.0), stable: pods(8, 9.0, 0.0), seconds: None };
        let alike = Units { canary_pods: 1.0, stable_pods: 1.0, scale: None };
        let capping = Capping { requests: 8.0, ..CAPPING };
        let mut traffic = PodTraffic::default();
        traffic.add(&tick);
        assert_eq!(traffic.units(&tick, &capping), Some(alike));
    }

    #[test]
    fn pods_that_can_not_be_made_alike_are_not_capped() {
        let tick = Tick { canary: pods(1, 100.0, 0.0), stable: pods(1, 900.0, 0.0), seconds: None };
        assert_eq!(units(&tick, 10), None);
    }

    #[test]
    fn a_pod_is_capped_once_whatever_the_strata_of_its_events() {
        let entry =
            |stratum: &str, events: f64| PodCounts { pod: "a".into(), stratum: stratum.into(), requests: 50.0, events };
        let tick =
            Tick { canary: vec![entry("/buy", 10.0), entry("/look", 5.0)], stable: pods(3, 100.0, 1.0), seconds: None };
        let capped = units(&tick, 10).unwrap().capped(&tick, &CAPPING.harm);
        let events: Vec<f64> = capped.iter().map(|counts| counts.canary_errors).collect();
        assert_eq!(events, [0.0, 2.0, 1.0], "the stable pods are in the stratum without a name");
    }

    #[test]
    fn a_cap_keeps_nearly_all_of_an_ordinary_count() {
        let caps = [0.0, 0.05, 0.4, 4.0, 100.0, 5000.0].map(cap_for);
        assert_eq!(caps.map(f64::to_bits), [1.0, 1.0, 2.0, 7.0, 103.0, 5000.0].map(f64::to_bits));
    }

    #[test]
    fn no_mean_is_capped_below_what_it_must_keep() {
        for tenth in 1..10_000 {
            let mean = f64::from(tenth) / 10.0;
            assert!(cap_for(mean) >= KEPT * mean, "{mean}");
        }
    }
}
