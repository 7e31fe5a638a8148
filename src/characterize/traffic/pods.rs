//! Errors by pod: pods have bursts of errors of their own, and clusters of errors hit one pod.

use super::super::stream::Stream;
use crate::judge::{self, Counts, PodCounts};

/// What one tick shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tick {
    /// The second at which it ends.
    pub end: f64,
    /// How long it lasts, in seconds.
    pub seconds: f64,
    /// Counts of both arms.
    pub counts: Counts,
    /// Errors of each pod; empty where series have no pod.
    pub pods: PodErrors,
}

impl Tick {
    /// The tick as the judge takes it.
    pub fn by_pod(&self) -> judge::Tick {
        let Counts { canary_requests, stable_requests, canary_errors, stable_errors } = self.counts;
        judge::Tick {
            canary: pod_counts(canary_requests, canary_errors, &self.pods.canary),
            stable: pod_counts(stable_requests, stable_errors, &self.pods.stable),
            seconds: Some(self.seconds),
        }
    }
}

/// The counts of an arm by pod, or as one where series have no pod.
pub(super) fn pod_counts(requests: f64, errors: f64, by_pod: &[f64]) -> Vec<PodCounts> {
    if by_pod.is_empty() {
        return vec![PodCounts { requests, events: errors, ..PodCounts::default() }];
    }
    let share = requests / by_pod.len() as f64;
    let counts = by_pod.iter().enumerate();
    counts
        .map(|(pod, events)| PodCounts {
            pod: format!("pod-{pod:02}"),
            requests: share,
            events: *events,
            ..PodCounts::default()
        })
        .collect()
}

/// Errors of each pod in one tick. The requests of an arm are spread evenly over its pods.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodErrors {
    /// Of the canary's pods.
    pub canary: Vec<f64>,
    /// Of the stable version's pods.
    pub stable: Vec<f64>,
}

/// The pods of both arms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fleet {
    /// Pods of the canary.
    pub canary: usize,
    /// Pods of the stable version.
    pub stable: usize,
    /// What goes wrong with a pod now and then.
    pub bursts: Option<Bursts>,
}

/// Bursts of errors that hit one pod at a time, whatever its version.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bursts {
    /// Bursts that begin in a second, per stable pod.
    pub per_second: f64,
    /// The same per canary pod.
    pub per_second_canary: f64,
    /// Ticks that one lasts.
    pub ticks: u32,
    /// The share of the pod's requests that fail meanwhile.
    pub rate: f64,
}

impl Bursts {
    /// 1.4 bursts a pod in two hours, each of 30 s (three ticks of 10 s) with 30 % errors.
    pub const USUAL: Self = Self { per_second: 1.4 / 7200.0, per_second_canary: 1.4 / 7200.0, ticks: 3, rate: 0.3 };

    /// The same bursts in ticks of another length: at least one of them.
    pub(super) fn in_ticks_of(&self, seconds: f64, before: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of ticks")]
        let ticks = ((f64::from(self.ticks) * before / seconds).round() as u32).max(1);
        Self { ticks, ..*self }
    }
}

/// The pods of one arm over time: how many ticks of a burst each has before it.
#[derive(Clone, Debug)]
pub(super) struct ArmPods {
    bursting: Vec<u32>,
    bursts: Option<Bursts>,
    per_second: f64,
}

impl ArmPods {
    pub(super) fn canary(fleet: &Fleet) -> Self {
        let per_second = fleet.bursts.map_or(0.0, |bursts| bursts.per_second_canary);
        Self { bursting: vec![0; fleet.canary], bursts: fleet.bursts, per_second }
    }

    pub(super) fn stable(fleet: &Fleet) -> Self {
        let per_second = fleet.bursts.map_or(0.0, |bursts| bursts.per_second);
        Self { bursting: vec![0; fleet.stable], bursts: fleet.bursts, per_second }
    }

    /// The errors of a tick of `seconds` by pod: `spread` errors (or clusters of `sizes`) hit pods at random, and pods
    /// in a burst have theirs beside. `requests` is the mean number of the whole arm.
    pub(super) fn errors(&mut self, requests: f64, seconds: f64, sizes: &[f64], stream: &mut Stream) -> Vec<f64> {
        let count = self.bursting.len();
        let mut errors = vec![0.0; count];
        for size in sizes {
            errors[stream.below(count)] += size;
        }
        let Some(bursts) = self.bursts else { return errors };
        let begins = self.per_second * seconds;
        for (left, errors) in self.bursting.iter_mut().zip(&mut errors) {
            if *left == 0 && stream.uniform() < begins {
                *left = bursts.ticks;
            }
            if *left > 0 {
                *left -= 1;
                *errors += stream.poisson(requests / count as f64 * bursts.rate);
            }
        }
        errors
    }
}
