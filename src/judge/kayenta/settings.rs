//! How one metric is judged: `analysisConfigurations.canary` of Kayenta, with Kayenta's defaults.
//!
//! Words that Kayenta does not know fall to the default without a sound, and so they do here; booleans and numbers that
//! are none end the judgement in both.

use serde_json::Value;

use super::{config::MetricConfig, error::KayentaError, number};

/// How one metric is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MetricSettings {
    /// Which difference counts as a failure.
    pub direction: Direction,
    /// What becomes of missing values.
    pub nan_strategy: NanStrategy,
    /// What becomes of outliers.
    pub outliers: OutlierStrategy,
    /// Whether a failure of this metric is a failure of the canary.
    pub critical: bool,
    /// Whether missing data are a failure of the metric.
    pub must_have_data: bool,
    /// Whether it is left out of the score.
    pub muted: bool,
    /// How large a difference must be.
    pub effect_size: EffectSize,
}

/// Which difference counts as a failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// A canary that is higher.
    Increase,
    /// A canary that is lower.
    Decrease,
    /// Both.
    #[default]
    Either,
}

/// What becomes of missing values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NanStrategy {
    /// They are dropped, from each series by itself.
    #[default]
    Remove,
    /// They are zeros, as fits counters that do not exist before their first event.
    Replace,
}

/// What becomes of outliers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum OutlierStrategy {
    /// They stay.
    #[default]
    Keep,
    /// Values more than `factor` interquartile ranges outside of the quartiles are dropped.
    Remove {
        /// Above 0.
        factor: f64,
    },
}

/// How large a difference must be, beside being significant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EffectSize {
    /// What is measured.
    pub measure: EffectMeasure,
    /// An increase below this passes.
    pub allowed_increase: f64,
    /// A decrease above this passes.
    pub allowed_decrease: f64,
    /// An increase of a critical metric fails the canary from here on.
    pub critical_increase: f64,
    /// A decrease of a critical metric fails the canary from here down.
    pub critical_decrease: f64,
}

/// What an effect size is measured by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EffectMeasure {
    /// The experiment's mean relative to the control's; 1 is no effect.
    #[default]
    MeanRatio,
    /// The chance that a value of the experiment is above one of the control (common language effect size); 0.5 is no
    /// effect.
    Cles,
}

impl EffectMeasure {
    /// Its value where there is no effect.
    fn neutral(self) -> f64 {
        match self {
            Self::MeanRatio => 1.0,
            Self::Cles => 0.5,
        }
    }
}

impl Default for EffectSize {
    fn default() -> Self {
        Self::neutral(EffectMeasure::default())
    }
}

impl EffectSize {
    /// Every effect counts, however small.
    pub fn neutral(measure: EffectMeasure) -> Self {
        let neutral = measure.neutral();
        Self {
            measure,
            allowed_increase: neutral,
            allowed_decrease: neutral,
            critical_increase: neutral,
            critical_decrease: neutral,
        }
    }
}

impl MetricSettings {
    /// What a metric's configuration says.
    ///
    /// # Errors
    /// [`KayentaError::Setting`] for a boolean or a number that is none, and for an outlier factor that is not above 0.
    pub fn of(metric: &MetricConfig) -> Result<Self, KayentaError> {
        let reader = Reader { metric };
        let measure = match reader.word(&["effectSize", "measure"]) {
            Some("cles") => EffectMeasure::Cles,
            _ => EffectMeasure::MeanRatio,
        };
        let neutral = measure.neutral();
        let limit = |name: &'static str, key| Ok(reader.number(name, &["effectSize", key])?.unwrap_or(neutral));
        Ok(Self {
            direction: match reader.word(&["direction"]) {
                Some("increase") => Direction::Increase,
                Some("decrease") => Direction::Decrease,
                _ => Direction::Either,
            },
            nan_strategy: match reader.word(&["nanStrategy"]) {
                Some("replace") => NanStrategy::Replace,
                _ => NanStrategy::Remove,
            },
            outliers: reader.outliers()?,
            critical: reader.boolean("critical")?,
            must_have_data: reader.boolean("mustHaveData")?,
            muted: reader.boolean("muted")?,
            effect_size: EffectSize {
                measure,
                allowed_increase: limit("effectSize.allowedIncrease", "allowedIncrease")?,
                allowed_decrease: limit("effectSize.allowedDecrease", "allowedDecrease")?,
                critical_increase: limit("effectSize.criticalIncrease", "criticalIncrease")?,
                critical_decrease: limit("effectSize.criticalDecrease", "criticalDecrease")?,
            },
        })
    }
}

/// Reads `analysisConfigurations.canary` of one metric.
struct Reader<'a> {
    metric: &'a MetricConfig,
}

impl<'a> Reader<'a> {
    fn value(&self, path: &[&str]) -> Option<&'a Value> {
        let canary = self.metric.analysis_configurations.get("canary");
        path.iter().try_fold(canary?, |value, key| value.get(key)).filter(|value| !value.is_null())
    }

    fn word(&self, path: &[&str]) -> Option<&'a str> {
        self.value(path)?.as_str()
    }

    fn boolean(&self, name: &'static str) -> Result<bool, KayentaError> {
        match self.value(&[name]) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(other) => Err(self.problem(name, other, "neither true nor false")),
        }
    }

    fn number(&self, name: &'static str, path: &[&str]) -> Result<Option<f64>, KayentaError> {
        let Some(value) = self.value(path) else { return Ok(None) };
        number::of_value(value).map(Some).ok_or_else(|| self.problem(name, value, "no number"))
    }

    fn outliers(&self) -> Result<OutlierStrategy, KayentaError> {
        const NAME: &str = "outliers.outlierFactor";
        const DEFAULT: f64 = 3.0;
        let path = ["outliers", "outlierFactor"];
        let factor = self.number(NAME, &path)?.unwrap_or(DEFAULT);
        match (self.word(&["outliers", "strategy"]), self.value(&path)) {
            (Some("remove"), Some(value)) if factor.is_nan() || factor <= 0.0 => {
                Err(self.problem(NAME, value, "not above 0"))
            }
            (Some("remove"), _) => Ok(OutlierStrategy::Remove { factor }),
            _ => Ok(OutlierStrategy::Keep),
        }
    }

    fn problem(&self, setting: &'static str, value: &Value, problem: &'static str) -> KayentaError {
        KayentaError::Setting { name: self.metric.name.clone(), setting, value: value.to_string(), problem }
    }
}
