//! Kayenta's judge on the values of all intervals so far, asked again at each interval: what a canary stage that
//! fails at once does with it.

use crate::judge::kayenta::{Direction, Label, MetricSettings, classify};

/// The values of all intervals so far.
#[derive(Clone, Debug, PartialEq)]
pub struct KayentaAtEachInterval {
    least: usize,
    experiment: Vec<f64>,
    control: Vec<f64>,
}

impl KayentaAtEachInterval {
    /// Asked from this number of values on.
    pub fn from(least: usize) -> Self {
        Self { least, experiment: Vec::new(), control: Vec::new() }
    }

    /// Takes the values of one interval; whether the canary is called higher.
    pub fn look(&mut self, canary: f64, stable: f64) -> bool {
        self.experiment.push(canary);
        self.control.push(stable);
        let settings = MetricSettings { direction: Direction::Increase, ..MetricSettings::default() };
        self.experiment.len() >= self.least && classify(&settings, &self.experiment, &self.control).label == Label::High
    }
}
