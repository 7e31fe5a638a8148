//! The judge of one gauge.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::batches::BatchMeans;
use super::evidence::{GaugeEvidence, GaugeScale, Trend, Worse};
use super::pods::{PodMeans, PodSpread};
use super::slope::Slope;
use crate::judge::margin::{Margin, StepWeight};

/// No gauge of a pod is larger; squares of what is must still fit into a float.
const LARGEST_VALUE: f64 = 1e100;

/// How one gauge is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GaugeSettings {
    /// Which direction is bad.
    pub worse: Worse,
    /// Up to here a canary is no worse; in units of the gauge, `ratio` and `absolute`.
    pub dead_zone: Margin,
    /// What each step must rule out.
    pub margin: Margin,
    /// Chance of calling a canary worse that is not, for the whole rollout: in (0, 0.5).
    pub false_rollback: f64,
    /// Chance of passing a step with a canary at the margin: in (0, 0.5).
    pub missed_regression: f64,
}

impl Default for GaugeSettings {
    fn default() -> Self {
        let tenth = Margin { ratio: 1.1, absolute: 0.0 };
        Self { worse: Worse::Higher, dead_zone: tenth, margin: tenth, false_rollback: 0.01, missed_regression: 0.05 }
    }
}

/// One pod's value at one look.
#[derive(Clone, Debug, PartialEq)]
pub struct GaugeSample {
    /// The pod. Several values of one pod are averaged.
    pub pod: String,
    /// The value.
    pub value: f64,
    /// Whether the pod is so young that its value doesn't count yet.
    pub warming_up: bool,
}

/// The values of one look. An arm is `None` when it could not be read whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GaugeSamples {
    /// The canary's pods.
    pub canary: Option<Vec<GaugeSample>>,
    /// The stable version's pods.
    pub stable: Option<Vec<GaugeSample>>,
}

/// What a look at a gauge came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GaugeReading {
    /// Both arms had values; the means over their pods.
    Compared {
        /// The canary's.
        canary: f64,
        /// The stable version's.
        stable: f64,
    },
    /// No value of the canary.
    CanaryMissing,
    /// No value of the stable version.
    StableMissing,
    /// No value at all.
    BothMissing,
}

/// What a look at a gauge came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GaugeOutcome {
    /// The values, or why there were none.
    pub reading: GaugeReading,
    /// Values that were not numbers, or infinite, or beyond 1e100.
    pub dropped_samples: u64,
}

/// All that must be kept between looks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GaugeState {
    /// Chosen by the first look; a value of 0 or below changes it once.
    #[serde(skip_serializing_if = "Option::is_none")]
    scale: Option<GaugeScale>,
    /// Differences since the rollout began, and since the step began; the worse direction is positive.
    run: BatchMeans,
    step: BatchMeans,
    canary_pods: PodMeans,
    stable_pods: PodMeans,
    /// The arms' own values since the rollout began, for reports and relative margins.
    canary: BatchMeans,
    stable: BatchMeans,
}

/// The judge of one gauge.
#[derive(Clone, Debug, PartialEq)]
pub struct GaugeJudge {
    settings: GaugeSettings,
    state: GaugeState,
}

impl GaugeReading {
    /// Why nothing was compared, as the end of a sentence; none when something was.
    pub fn lack(self) -> Option<&'static str> {
        Some(match self {
            Self::Compared { .. } => return None,
            Self::CanaryMissing => "no pod of the canary has a value",
            Self::StableMissing => "no pod of the stable version has a value",
            Self::BothMissing => "no pod has a value",
        })
    }
}

impl GaugeJudge {
    /// A judge that has seen nothing. The step's weight makes no difference to a gauge; it is there because all judges
    /// start alike.
    pub fn start(settings: GaugeSettings, step: StepWeight) -> Self {
        Self::resume(settings, step, GaugeState::default())
    }

    /// A judge that goes on from a stored state.
    pub fn resume(settings: GaugeSettings, _step: StepWeight, state: GaugeState) -> Self {
        Self { settings, state }
    }

    /// What must be kept until the next look.
    pub fn state(&self) -> GaugeState {
        self.state.clone()
    }

    /// Takes the values of one look.
    pub fn look(&mut self, samples: &GaugeSamples) -> GaugeOutcome {
        let mut dropped_samples = 0;
        let canary = by_pod(samples.canary.as_deref().unwrap_or_default(), &mut dropped_samples);
        let stable = by_pod(samples.stable.as_deref().unwrap_or_default(), &mut dropped_samples);
        let reading = match (mean(&canary), mean(&stable)) {
            (Some(canary_mean), Some(stable_mean)) => {
                self.compare(&canary, &stable);
                GaugeReading::Compared { canary: canary_mean, stable: stable_mean }
            }
            (None, Some(_)) => GaugeReading::CanaryMissing,
            (Some(_), None) => GaugeReading::StableMissing,
            (None, None) => GaugeReading::BothMissing,
        };
        GaugeOutcome { reading, dropped_samples }
    }

    /// Begins a step: safety must be shown anew.
    pub fn new_step(&mut self, _step: StepWeight) {
        self.state.step = BatchMeans::default();
    }

    /// Where the judgement stands. `step_elapsed` is how long the step has lasted, from which the time that is still
    /// needed is reckoned.
    pub fn evidence(&self, step_elapsed: Duration) -> GaugeEvidence {
        let GaugeState { scale, run, step, canary_pods, stable_pods, canary, stable } = &self.state;
        let scale = scale.unwrap_or(GaugeScale::Ratio);
        let means = |pods: &PodMeans| pods.means().collect::<Vec<f64>>();
        let stable_mean = stable.mean();
        let boundary = |margin| stable_mean.map(|stable| self.boundary(scale, margin, stable));
        let trend =
            |means: &BatchMeans| Trend { looks: means.values(), mean: means.mean(), series: means.series_mean() };
        GaugeEvidence {
            worse: self.settings.worse,
            scale,
            canary: canary.mean(),
            stable: stable_mean,
            run: trend(run),
            step: trend(step),
            pods: PodSpread::of(&means(canary_pods), &means(stable_pods)),
            harm_boundary: boundary(self.settings.dead_zone),
            safe_boundary: boundary(self.settings.margin),
            false_rollback: self.settings.false_rollback,
            missed_regression: self.settings.missed_regression,
            slope: Slope::of(run),
            seconds_per_look: (step.values() > 0.0 && !step_elapsed.is_zero())
                .then(|| step_elapsed.as_secs_f64() / step.values()),
        }
    }

    fn compare(&mut self, canary: &BTreeMap<&str, f64>, stable: &BTreeMap<&str, f64>) {
        let positive = canary.values().chain(stable.values()).all(|value| *value > 0.0);
        match self.state.scale {
            None => {
                let scale = if positive { GaugeScale::Ratio } else { GaugeScale::Difference };
                self.state.scale = Some(scale);
            }
            Some(GaugeScale::Ratio) if !positive => {
                // There is no ratio to 0. What was compared so far is on another scale; the chance of a false alarm is
                // spent a second time, once at most.
                self.state = GaugeState { scale: Some(GaugeScale::Difference), ..GaugeState::default() };
            }
            Some(_) => {}
        }
        let scale = self.state.scale.unwrap_or(GaugeScale::Difference);
        let on_scale = |value: f64| match scale {
            GaugeScale::Ratio => value.ln(),
            GaugeScale::Difference => value,
        };
        let (Some(canary_mean), Some(stable_mean)) = (mean(canary), mean(stable)) else { return };
        let difference = on_scale(canary_mean) - on_scale(stable_mean);
        let worse = match self.settings.worse {
            Worse::Higher => difference,
            Worse::Lower => -difference,
        };
        self.state.run.push(worse);
        self.state.step.push(worse);
        self.state.canary.push(canary_mean);
        self.state.stable.push(stable_mean);
        for (means, values) in [(&mut self.state.canary_pods, canary), (&mut self.state.stable_pods, stable)] {
            for (pod, value) in values {
                means.push(pod, on_scale(*value));
            }
        }
    }

    /// The margin on the scale of the comparison, for a stable version at `stable`.
    fn boundary(&self, scale: GaugeScale, margin: Margin, stable: f64) -> f64 {
        let Margin { ratio, absolute } = margin;
        match (scale, self.settings.worse) {
            (GaugeScale::Ratio, Worse::Higher) => (ratio + absolute / stable).min(f64::MAX).ln(),
            (GaugeScale::Ratio, Worse::Lower) => {
                let lowest = 1.0 / ratio - absolute / stable;
                // A margin of more than everything can't be exceeded.
                if lowest > 0.0 { -lowest.ln() } else { f64::MAX }
            }
            (GaugeScale::Difference, Worse::Higher) => (ratio - 1.0) * stable.abs() + absolute,
            (GaugeScale::Difference, Worse::Lower) => (1.0 - 1.0 / ratio) * stable.abs() + absolute,
        }
    }
}

/// Each pod's value, by name, so that sums are taken in the same order at each replay.
fn by_pod<'a>(samples: &'a [GaugeSample], dropped: &mut u64) -> BTreeMap<&'a str, f64> {
    let mut sums: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for GaugeSample { pod, value, warming_up } in samples {
        if value.is_nan() || value.abs() > LARGEST_VALUE {
            *dropped += 1;
        } else if !warming_up {
            let (sum, count) = sums.entry(pod).or_default();
            *sum += value;
            *count += 1.0;
        }
    }
    sums.into_iter().map(|(pod, (sum, count))| (pod, sum / count)).collect()
}

fn mean(values: &BTreeMap<&str, f64>) -> Option<f64> {
    (!values.is_empty()).then(|| values.values().sum::<f64>() / values.len() as f64)
}
