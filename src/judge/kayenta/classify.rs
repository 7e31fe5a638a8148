//! One metric: whether the canary is higher, lower or the same.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    clean::clean,
    effect_size::{common_language, mean_ratio},
    mann_whitney::{AllTied, ShiftInterval, shift_interval},
    settings::{Direction, EffectMeasure, MetricSettings, NanStrategy},
};

/// A difference counts when its interval keeps away from 0 by this part of the estimate. It is no margin: it grows with
/// the estimate, and so only asks for a smaller level.
const TOLERANCE: f64 = 0.25;
/// Noise that is added where both series are constant, relative to their value.
const NOISE: f64 = 1e-5;

/// What came of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Label {
    /// No difference that counts.
    Pass,
    /// The canary is higher.
    High,
    /// The canary is lower.
    Low,
    /// A series has no values.
    Nodata,
    /// A series has no values though it must: a failure.
    NodataFailMetric,
    /// It could not be compared.
    Error,
}

impl fmt::Display for Label {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, out)
    }
}

/// A classified metric, before it has a name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Classification {
    /// What came of it.
    pub label: Label,
    /// Why, where there is more to say than the label does.
    pub(super) reason: Option<Reason>,
    /// Whether it fails the canary.
    pub critical: bool,
    /// The experiment's mean relative to the control's; NaN where one is 0, 1 where nothing was compared.
    pub ratio: f64,
    /// The shift of the experiment against the control, where they were compared.
    pub shift: Option<ShiftInterval>,
}

/// Why a metric was classified so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Missing,
    Identical,
    Different { critical: bool },
    Failed,
}

impl Classification {
    fn without_comparison(label: Label, reason: Option<Reason>, critical: bool) -> Self {
        Self { label, reason, critical, ratio: 1.0, shift: None }
    }

    /// Kayenta's sentence for it, about the metric of this name.
    pub fn reason(&self, name: &str) -> Option<String> {
        let label = self.label;
        Some(match self.reason? {
            Reason::Missing => format!("Missing data for {name}"),
            Reason::Identical => "The Canary and Baseline data are identical".to_owned(),
            Reason::Different { critical: false } => format!("{name} was classified as {label}"),
            Reason::Different { critical: true } => format!("The metric {name} was classified as {label} (Critical)"),
            Reason::Failed => "Metric Classification Failed".to_owned(),
        })
    }
}

/// Classifies one metric from its two series, in any order of values.
pub fn classify(settings: &MetricSettings, experiment: &[f64], control: &[f64]) -> Classification {
    let mut experiment = clean(experiment, settings.nan_strategy, settings.outliers);
    let mut control = clean(control, settings.nan_strategy, settings.outliers);
    classify_cleaned(settings, &mut experiment, &mut control)
}

/// Classifies one metric from series without NaN, which are sorted in place.
pub(super) fn classify_cleaned(
    settings: &MetricSettings,
    experiment: &mut [f64],
    control: &mut [f64],
) -> Classification {
    if experiment.is_empty() || control.is_empty() {
        return without_data(settings);
    }
    // The means are of the values in their order: a limit can be met or missed by a rounding.
    let mut ratio = mean_ratio(experiment, control);
    experiment.sort_unstable_by(f64::total_cmp);
    control.sort_unstable_by(f64::total_cmp);
    if experiment == control {
        return Classification::without_comparison(Label::Pass, Some(Reason::Identical), false);
    }
    if is_constant(experiment) && is_constant(control) {
        if experiment.first() == control.first() {
            return Classification::without_comparison(Label::Pass, None, false);
        }
        add_noise(experiment);
        add_noise(control);
        ratio = mean_ratio(experiment, control);
    }
    match shift_interval(experiment, control) {
        Ok(shift) => compared(settings, shift, ratio, experiment, control),
        // Kayenta forgets in this case that the metric is critical.
        Err(AllTied) => Classification {
            label: Label::Error,
            reason: Some(Reason::Failed),
            critical: false,
            ratio: f64::NAN,
            shift: None,
        },
    }
}

fn without_data(settings: &MetricSettings) -> Classification {
    match settings.nan_strategy {
        NanStrategy::Replace => Classification::without_comparison(Label::Pass, None, false),
        NanStrategy::Remove if settings.must_have_data && !settings.critical => {
            Classification::without_comparison(Label::NodataFailMetric, Some(Reason::Missing), false)
        }
        NanStrategy::Remove => {
            Classification::without_comparison(Label::Nodata, Some(Reason::Missing), settings.critical)
        }
    }
}

fn compared(
    settings: &MetricSettings,
    shift: ShiftInterval,
    ratio: f64,
    experiment: &[f64],
    control: &[f64],
) -> Classification {
    let size = &settings.effect_size;
    let effect = match size.measure {
        EffectMeasure::MeanRatio => ratio,
        EffectMeasure::Cles => common_language(experiment, control),
    };
    // An effect that can't be computed counts as large enough.
    let at_least = |limit: f64| effect.is_nan() || effect >= limit;
    let at_most = |limit: f64| effect.is_nan() || effect <= limit;
    let tolerance = TOLERANCE * shift.estimate.abs();
    let is_high = settings.direction != Direction::Decrease && shift.low > tolerance && at_least(size.allowed_increase);
    let is_low = settings.direction != Direction::Increase && shift.high < -tolerance && at_most(size.allowed_decrease);
    let (label, critical) = if is_high {
        (Label::High, settings.critical && at_least(size.critical_increase))
    } else if is_low {
        (Label::Low, settings.critical && at_most(size.critical_decrease))
    } else {
        (Label::Pass, false)
    };
    let reason = (label != Label::Pass).then_some(Reason::Different { critical });
    Classification { label, reason, critical, ratio, shift: Some(shift) }
}

fn is_constant(sorted: &[f64]) -> bool {
    sorted.first() == sorted.last()
}

/// Spreads equal values a little, since the test can say nothing about values that are all tied. Kayenta draws the noise
/// at random; here it is the quantiles of the same distribution, so that the verdict is the same each time.
fn add_noise(values: &mut [f64]) {
    let count = values.len() as f64;
    for (index, value) in values.iter_mut().enumerate() {
        if value.is_finite() {
            *value += *value * NOISE * normal_quantile((index as f64 + 0.5) / count);
        }
    }
}

/// The quantile of the standard normal distribution.
fn normal_quantile(probability: f64) -> f64 {
    // Only the order and the scale of the noise matter; `erfc_inv` is exact to the last few bits.
    -std::f64::consts::SQRT_2 * statrs::function::erf::erfc_inv(2.0 * probability)
}
