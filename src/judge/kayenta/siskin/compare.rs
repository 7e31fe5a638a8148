//! Compares two series of values of the same times.

use crate::judge::{
    gauge::batches::{BatchMeans, SeriesMean},
    kayenta::{
        effect_size::mean_ratio,
        mann_whitney::ShiftInterval,
        settings::{Direction, EffectMeasure, EffectSize},
    },
};

/// A difference up to this part is ignored where the configuration names none, as for gauges.
const DEFAULT_MARGIN: f64 = 1.1;

/// Values of the same times, canary first; what is missing or infinite on one side is left out on both.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Paired {
    values: Vec<(f64, f64)>,
}

impl Paired {
    pub(super) fn of(experiment: &[f64], control: &[f64], missing_is_zero: bool) -> Self {
        let given = |value: f64| if value.is_nan() && missing_is_zero { 0.0 } else { value };
        let pairs = experiment.iter().zip(control).map(|(experiment, control)| (given(*experiment), given(*control)));
        Self { values: pairs.filter(|(experiment, control)| experiment.is_finite() && control.is_finite()).collect() }
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The canary's values and the control's.
    pub(super) fn columns(&self) -> (Vec<f64>, Vec<f64>) {
        self.values.iter().copied().unzip()
    }

    /// The canary's mean relative to the control's.
    pub(super) fn ratio(&self) -> f64 {
        let (experiment, control) = self.columns();
        mean_ratio(&experiment, &control)
    }

    /// Whether there is a ratio of all values.
    fn is_positive(&self) -> bool {
        self.values.iter().all(|(experiment, control)| *experiment > 0.0 && *control > 0.0)
    }

    /// How far the canary is beyond `ratio` times the control: of logarithms where there are ratios, of values where
    /// not. Above 0 is beyond.
    fn beyond(&self, ratio: f64) -> Option<SeriesMean> {
        let mut means = BatchMeans::default();
        let positive = self.is_positive();
        for (experiment, control) in &self.values {
            means.push(if positive {
                experiment.ln() - control.ln() - ratio.ln()
            } else {
                experiment - control - (ratio - 1.0) * control.abs()
            });
        }
        means.series_mean()
    }
}

/// What differences are ignored, as ratios of canary to control.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Margins {
    /// Above 1.
    pub(super) increase: f64,
    /// Below 1.
    pub(super) decrease: f64,
}

impl Margins {
    /// What a configuration allows; the default margin where it allows nothing, or by another measure.
    pub(super) fn of(size: &EffectSize) -> Self {
        Self::or_default(size.measure, size.allowed_increase, size.allowed_decrease)
    }

    /// From where on a critical metric fails the canary.
    fn critical(size: &EffectSize) -> Self {
        let Self { increase, decrease } = Self::of(size);
        let critical = Self::or_default(size.measure, size.critical_increase, size.critical_decrease);
        Self { increase: increase.max(critical.increase), decrease: decrease.min(critical.decrease) }
    }

    fn or_default(measure: EffectMeasure, increase: f64, decrease: f64) -> Self {
        let is_ratio = measure == EffectMeasure::MeanRatio;
        Self {
            increase: if is_ratio && increase > 1.0 && increase.is_finite() { increase } else { DEFAULT_MARGIN },
            decrease: if is_ratio && decrease < 1.0 && decrease > 0.0 { decrease } else { 1.0 / DEFAULT_MARGIN },
        }
    }
}

/// Chances of being wrong, for one metric over all looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Levels {
    /// Of calling a difference that is within the margin.
    pub(super) harm: f64,
    /// Of passing one that is not.
    pub(super) safe: f64,
}

impl Levels {
    /// Where both directions count the chance is split.
    fn harm_of_each_side(self, direction: Direction) -> f64 {
        if direction == Direction::Either { self.harm / 2.0 } else { self.harm }
    }
}

/// What is certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// The canary is higher by more than the margin.
    Higher,
    /// It is lower by more than the margin.
    Lower,
    /// The difference is within the margin, in the directions that count.
    WithinMargin,
    /// None of these.
    Unknown,
}

/// The comparison of a pair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Comparison {
    pub(super) finding: Finding,
    /// The mean difference in units of the metric, where there is no ratio.
    pub(super) difference: Option<ShiftInterval>,
    /// The mean difference relative to the control, where all values are above 0.
    pub(super) relative_difference: Option<ShiftInterval>,
    direction: Direction,
}

impl Comparison {
    pub(super) fn of(paired: &Paired, direction: Direction, margins: Margins, levels: Levels) -> Self {
        let interval = paired.beyond(1.0).map(|even| {
            let radius = even.radius(levels.harm / 2.0);
            ShiftInterval { low: even.mean - radius, high: even.mean + radius, estimate: even.mean }
        });
        let positive = paired.is_positive();
        let relative = |interval: ShiftInterval| ShiftInterval {
            low: interval.low.exp_m1(),
            high: interval.high.exp_m1(),
            estimate: interval.estimate.exp_m1(),
        };
        Self {
            finding: finding(paired, direction, margins, levels),
            difference: interval.filter(|_| !positive),
            relative_difference: interval.filter(|_| positive).map(relative),
            direction,
        }
    }

    /// Whether a failure is also beyond what the configuration calls critical.
    pub(super) fn is_critical(&self, paired: &Paired, size: &EffectSize, levels: Levels) -> bool {
        let failed = finding(paired, self.direction, Margins::critical(size), levels);
        self.finding == Finding::Unknown || failed == self.finding
    }
}

fn finding(paired: &Paired, direction: Direction, margins: Margins, levels: Levels) -> Finding {
    let (Some(above), Some(below)) = (paired.beyond(margins.increase), paired.beyond(margins.decrease)) else {
        return Finding::Unknown;
    };
    let harm = levels.harm_of_each_side(direction);
    let (up, down) = (direction != Direction::Decrease, direction != Direction::Increase);
    if up && above.mean - above.radius(harm) > 0.0 {
        Finding::Higher
    } else if down && below.mean + below.radius(harm) < 0.0 {
        Finding::Lower
    } else if (!up || above.mean + above.radius(levels.safe) <= 0.0)
        && (!down || below.mean - below.radius(levels.safe) >= 0.0)
    {
        Finding::WithinMargin
    } else {
        Finding::Unknown
    }
}
