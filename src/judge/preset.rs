//! Three ways to weigh speed against certainty, for those who don't want to choose each number.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::margin::Margin;
use super::verdict::OnTimeout;

/// A named choice of all settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Preset {
    /// For services where a needless rollback is cheap: one good release in twenty may be rolled back, and what can't be
    /// decided goes on if nothing looks wrong.
    Fast,
    /// The defaults.
    #[default]
    Balanced,
    /// For services where a regression is dear: smaller ones are ruled out, with less chance of missing one.
    Cautious,
}

/// What a preset stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PresetSettings {
    /// Chance of rolling back a release that is no worse, for the whole rollout.
    pub false_rollback: f64,
    /// Chance of passing a step with a canary at the margin.
    pub missed_regression: f64,
    /// What to do when a step ends without a decision.
    pub on_timeout: OnTimeout,
    /// The error rate that a last step must rule out.
    pub error_rate_margin: Margin,
    /// A step lasts at least this long.
    pub least_hold: Duration,
    /// Without a decision a step ends after this time.
    pub longest_hold: Duration,
}

impl Preset {
    /// All presets, from the quickest.
    pub const ALL: [Self; 3] = [Self::Fast, Self::Balanced, Self::Cautious];

    /// What it stands for.
    pub fn settings(self) -> PresetSettings {
        let balanced = PresetSettings {
            false_rollback: 0.01,
            missed_regression: 0.05,
            on_timeout: OnTimeout::Pause,
            error_rate_margin: Margin::ERROR_RATE_LIMIT,
            least_hold: Duration::from_mins(2),
            longest_hold: Duration::from_mins(20),
        };
        match self {
            Self::Fast => PresetSettings { false_rollback: 0.05, on_timeout: OnTimeout::Promote, ..balanced },
            Self::Balanced => balanced,
            Self::Cautious => PresetSettings {
                missed_regression: 0.01,
                error_rate_margin: Margin { ratio: 1.25, absolute: 5e-4 },
                ..balanced
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::ErrorRateSettings;

    #[test]
    fn the_balanced_preset_is_what_the_judge_does_by_default() {
        let (preset, default) = (Preset::Balanced.settings(), ErrorRateSettings::default());
        assert_eq!(preset.false_rollback.to_bits(), default.false_rollback.to_bits());
        assert_eq!(preset.missed_regression.to_bits(), default.missed_regression.to_bits());
        assert_eq!(preset.error_rate_margin, default.margin);
    }

    #[test]
    fn no_preset_promises_more_than_a_more_cautious_one() {
        for pair in Preset::ALL.map(Preset::settings).windows(2) {
            assert!(pair[0].false_rollback >= pair[1].false_rollback);
            assert!(pair[0].missed_regression >= pair[1].missed_regression);
            assert!(pair[0].error_rate_margin.ratio >= pair[1].error_rate_margin.ratio);
        }
    }
}
