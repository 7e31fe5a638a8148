//! Where the judgement of one gauge stands, and the sentences that say so.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::batches::SeriesMean;
use super::pods::PodSpread;
use super::slope::Slope;
use crate::judge::format::plain;
use crate::model::words::percent;

/// How far ahead safety is foretold, in looks.
const FARTHEST: f64 = 1e5;
/// Ratios whose logarithm is above this (a factor of 10) are shown as factors and not in percent.
const SHOWN_AS_FACTOR: f64 = std::f64::consts::LN_10;

/// Which direction of a gauge is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Worse {
    /// More is worse: memory, queue length.
    Higher,
    /// Less is worse: hit rate, throughput.
    Lower,
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum GaugeScale {
    /// By the logarithm of their ratio; all values are above 0.
    Ratio,
    /// By their difference.
    Difference,
}

/// The difference between the arms over a time; the worse direction is positive.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Trend {
    /// Looks that had values of both arms.
    pub looks: f64,
    /// The mean difference; none before the first look.
    pub mean: Option<f64>,
    /// What bounds are made of; none until there are 30 looks.
    pub series: Option<SeriesMean>,
}

/// Where the judgement of one gauge stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GaugeEvidence {
    /// Which direction is bad.
    pub worse: Worse,
    /// How the values are compared.
    pub scale: GaugeScale,
    /// The canary's mean since the rollout began; none before the first look.
    pub canary: Option<f64>,
    /// The stable version's mean over the same looks.
    pub stable: Option<f64>,
    /// The difference since the rollout began.
    pub run: Trend,
    /// The difference since the step began.
    pub step: Trend,
    /// The spread between pods.
    pub pods: PodSpread,
    /// Worse than this is harm, on the scale of the comparison.
    pub harm_boundary: Option<f64>,
    /// Better than this is safe, on the scale of the comparison.
    pub safe_boundary: Option<f64>,
    /// Chance of calling a canary worse that is not.
    pub false_rollback: f64,
    /// Chance of passing a step with a canary at the margin.
    pub missed_regression: f64,
    /// How the difference has moved; none until there are enough looks.
    pub slope: Option<Slope>,
    /// Length of a look in this step.
    pub seconds_per_look: Option<f64>,
}

impl GaugeEvidence {
    /// The difference is at least this, at every look, but for a chance of `level`: half of it for the course of the
    /// values, half for the choice of the pods. None without enough looks and pods.
    pub fn lower_bound(&self, level: f64) -> Option<f64> {
        let run = self.run.series?;
        Some(run.mean - run.radius(level / 2.0) - self.pods.term(level / 2.0)?)
    }

    /// The difference in this step is at most this, at every look, but for a chance of `level`.
    pub fn upper_bound(&self, level: f64) -> Option<f64> {
        let step = self.step.series?;
        Some(step.mean + step.radius(level / 2.0) + self.pods.term(level / 2.0)?)
    }

    /// Whether there are enough pods for the gauge to decide and not only to warn: two of the canary, five together.
    /// A gauge that has had no value yet is taken for one that will: it must not be passed over.
    pub fn decides(&self) -> bool {
        self.run.looks <= 0.0 || self.pods.decides()
    }

    /// Whether the canary is worse, with a chance of about `level` that this is ever said of one that is not.
    pub fn is_harmful(&self, level: f64) -> bool {
        self.lower_bound(level).zip(self.harm_boundary).is_some_and(|(bound, boundary)| bound > boundary)
    }

    /// Whether this gauge lets the step pass.
    pub fn is_safe(&self) -> bool {
        let bound = self.upper_bound(self.missed_regression);
        bound.zip(self.safe_boundary).is_some_and(|(bound, boundary)| bound < boundary)
    }

    /// Whether the step's mean is inside the margin, which says nothing about certainty.
    pub fn inside_margin(&self) -> bool {
        self.step.mean.zip(self.safe_boundary).is_some_and(|(mean, boundary)| mean <= boundary)
    }

    /// Expected seconds until safety is shown, if things stay as they were in this step; none when it won't be.
    pub fn seconds_until_safe(&self) -> Option<f64> {
        if self.is_safe() {
            return Some(0.0);
        }
        let step = self.step.series?;
        let room = self.safe_boundary? - step.mean - self.pods.term(self.missed_regression / 2.0)?;
        let mut values = step.values;
        while values < FARTHEST {
            values *= 1.05;
            if (SeriesMean { values, ..step }).radius(self.missed_regression / 2.0) < room {
                return Some((values - step.values) * self.seconds_per_look?);
            }
        }
        None
    }

    /// Why this step can't be judged yet, as the end of a sentence; none when it can.
    pub fn lack(&self) -> Option<&'static str> {
        (self.step.looks <= 0.0).then_some("the pods have had no value in this step")
    }

    /// The two versions side by side: `memory 512 is 28 % above the stable 400 (180 looks, 2 and 5 pods)`.
    pub fn explain(&self, name: &str) -> String {
        let (Some(canary), Some(stable), Some(mean)) = (self.canary, self.stable, self.run.mean) else {
            return format!("{name} not compared yet");
        };
        format!(
            "{name} {} is {} {} ({:.0} looks, {} and {} pods{})",
            quantity(canary),
            self.difference(mean),
            quantity(stable),
            self.run.looks,
            self.pods.canary,
            self.pods.stable,
            if self.decides() { "" } else { ", too few to decide" },
        )
    }

    /// [`explain`](Self::explain), and how far safety has been shown.
    pub fn explain_safety(&self, name: &str) -> String {
        let bound = self.upper_bound(self.missed_regression).zip(self.safe_boundary);
        let shown = bound.map_or_else(
            || "nothing is certain yet".to_owned(),
            |(bound, boundary)| {
                format!("certainly at most {}, safe below {}", self.amount(bound), self.amount(boundary))
            },
        );
        format!("{}: {shown}", self.explain(name))
    }

    /// [`explain`](Self::explain), and how far harm has been shown.
    pub fn explain_harm(&self, name: &str) -> String {
        let bound = self.lower_bound(self.false_rollback).zip(self.harm_boundary);
        let shown = bound.map_or_else(
            || "nothing is certain yet".to_owned(),
            |(bound, boundary)| {
                format!("certainly at least {}, harmful above {}", self.amount(bound), self.amount(boundary))
            },
        );
        format!("{}: {shown}", self.explain(name))
    }

    fn difference(&self, mean: f64) -> String {
        let above = (mean > 0.0) == (self.worse == Worse::Higher);
        let word = if above { "above the stable" } else { "below the stable" };
        match self.scale {
            GaugeScale::Ratio if mean == 0.0 => "the same as the stable".to_owned(),
            GaugeScale::Ratio if mean.abs() > SHOWN_AS_FACTOR && above => {
                format!("{} times the stable", quantity(mean.abs().exp()))
            }
            // Above by a ratio, or below by what is missing.
            GaugeScale::Ratio if above => format!("{} {word}", percent(mean.abs().exp_m1())),
            GaugeScale::Ratio => format!("{} {word}", percent(-(-mean.abs()).exp_m1())),
            GaugeScale::Difference => format!("{} {word}", quantity(mean.abs())),
        }
    }

    /// A bound of the difference in the worse direction.
    fn amount(&self, difference: f64) -> String {
        let (size, word) = if difference >= 0.0 { (difference, "worse") } else { (-difference, "better") };
        match self.scale {
            GaugeScale::Ratio if size > SHOWN_AS_FACTOR => format!("{} times {word}", quantity(size.min(700.0).exp())),
            GaugeScale::Ratio => format!("{} {word}", percent(size.exp_m1())),
            GaugeScale::Difference => format!("{} {word}", quantity(size)),
        }
    }
}

/// A value of any size: `0.42`, `512`, `1.3e9`.
fn quantity(value: f64) -> String {
    match value.abs() {
        size if size >= 1e6 => format!("{value:.2e}"),
        size if size >= 100.0 => format!("{value:.0}"),
        _ => plain(value),
    }
}
