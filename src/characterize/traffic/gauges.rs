//! A value of each pod, tick by tick: memory, say. Pods differ from each other for good, and each wanders slowly.

use super::super::stream::Stream;
use crate::judge::gauge::GaugeSample;

/// The pods of a gauge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gauges {
    /// Pods of each arm.
    pub pods: usize,
    /// Standard deviation of the logarithm between pods.
    pub between: f64,
    /// Standard deviation of the logarithm of one pod over time.
    pub within: f64,
    /// Correlation of a pod's value from one tick to the next.
    pub correlation: f64,
    /// The canary's values are this many times as large.
    pub ratio: f64,
}

/// The pods of one arm under way.
#[derive(Clone, Debug)]
pub struct GaugeArm {
    gauges: Gauges,
    level: f64,
    prefix: &'static str,
    /// Of each pod: what it differs by for good, and where it has wandered.
    pods: Vec<(f64, f64)>,
}

impl Gauges {
    /// Five pods in each arm that differ by 3 %, and values that wander by 5 % with a correlation of 0.9.
    pub const USUAL: Self = Self { pods: 5, between: 0.03, within: 0.05, correlation: 0.9, ratio: 1.0 };

    /// Both arms, the canary first.
    pub fn arms(self, stream: &mut Stream) -> [GaugeArm; 2] {
        [(self.ratio, "canary"), (1.0, "stable")].map(|(level, prefix)| GaugeArm {
            gauges: self,
            level,
            prefix,
            pods: (0..self.pods).map(|_| (self.between * stream.normal(), self.within * stream.normal())).collect(),
        })
    }
}

impl GaugeArm {
    /// The values of one tick.
    pub fn draw(&mut self, stream: &mut Stream) -> Vec<GaugeSample> {
        let Gauges { within, correlation, .. } = self.gauges;
        let innovation = within * (1.0 - correlation * correlation).sqrt();
        self.pods
            .iter_mut()
            .enumerate()
            .map(|(pod, (always, now))| {
                *now = correlation * *now + innovation * stream.normal();
                let value = 100.0 * self.level * (*always + *now).exp();
                GaugeSample { pod: format!("{}-{pod}", self.prefix), value, warming_up: false }
            })
            .collect()
    }
}
