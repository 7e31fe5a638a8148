//! What an analysis will be able to see, reckoned before it starts: the smallest regression that each step finds, how
//! long that takes, how long a good version takes, and how many requests a bad one answers meanwhile.
//!
//! Times are those of [`judge::planner`](crate::judge::planner): medians within about a quarter, on the late side for
//! small regressions. They assume that traffic and the stable rate stay as they are.

mod course;
mod sentences;

use std::time::Duration;

use serde::Serialize;

use super::{Metric, Settings, Usual};
use crate::judge::{ErrorRateSettings, Margin, RatioDesign, StepWeight, Traffic, Worse, growth, median_seconds};

pub use course::{Course, Ending};

/// How much longer than the median it takes in one of ten cases, fitted to simulations.
const NINETIETH: f64 = 2.0;

/// What is known of one metric and its traffic before a rollout.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// The metric's name.
    pub metric: String,
    /// Requests per second of both versions together, above 0.
    pub requests_per_second: f64,
    /// The stable version's rate of events, as a share of requests: in [0, 1).
    pub rate: f64,
    /// Which way the rate gets worse.
    pub worse: Worse,
    /// Variance of the counts relative to Poisson, at least 1.
    pub dispersion: f64,
    /// Up to here a difference is ignored. Where lower is worse its absolute part is taken off.
    pub dead_zone: Margin,
    /// What the last step must rule out; earlier steps rule out more.
    pub margin: Margin,
    /// This metric's part of the chance of a false rollback, in (0, 0.5).
    pub false_rollback: f64,
    /// Chance of passing a step with a version at the margin, in (0, 0.5).
    pub missed_regression: f64,
}

/// One step of the plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlannedStep {
    /// The canary's weight, in percent: in (0, 100).
    pub weight: f64,
    /// The step lasts at least this long.
    pub min: Duration,
    /// Without a decision it ends after this time.
    pub max: Duration,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Power {
    /// What was asked.
    pub question: Question,
    /// What each step can see.
    pub steps: Vec<StepPower>,
    /// How long a version without a difference takes through all steps; none where a step will not pass it in time.
    pub good_version: Option<Times>,
    /// What becomes of bad versions of several sizes, from the smallest.
    pub bad_versions: Vec<Course>,
    /// What the plan will not do though one might expect it, a sentence each.
    pub warnings: Vec<String>,
}

/// How long something takes, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Times {
    /// In half of the cases at most this long.
    pub median_seconds: f64,
    /// In nine of ten cases at most this long.
    pub ninety_percent_seconds: f64,
}

/// What one step can see.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepPower {
    /// The canary's weight, in percent.
    pub weight: f64,
    /// The least time of the step.
    pub min_seconds: f64,
    /// The longest time of the step.
    pub max_seconds: f64,
    /// What the step promises to rule out.
    pub promised: Regression,
    /// How long it takes to find a version that is as bad as that; none where it is not found at all.
    pub promised_found: Option<Times>,
    /// The smallest regression that is found within the step's longest time, in nine of ten cases.
    pub smallest: Option<Regression>,
    /// How long it takes to show that a version without a difference is safe.
    pub safe: Option<Times>,
    /// Requests that a version as bad as promised answers until it is found, or until the step ends (median).
    pub requests_meanwhile: f64,
}

/// A rate that is worse than the stable version's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Regression {
    /// The bad version's rate, as a share of requests.
    pub rate: f64,
    /// As a multiple of the stable rate; none where that is 0.
    pub factor: Option<f64>,
    /// What it adds to the stable rate; below 0 where lower is worse.
    pub added: f64,
}

/// Reckons what the steps can see of one metric. Steps come in the order of the rollout; `factors` are the sizes of
/// further bad versions to follow, as multiples of the stable rate, or as parts of it where lower is worse.
pub fn power(question: &Question, steps: &[PlannedStep], factors: &[f64]) -> Power {
    let last = steps.last().map_or(100.0, |step| step.weight);
    let answers: Vec<StepPower> = steps.iter().map(|step| question.step(step, last)).collect();
    let good_version = answers.iter().try_fold(Times::ZERO, |sum, step| {
        let safe = step.safe.filter(|safe| safe.median_seconds <= step.max_seconds)?;
        Some(Times {
            median_seconds: sum.median_seconds + safe.median_seconds.max(step.min_seconds),
            ninety_percent_seconds: sum.ninety_percent_seconds + safe.ninety_percent_seconds.max(step.min_seconds),
        })
    });
    let mut rates: Vec<f64> = factors.iter().map(|factor| question.times_worse(*factor)).collect();
    rates.push(question.boundary(StepWeight { weight: last, final_weight: last }));
    rates.retain(|rate| question.is_worse(*rate) && *rate <= 1.0);
    rates.sort_by(|one, other| (one - question.rate).abs().total_cmp(&(other - question.rate).abs()));
    rates.dedup_by(|one, other| (*one - *other).abs() < 1e-12);
    let mut power = Power {
        question: question.clone(),
        steps: answers,
        good_version,
        bad_versions: rates.into_iter().map(|rate| course::follow(question, steps, rate)).collect(),
        warnings: Vec::new(),
    };
    power.warnings = sentences::warnings(&power);
    power
}

impl Times {
    const ZERO: Self = Self { median_seconds: 0.0, ninety_percent_seconds: 0.0 };

    fn of_median(median_seconds: f64) -> Self {
        Self { median_seconds, ninety_percent_seconds: median_seconds * NINETIETH }
    }
}

impl StepPower {
    /// Whether the step finds in time what it promises to rule out.
    pub fn finds_what_it_rules_out(&self) -> bool {
        self.smallest.is_some_and(|smallest| smallest.added.abs() <= self.promised.added.abs())
    }
}

impl Question {
    /// What is asked of a metric that counts, by what history says is usual of it. `critical_weight` is the weight of
    /// all critical metrics together.
    pub fn of(metric: &Metric, settings: &Settings, usual: &Usual, critical_weight: f64) -> Self {
        let share = if metric.spec.is_critical() { metric.spec.weight / critical_weight } else { 1.0 };
        let ErrorRateSettings { worse, dead_zone, margin, false_rollback, missed_regression, .. } =
            metric.error_rate_settings(settings, None);
        Self {
            metric: metric.name.clone(),
            requests_per_second: usual.requests_per_second,
            rate: usual.rate,
            worse,
            dispersion: usual.dispersion,
            dead_zone,
            margin,
            false_rollback: false_rollback * share,
            missed_regression,
        }
    }

    /// The rate of a version that is so many times worse.
    fn times_worse(&self, factor: f64) -> f64 {
        match self.worse {
            Worse::Higher => self.rate * factor,
            Worse::Lower => self.rate / factor,
        }
    }

    fn is_worse(&self, rate: f64) -> bool {
        match self.worse {
            Worse::Higher => rate > self.rate,
            Worse::Lower => rate < self.rate,
        }
    }

    fn judged_by(&self) -> ErrorRateSettings {
        let Self { worse, dead_zone, margin, false_rollback, missed_regression, .. } = *self;
        let unlimited = ErrorRateSettings::default();
        ErrorRateSettings { worse, dead_zone, margin, false_rollback, missed_regression, ..unlimited }
    }

    fn step(&self, step: &PlannedStep, last_weight: f64) -> StepPower {
        let promised = self.promised(step.weight, last_weight);
        let max_seconds = step.max.as_secs_f64();
        let promised_found = self.found(step.weight, promised.rate);
        let share = step.weight / 100.0;
        let exposed = promised_found.map_or(max_seconds, |times| times.median_seconds.min(max_seconds));
        StepPower {
            weight: step.weight,
            min_seconds: step.min.as_secs_f64(),
            max_seconds,
            promised,
            promised_found,
            smallest: self.smallest(step.weight, max_seconds),
            safe: self.safe(step.weight, last_weight, self.rate),
            requests_meanwhile: self.requests_per_second * share * exposed,
        }
    }

    /// What a step must rule out before it passes.
    fn promised(&self, weight: f64, last_weight: f64) -> Regression {
        self.regression(self.boundary(StepWeight { weight, final_weight: last_weight }))
    }

    /// The rate of a version that is just at the margin of a step.
    fn boundary(&self, step: StepWeight) -> f64 {
        let Margin { ratio, absolute } = self.judged_by().step_margin(step);
        (ratio * self.rate + absolute).clamp(0.0, 1.0)
    }

    fn regression(&self, rate: f64) -> Regression {
        Regression { rate, factor: (self.rate > 0.0).then(|| rate / self.rate), added: rate - self.rate }
    }

    fn traffic(&self, weight: f64, canary_rate: f64) -> Traffic {
        Traffic {
            requests_per_second: self.requests_per_second,
            canary_share: weight / 100.0,
            canary_rate,
            stable_rate: self.rate,
        }
    }

    /// Evidence for harm gained each second; none where it doesn't grow.
    fn harm_growth(&self, weight: f64, canary_rate: f64) -> Option<f64> {
        self.growth(&self.judged_by().raw_harm_design(self.dispersion), weight, canary_rate)
    }

    fn growth(&self, design: &RatioDesign, weight: f64, canary_rate: f64) -> Option<f64> {
        growth(design, &self.traffic(weight, canary_rate)).map(|growth| growth.per_second)
    }

    /// How long it takes to find a version with this rate at this weight.
    fn found(&self, weight: f64, canary_rate: f64) -> Option<Times> {
        let growth = self.harm_growth(weight, canary_rate)?;
        Some(Times::of_median(median_seconds(growth, self.false_rollback)))
    }

    /// How long it takes to show that a version with this rate is inside the step's margin.
    fn safe(&self, weight: f64, last_weight: f64, canary_rate: f64) -> Option<Times> {
        let step = StepWeight { weight, final_weight: last_weight };
        let growth = self.growth(&self.judged_by().raw_safe_design(step, self.dispersion), weight, canary_rate)?;
        Some(Times::of_median(median_seconds(growth, self.missed_regression)))
    }

    /// The smallest regression that is found in nine of ten cases within the time: evidence grows faster the worse the
    /// version is, so halving the way finds it.
    fn smallest(&self, weight: f64, seconds: f64) -> Option<Regression> {
        let in_time = |rate| self.found(weight, rate).is_some_and(|times| times.ninety_percent_seconds <= seconds);
        let worst = match self.worse {
            Worse::Higher => 1.0,
            Worse::Lower => 0.0,
        };
        let (mut missed, mut found) = (self.rate, worst);
        if !in_time(found) {
            return None;
        }
        // As many halvings as tell rates apart that differ in the third figure, however small they are.
        for _ in 0..60 {
            let middle = f64::midpoint(missed, found);
            if in_time(middle) {
                found = middle;
            } else {
                missed = middle;
            }
        }
        Some(self.regression(found))
    }
}

#[cfg(test)]
mod tests;
