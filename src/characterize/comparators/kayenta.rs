//! Kayenta's judge on the values of all intervals so far, asked again and again while they grow: what a canary stage that
//! fails at once does with it.

use crate::judge::kayenta::{Direction, Label, MetricSettings, classify};

/// The values of all intervals so far.
#[derive(Clone, Debug, PartialEq)]
pub struct KayentaAtEachInterval {
    least: usize,
    every: usize,
    direction: Direction,
    experiment: Vec<f64>,
    control: Vec<f64>,
}

impl KayentaAtEachInterval {
    /// Asked at each value from this number of values on.
    pub fn from(least: usize) -> Self {
        Self { least, every: 1, direction: Direction::Increase, experiment: Vec::new(), control: Vec::new() }
    }

    /// Asked once in so many values.
    pub fn each(every: usize) -> Self {
        Self::from(every).every(every)
    }

    /// The same, asked only once in so many values.
    #[must_use]
    pub fn every(self, every: usize) -> Self {
        Self { every, ..self }
    }

    /// Values so far.
    pub fn values(&self) -> usize {
        self.experiment.len()
    }

    /// The same, with a canary that is lower failing as well.
    #[must_use]
    pub fn either_way(self) -> Self {
        Self { direction: Direction::Either, ..self }
    }

    /// Takes the values of one interval; whether the judge is asked and calls the canary different in the bad direction.
    pub fn look(&mut self, canary: f64, stable: f64) -> bool {
        self.experiment.push(canary);
        self.control.push(stable);
        let values = self.experiment.len();
        if values < self.least || !values.is_multiple_of(self.every) {
            return false;
        }
        let settings = MetricSettings { direction: self.direction, ..MetricSettings::default() };
        let label = classify(&settings, &self.experiment, &self.control).label;
        matches!(label, Label::High | Label::Low)
    }
}
