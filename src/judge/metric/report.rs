//! What is told of one error rate at a look.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::judge::combine::log_threshold;
use crate::judge::counts::Counts;
use crate::judge::interval::{ArmReport, Interval};
use crate::judge::pods::PodReport;
use crate::judge::rate_limit::RateLimitEvidence;

/// Where the judgement of one error rate stands. Logs are natural; rates are shares of requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorRateEvidence {
    /// The canary since the rollout began.
    pub canary: ArmReport,
    /// The stable version over the same intervals.
    pub stable: ArmReport,
    /// Canary requests since the step began.
    pub step_canary_requests: f64,
    /// Stable requests since the step began.
    pub step_stable_requests: f64,
    /// Canary rate minus stable rate, compared interval by interval; none until there are enough errors for a
    /// statement (20 intervals and 20 errors in each arm).
    pub difference: Option<Interval>,
    /// Evidence that the canary is worse than the dead zone allows.
    pub log_harm: f64,
    /// The evidence of harm that rolls back.
    pub log_harm_threshold: f64,
    /// Evidence that a degradation of the margin has been ruled out in this step.
    pub log_safe: f64,
    /// The evidence of safety that passes the step.
    pub log_safe_threshold: f64,
    /// Whether the step's point estimates are inside the margin, which says nothing about certainty.
    pub inside_margin: bool,
    /// Expected seconds until safety is shown, if rates and traffic stay as they were in this step; none when the
    /// evidence isn't growing.
    pub seconds_until_safe: Option<f64>,
    /// Expected seconds until a rollback by this metric alone, likewise; none below an e-value of 10 for harm, which one
    /// good version in ten ever reaches.
    pub seconds_until_harm: Option<f64>,
    /// How the canary's rate in this step stands to its hard limit; none without one, or before any request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<RateLimitEvidence>,
    /// How much the counts vary, as known before the run and as seen in it.
    pub spread: Spread,
    /// The canary's pods; none where the counters don't tell them apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pods: Vec<PodReport>,
}

/// How much counts vary relative to Poisson counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Spread {
    /// Ticks of history that it was learned from; 0 where it is assumed.
    pub history_ticks: u32,
    /// How long the history is, in seconds; below two hours it has not shown what happens now and then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history_seconds: Option<f64>,
    /// The dispersion that evidence of harm on raw counts is tempered by, from 1 to 50: what the history showed, but at
    /// least 2 where there is none or a short one. Evidence of safety takes what the history showed as it is.
    pub dispersion: f64,
    /// Length in ticks of the blocks of history that showed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<u32>,
    /// The dispersion of the counts capped per pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capped_dispersion: Option<f64>,
    /// What a pod counts at most in a tick.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<f64>,
    /// Seen in this run: Pearson's statistic of the canary's part of all errors, over its degrees of freedom. Much above
    /// the dispersion without a difference between the versions: the history was calmer than the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_run: Option<f64>,
    /// Seen in this run: Pearson's statistic of the canary's pods' parts of its errors, over its degrees of freedom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub between_pods: Option<f64>,
}

impl ErrorRateEvidence {
    /// Whether the hard limit is broken.
    pub fn is_over_limit(&self) -> bool {
        self.limit.is_some_and(|limit| limit.is_broken(self.log_harm_threshold))
    }

    /// Whether there is enough evidence of harm for a decision at `level`.
    pub fn is_harmful(&self, level: f64) -> bool {
        self.log_harm >= log_threshold(level)
    }

    /// The canary's pods that are out of line with the others, on the worse side.
    pub fn pods_out_of_line(&self) -> impl Iterator<Item = &PodReport> {
        self.pods.iter().filter(|pod| pod.out_of_line)
    }
}

/// Running sums of Pearson's statistic for the canary's part of the errors, given all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SpreadSums {
    sum: f64,
    count: f64,
}

impl SpreadSums {
    pub(super) fn update(&mut self, counts: &Counts) {
        let counts = counts.bounded();
        let errors = counts.canary_errors + counts.stable_errors;
        if !counts.is_informative() || errors <= 0.0 {
            return;
        }
        let share = 1.0 / (1.0 + counts.stable_requests / counts.canary_requests);
        let surplus = counts.canary_errors - errors * share;
        let variance = errors * share * (1.0 - share);
        // A share beyond what a float can tell from 0 or 1 has no variance.
        if variance > 0.0 {
            self.sum += (surplus * surplus / variance).min(f64::MAX / 2.0 - self.sum);
            self.count += 1.0;
        }
    }

    pub(super) fn per_degree(&self) -> Option<f64> {
        (self.count > 0.0).then(|| self.sum / self.count)
    }
}
