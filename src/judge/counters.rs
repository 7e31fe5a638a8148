//! From raw counters to the counts of one interval. Differences are taken here and not by the provider: `increase()`
//! extrapolates and gives no whole numbers.
//!
//! Rules: a counter that went down has been reset and counts from 0. A new series counts from 0 if what it belongs to
//! started during the run, or if the source's requests were counted before and only its error series is new (error
//! counters appear with the first error); otherwise its first sample is the base. A series that vanishes keeps its
//! base, so that a scrape that was missed is made up for. While one arm can't be read, the other arm's counts are held
//! and merged into the next interval that has both: the arms are only ever compared over the same time. All of this
//! is done for each pod and stratum by itself.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::counts::Counts;
use super::keyed::{self, SeriesKey};
use super::state::{StateError, StateKind};
use super::tick::{PodCounts, Tick};

/// As many pods of an arm are held one by one while the other arm can't be read.
const MOST_HELD: usize = 256;

/// One raw counter at one look.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// What tells the counter's source from others over the whole run, the pod for example. The requests and the
    /// errors of one source must have the same name; samples of the same name are added up.
    pub series: String,
    /// The pod that the counter belongs to; empty when it isn't known. A pod may have several counters.
    pub pod: String,
    /// What else the versions are compared within, the route for example; empty when there is no such split.
    pub stratum: String,
    /// The counter's value.
    pub value: f64,
    /// Whether the source started after the run did, so that its counter began at 0 within the run.
    pub started_in_run: bool,
}

/// The counters of one arm, read at the same time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ArmSamples {
    /// Request counters.
    pub requests: Vec<Sample>,
    /// Error counters; none while there are requests means that there were no errors.
    pub errors: Vec<Sample>,
}

/// What one look read. An arm is `None` when it could not be read whole: a query failed, gave a part, or no series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    /// The canary's counters.
    pub canary: Option<ArmSamples>,
    /// The stable version's counters.
    pub stable: Option<ArmSamples>,
    /// The time of the look, in seconds since any begin that stays the same; none where it is not known.
    pub at: Option<f64>,
}

/// What a look came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reading {
    /// Both arms had requests: the counts since the last look that had both.
    Counted(Counts),
    /// Both arms were read, and the canary had no requests.
    NoCanaryTraffic,
    /// Both arms were read, and only the stable version had no requests.
    NoStableTraffic,
    /// The canary could not be read; the stable version's counts are held.
    CanaryMissing,
    /// The stable version could not be read; the canary's counts are held.
    StableMissing,
    /// Neither arm could be read.
    BothMissing,
    /// Counters were seen for the first time; differences begin with the next look.
    FirstSight,
}

/// The counters as last seen, and the counts that wait for the other arm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CounterState {
    canary: ArmCounters,
    stable: ArmCounters,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    held_canary: Vec<PodCounts>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    held_stable: Vec<PodCounts>,
    /// The last look at which requests of both arms were counted, or the first one; a look that counts nothing must leave
    /// no trace.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<f64>,
    /// Whether both arms have been counted together: before that there is no common time to hold counts for.
    paired: bool,
}

/// The counters of one arm as last seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
struct ArmCounters {
    requests: BTreeMap<SeriesKey, f64>,
    errors: BTreeMap<SeriesKey, f64>,
}

/// What one look at the counters came to.
#[derive(Clone, Debug, PartialEq)]
pub struct CounterLook {
    /// Counts, or why there were none.
    pub reading: Reading,
    /// The counts of each pod, where there were any.
    pub tick: Option<Tick>,
    /// Samples that were dropped because they were negative, infinite or not numbers.
    pub dropped: u64,
}

#[derive(Default)]
struct ArmDelta {
    /// By stratum and pod, so that sums are taken in the same order at each replay.
    pods: BTreeMap<(String, String), (f64, f64)>,
    /// Whether any series had a base to count from.
    counted: bool,
}

#[derive(Clone, Copy)]
struct Current<'a> {
    value: f64,
    started_in_run: bool,
    pod: &'a str,
    stratum: &'a str,
}

impl CounterState {
    /// Takes what one look read.
    pub fn look(&mut self, samples: &Samples) -> CounterLook {
        let mut dropped = 0;
        let canary = samples.canary.as_ref().and_then(|arm| self.canary.take(arm, &mut dropped));
        let stable = samples.stable.as_ref().and_then(|arm| self.stable.take(arm, &mut dropped));
        let (reading, tick) = self.pair(canary, stable, samples.at);
        CounterLook { reading, tick, dropped }
    }

    fn pair(&mut self, canary: Option<ArmDelta>, stable: Option<ArmDelta>, at: Option<f64>) -> (Reading, Option<Tick>) {
        let (canary, stable) = match (canary, stable) {
            (Some(canary), Some(stable)) => (canary, stable),
            (canary, stable) => {
                let reading = match (&canary, &stable) {
                    (Some(_), _) => Reading::StableMissing,
                    (_, Some(_)) => Reading::CanaryMissing,
                    _ => Reading::BothMissing,
                };
                if self.paired {
                    hold(&mut self.held_canary, canary);
                    hold(&mut self.held_stable, stable);
                }
                return (reading, None);
            }
        };
        let held = (std::mem::take(&mut self.held_canary), std::mem::take(&mut self.held_stable));
        if !(canary.counted && stable.counted) {
            self.at = self.at.or(at);
            return (Reading::FirstSight, None);
        }
        let seconds = at.zip(self.at).map(|(at, before)| at - before).filter(|seconds| *seconds > 0.0);
        let tick = Tick { canary: canary.with(held.0), stable: stable.with(held.1), seconds };
        let counts = tick.totals();
        if counts.canary_requests <= 0.0 {
            (Reading::NoCanaryTraffic, None)
        } else if counts.stable_requests <= 0.0 {
            (Reading::NoStableTraffic, None)
        } else {
            self.at = at;
            self.paired = true;
            (Reading::Counted(counts), Some(tick))
        }
    }
}

/// Adds what an arm counted to what waits for the other arm. The pods of a large arm are not told apart any more then:
/// their sum is what is compared, and their names would fill the status.
fn hold(held: &mut Vec<PodCounts>, delta: Option<ArmDelta>) {
    let Some(delta) = delta else { return };
    *held = delta.with(std::mem::take(held));
    held.retain(|pod| pod.requests > 0.0 || pod.events > 0.0);
    if held.len() > MOST_HELD {
        let mut strata: BTreeMap<String, PodCounts> = BTreeMap::new();
        for PodCounts { stratum, requests, events, .. } in std::mem::take(held) {
            let sum = strata.entry(stratum.clone()).or_insert_with(|| PodCounts { stratum, ..PodCounts::default() });
            sum.requests += requests;
            sum.events += events;
        }
        *held = strata.into_values().collect();
    }
}

impl ArmDelta {
    fn of(&mut self, current: Current<'_>) -> &mut (f64, f64) {
        self.pods.entry((current.stratum.to_owned(), current.pod.to_owned())).or_default()
    }

    /// The counts of each pod, with those that were held.
    fn with(mut self, held: Vec<PodCounts>) -> Vec<PodCounts> {
        for PodCounts { pod, stratum, requests, events } in held {
            let sum = self.pods.entry((stratum, pod)).or_default();
            sum.0 += requests;
            sum.1 += events;
        }
        let counts = |((stratum, pod), (requests, events))| PodCounts { pod, stratum, requests, events };
        self.pods.into_iter().map(counts).collect()
    }
}

impl ArmCounters {
    /// The differences to the last look; none when there is no request counter at all.
    fn take(&mut self, samples: &ArmSamples, dropped: &mut u64) -> Option<ArmDelta> {
        let requests = sum_by_series(&samples.requests, dropped);
        let errors = sum_by_series(&samples.errors, dropped);
        if requests.is_empty() {
            return None;
        }
        let mut delta = ArmDelta::default();
        // Errors first: their rules look at the requests of the look before.
        for (series, current) in &errors {
            if let Some(base) = self.error_base(series, *current, &requests) {
                delta.of(*current).1 += difference(base, current.value);
            }
            self.errors.insert(SeriesKey::of(series), current.value);
        }
        for (series, current) in &requests {
            let key = SeriesKey::of(series);
            let known = self.requests.get(&key).copied();
            if known.is_some_and(|base| current.value < base) && !errors.contains_key(series) {
                self.errors.remove(&key);
            }
            if let Some(base) = known.or(current.started_in_run.then_some(0.0)) {
                delta.of(*current).0 += difference(base, current.value);
                delta.counted = true;
            }
            self.requests.insert(key, current.value);
        }
        Some(delta)
    }

    /// From where a source's errors count: a source whose requests were reset has had its errors reset with them, even
    /// where the error counter has grown past its old value since.
    fn error_base(&self, series: &str, current: Current<'_>, requests: &BTreeMap<&str, Current<'_>>) -> Option<f64> {
        let key = SeriesKey::of(series);
        let requests_before = self.requests.get(&key);
        let was_reset = requests_before.zip(requests.get(series)).is_some_and(|(before, now)| now.value < *before);
        if was_reset {
            return Some(0.0);
        }
        let began_at_zero = current.started_in_run || requests_before.is_some();
        self.errors.get(&key).copied().or(began_at_zero.then_some(0.0))
    }
}

impl From<ArmCounters> for String {
    fn from(ArmCounters { requests, errors }: ArmCounters) -> Self {
        let keys: BTreeSet<SeriesKey> = requests.keys().chain(errors.keys()).copied().collect();
        let of = |key| (key, [requests.get(&key).copied(), errors.get(&key).copied()]);
        keyed::encode(StateKind::Counters, keys.into_iter().map(of))
    }
}

impl TryFrom<String> for ArmCounters {
    type Error = StateError;

    fn try_from(text: String) -> Result<Self, StateError> {
        let mut arm = Self::default();
        for (key, numbers) in keyed::decode(StateKind::Counters, &text)? {
            let [requests, errors] = numbers[..] else {
                return Err(StateError::WrongLength { expected: 2, found: numbers.len() });
            };
            arm.requests.extend(requests.map(|value| (key, value)));
            arm.errors.extend(errors.map(|value| (key, value)));
        }
        Ok(arm)
    }
}

/// The growth of a counter between two samples; a counter that went down has been reset.
pub fn difference(previous: f64, current: f64) -> f64 {
    if current >= previous { current - previous } else { current }
}

/// Sorted by name, so that sums are taken in the same order at each replay.
fn sum_by_series<'a>(samples: &'a [Sample], dropped: &mut u64) -> BTreeMap<&'a str, Current<'a>> {
    let mut sums: BTreeMap<&str, Current<'_>> = BTreeMap::new();
    for Sample { series, pod, stratum, value, started_in_run } in samples {
        if !value.is_finite() || *value < 0.0 {
            *dropped += 1;
            continue;
        }
        sums.entry(series)
            .and_modify(|sum| {
                sum.value += value;
                sum.started_in_run &= started_in_run;
            })
            .or_insert(Current { value: *value, started_in_run: *started_in_run, pod, stratum });
    }
    sums
}

#[cfg(test)]
mod tests;
