//! Requests and errors of both arms, tick by tick.

use super::super::stream::Stream;
use super::Course;
use super::pods::{ArmPods, Fleet, PodErrors, Tick, pod_counts};
use crate::judge::{Counts, PodCounts};

/// How long the stable version was watched before the rollout, in seconds.
const HISTORY_SECONDS: f64 = 6.0 * 3600.0;

/// Traffic of a service in which a canary runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Errors {
    /// Ticks of a run.
    pub looks: u32,
    /// Seconds of a tick.
    pub tick: f64,
    /// Requests per second of both arms together.
    pub requests_per_second: f64,
    /// The canary's share of them.
    pub weight: Course,
    /// The stable version's error rate.
    pub stable_rate: Course,
    /// The canary's rate is this many times the stable one,
    pub ratio: Course,
    /// and this much more.
    pub added: f64,
    /// How errors come.
    pub noise: Noise,
    /// The pods, where series are told apart by them.
    pub fleet: Option<Fleet>,
}

/// How errors come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Noise {
    /// Each by itself.
    Poisson,
    /// The rate of each arm and tick is multiplied by a gamma variable with mean 1 and this variance: the counts are
    /// negative binomial.
    Gamma(f64),
    /// In clusters (retries of one request) of geometric size with this mean; a cluster falls into one arm.
    Clusters(f64),
}

impl Errors {
    /// 100 requests a second, 0.5 % errors in both arms, a canary at 10 %, a look each 10 s for two hours.
    pub const USUAL: Self = Self {
        looks: 720,
        tick: 10.0,
        requests_per_second: 100.0,
        weight: Course::Constant(0.1),
        stable_rate: Course::Constant(0.005),
        ratio: Course::Constant(1.0),
        added: 0.0,
        noise: Noise::Poisson,
        fleet: None,
    };

    /// Seconds of a run.
    pub fn horizon(&self) -> f64 {
        f64::from(self.looks) * self.tick
    }

    /// The ticks of one run.
    pub fn run<'a>(&'a self, stream: &'a mut Stream) -> impl Iterator<Item = Tick> + 'a {
        let mut pods = self.fleet.as_ref().map(|fleet| (ArmPods::canary(fleet), ArmPods::stable(fleet)));
        (0..self.looks).map(move |look| {
            let start = f64::from(look) * self.tick;
            let at = |course: Course| course.at(start, self.horizon());
            let requests = self.requests_per_second * self.tick;
            let (weight, stable_rate) = (at(self.weight), at(self.stable_rate));
            let canary_rate = (stable_rate * at(self.ratio) + self.added).min(1.0);
            let (canary_pods, stable_pods) =
                pods.as_mut().map_or((None, None), |(canary, stable)| (Some(canary), Some(stable)));
            let (canary_requests, canary_errors, canary) =
                self.arm(requests * weight, canary_rate, canary_pods, stream);
            let (stable_requests, stable_errors, stable) =
                self.arm(requests * (1.0 - weight), stable_rate, stable_pods, stream);
            Tick {
                end: start + self.tick,
                seconds: self.tick,
                counts: Counts { canary_requests, stable_requests, canary_errors, stable_errors },
                pods: PodErrors { canary, stable },
            }
        })
    }

    /// The same traffic in ticks of another length.
    #[must_use]
    pub fn in_ticks_of(&self, seconds: f64) -> Self {
        let fleet = self
            .fleet
            .map(|fleet| Fleet { bursts: fleet.bursts.map(|bursts| bursts.in_ticks_of(seconds, self.tick)), ..fleet });
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of ticks")]
        let looks = (self.horizon() / seconds) as u32;
        Self { looks, tick: seconds, fleet, ..*self }
    }

    /// What the pods of the stable version counted in each tick of six hours before the rollout, when they had all
    /// requests, at the rate of the beginning.
    pub fn history<'a>(&'a self, stream: &'a mut Stream) -> impl Iterator<Item = Vec<PodCounts>> + 'a {
        self.past(HISTORY_SECONDS, stream)
    }

    /// The same of so many seconds.
    pub fn past<'a>(&'a self, seconds: f64, stream: &'a mut Stream) -> impl Iterator<Item = Vec<PodCounts>> + 'a {
        let rate = self.stable_rate.at(0.0, self.horizon());
        let mut pods = self.fleet.map(|fleet| ArmPods::stable(&Fleet { stable: fleet.stable + fleet.canary, ..fleet }));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "hours over seconds")]
        let ticks = (seconds / self.tick) as u32;
        (0..ticks).map(move |_| {
            let requests = self.requests_per_second * self.tick;
            let (requests, errors, by_pod) = self.arm(requests, rate, pods.as_mut(), stream);
            pod_counts(requests, errors, &by_pod)
        })
    }

    /// Requests, errors, and errors by pod of one arm in one tick.
    fn arm(&self, requests: f64, rate: f64, pods: Option<&mut ArmPods>, stream: &mut Stream) -> (f64, f64, Vec<f64>) {
        let good = stream.poisson(requests * (1.0 - rate));
        let mean = requests * rate;
        let mean = if let Noise::Gamma(variance) = self.noise { mean * stream.gamma(variance) } else { mean };
        let Some(pods) = pods else {
            let errors = match self.noise {
                Noise::Poisson | Noise::Gamma(_) => stream.poisson(mean),
                Noise::Clusters(size) => (0..stream.number(mean / size)).map(|_| stream.cluster(size)).sum(),
            };
            return (good + errors, errors, Vec::new());
        };
        let sizes: Vec<f64> = match self.noise {
            Noise::Poisson | Noise::Gamma(_) => vec![1.0; stream.number(mean)],
            Noise::Clusters(size) => (0..stream.number(mean / size)).map(|_| stream.cluster(size)).collect(),
        };
        let by_pod = pods.errors(requests, self.tick, &sizes, stream);
        let errors: f64 = by_pod.iter().sum();
        (good + errors, errors, by_pod)
    }
}
