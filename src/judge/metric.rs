//! One error rate judged over a whole rollout: counters in, evidence for harm and for safety out.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::combine::log_threshold;
use super::counters::{CounterState, Reading, Samples};
use super::counts::Counts;
use super::interval::{ArmReport, DifferenceSums, Interval, REPORT_LEVEL};
use super::margin::{Margin, StepWeight};
use super::planner::{self, Traffic};
use super::ratio::{RatioDesign, RatioProcess, RatioState};
use super::share::{GUARD_DISPERSION, ShareProcess, ShareState};

/// Intervals per block of the guard: bursts of errors that last several intervals fall into one block.
const GUARD_BLOCK: u32 = 6;
/// Evidence as shown is kept within what an exponential can hold; the state keeps the full value.
const LARGEST_SHOWN: f64 = 700.0;

/// How one error rate is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ErrorRateSettings {
    /// Up to here a canary is no worse.
    pub dead_zone: Margin,
    /// What the last step must rule out; earlier steps rule out more, see [`Margin::graduated`].
    pub margin: Margin,
    /// Chance of rolling back a release that is no worse, for the whole rollout: in (0, 0.5).
    pub false_rollback: f64,
    /// Chance of passing a step with a canary at the margin: in (0, 0.5).
    pub missed_regression: f64,
    /// Variance of the counts relative to Poisson, at least 1.
    pub dispersion: f64,
}

impl Default for ErrorRateSettings {
    fn default() -> Self {
        Self {
            dead_zone: Margin::ERROR_RATE_DEAD_ZONE,
            margin: Margin::ERROR_RATE_LIMIT,
            false_rollback: 0.01,
            missed_regression: 0.05,
            dispersion: 1.0,
        }
    }
}

/// All that must be kept between looks. The settings are not part of it: they come from the spec.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorRateState {
    /// Evidence for harm, since the rollout began.
    harm: RatioState,
    /// Evidence for safety, since the step began.
    safe: RatioState,
    /// The second opinion on harm, where errors come in clusters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    guard: Option<ShareState>,
    /// Sums for reports, since the rollout began.
    run: DifferenceSums,
    /// Sums for reports, since the step began.
    step: DifferenceSums,
    counters: CounterState,
}

/// What a look at the counters came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LookOutcome {
    /// Counts, or why there were none.
    pub reading: Reading,
    /// Samples that were negative, infinite or not numbers.
    pub dropped_samples: u64,
}

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
}

/// The judge of one error rate.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorRateJudge {
    settings: ErrorRateSettings,
    harm: RatioProcess,
    safe: RatioProcess,
    guard: Option<ShareProcess>,
    run: DifferenceSums,
    step: DifferenceSums,
    counters: CounterState,
}

impl ErrorRateJudge {
    /// A judge that has seen nothing, at the first step.
    pub fn start(settings: ErrorRateSettings, step: StepWeight) -> Self {
        Self {
            settings,
            harm: RatioProcess::new(harm_design(&settings)),
            safe: RatioProcess::new(safe_design(&settings, step)),
            guard: guard(&settings, ShareState::default()),
            run: DifferenceSums::default(),
            step: DifferenceSums::default(),
            counters: CounterState::default(),
        }
    }

    /// A judge that goes on from a stored state, at the step in which it was stored.
    pub fn resume(settings: ErrorRateSettings, step: StepWeight, state: ErrorRateState) -> Self {
        let ErrorRateState { harm, safe, guard: guard_state, run, step: step_sums, counters } = state;
        Self {
            settings,
            harm: RatioProcess::resume(harm_design(&settings), harm),
            safe: RatioProcess::resume(safe_design(&settings, step), safe),
            guard: guard(&settings, guard_state.unwrap_or_default()),
            run,
            step: step_sums,
            counters,
        }
    }

    /// What must be kept until the next look.
    pub fn state(&self) -> ErrorRateState {
        ErrorRateState {
            harm: *self.harm.state(),
            safe: *self.safe.state(),
            guard: self.guard.map(|guard| *guard.state()),
            run: self.run,
            step: self.step,
            counters: self.counters.clone(),
        }
    }

    /// Takes what a look read from the counters.
    pub fn look(&mut self, samples: &Samples) -> LookOutcome {
        let (reading, dropped_samples) = self.counters.look(samples);
        if let Reading::Counted(counts) = reading {
            self.update(&counts);
        }
        LookOutcome { reading, dropped_samples }
    }

    /// Takes the counts of one interval, where they don't come from counters (replay, simulation).
    pub fn update(&mut self, counts: &Counts) {
        self.harm.update(counts);
        self.safe.update(counts);
        if let Some(guard) = &mut self.guard {
            guard.update(counts);
        }
        self.run.update(counts);
        self.step.update(counts);
    }

    /// Begins a step: safety must be shown anew, with the step's own margin. Evidence of harm is never forgotten.
    pub fn new_step(&mut self, step: StepWeight) {
        self.safe = RatioProcess::new(safe_design(&self.settings, step));
        self.step = DifferenceSums::default();
    }

    /// Where the judgement stands. `step_elapsed` is how long the step has lasted, from which the time that is still
    /// needed is reckoned.
    pub fn evidence(&self, step_elapsed: Duration) -> ErrorRateEvidence {
        let totals = self.step.totals();
        let log_safe_threshold = log_threshold(self.settings.missed_regression);
        ErrorRateEvidence {
            canary: self.run.canary_report(),
            stable: self.run.stable_report(),
            step_canary_requests: totals.canary_requests,
            step_stable_requests: totals.stable_requests,
            difference: self.run.interval(REPORT_LEVEL),
            log_harm: self.log_harm().clamp(-LARGEST_SHOWN, LARGEST_SHOWN),
            log_harm_threshold: log_threshold(self.settings.false_rollback),
            log_safe: self.safe.log_evidence().clamp(-LARGEST_SHOWN, LARGEST_SHOWN),
            log_safe_threshold,
            inside_margin: self.step.is_inside(self.settings.margin),
            seconds_until_safe: traffic(totals, step_elapsed)
                .and_then(|traffic| planner::seconds_until(&self.safe, log_safe_threshold, &traffic)),
        }
    }

    /// The smaller of two opinions is valid if either is.
    fn log_harm(&self) -> f64 {
        let log_harm = self.harm.log_evidence();
        self.guard.map_or(log_harm, |guard| log_harm.min(guard.log_evidence()))
    }
}

fn harm_design(settings: &ErrorRateSettings) -> RatioDesign {
    RatioDesign::harm(settings.dead_zone, settings.dispersion)
}

fn safe_design(settings: &ErrorRateSettings, step: StepWeight) -> RatioDesign {
    RatioDesign::safe(settings.margin.graduated(step), settings.dispersion)
}

fn guard(settings: &ErrorRateSettings, state: ShareState) -> Option<ShareProcess> {
    (settings.dispersion > GUARD_DISPERSION).then(|| ShareProcess::resume(settings.dead_zone.ratio, GUARD_BLOCK, state))
}

/// The traffic of a step as the planner wants it; none before there was any.
fn traffic(totals: &Counts, elapsed: Duration) -> Option<Traffic> {
    let requests = totals.canary_requests + totals.stable_requests;
    (totals.is_informative() && !elapsed.is_zero()).then(|| Traffic {
        requests_per_second: requests / elapsed.as_secs_f64(),
        canary_share: totals.canary_requests / requests,
        canary_rate: totals.canary_errors / totals.canary_requests,
        stable_rate: totals.stable_errors / totals.stable_requests,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: StepWeight = StepWeight { weight: 10.0, final_weight: 50.0 };
    const HEALTHY: Counts =
        Counts { canary_requests: 100.0, stable_requests: 900.0, canary_errors: 0.0, stable_errors: 1.0 };
    const ILL: Counts = Counts { canary_errors: 20.0, ..HEALTHY };

    fn judge_after(counts: Counts, intervals: usize) -> ErrorRateJudge {
        let mut judge = ErrorRateJudge::start(ErrorRateSettings::default(), STEP);
        for _ in 0..intervals {
            judge.update(&counts);
        }
        judge
    }

    #[test]
    fn a_new_step_asks_for_safety_anew_and_remembers_harm() {
        let mut judge = judge_after(ILL, 1);
        let harm = judge.evidence(Duration::ZERO).log_harm;
        judge.new_step(StepWeight { weight: 25.0, final_weight: 50.0 });
        let evidence = judge.evidence(Duration::ZERO);
        assert_eq!(evidence.log_harm.to_bits(), harm.to_bits());
        assert!(evidence.log_safe.abs() < 1e-12, "{evidence:?}");
        assert!(evidence.step_canary_requests.abs() < 1e-12 && evidence.canary.requests > 0.0, "{evidence:?}");
    }

    #[test]
    fn a_healthy_canary_comes_closer_to_safety_in_about_the_time_foretold() {
        let judge = judge_after(HEALTHY, 10);
        let foretold = judge.evidence(Duration::from_secs(10)).seconds_until_safe.unwrap();
        let mut taken = 0;
        let mut going_on = judge;
        while going_on.evidence(Duration::ZERO).log_safe < log_threshold(0.05) {
            going_on.update(&HEALTHY);
            taken += 1;
        }
        let taken = f64::from(taken);
        assert!((0.5..=1.0).contains(&(taken / foretold)), "foretold {foretold} s, taken {taken} s");
    }

    #[test]
    fn an_ill_canary_has_no_time_until_safe_and_is_outside_the_margin() {
        let evidence = judge_after(ILL, 3).evidence(Duration::from_secs(3));
        assert_eq!(evidence.seconds_until_safe, None);
        assert!(!evidence.inside_margin);
        assert!(evidence.log_harm >= evidence.log_harm_threshold, "{evidence:?}");
    }

    #[test]
    fn clustered_errors_need_the_second_opinion() {
        let settings = ErrorRateSettings { dispersion: 3.0, ..ErrorRateSettings::default() };
        let mut judge = ErrorRateJudge::start(settings, STEP);
        judge.update(&Counts { canary_errors: 90.0, ..HEALTHY });
        assert!(judge.harm.log_evidence() > 4.7);
        assert!(judge.evidence(Duration::ZERO).log_harm.abs() < 1e-12);
    }

    #[test]
    fn the_state_survives_json_to_the_bit() {
        let judge = judge_after(ILL, 7);
        let text = serde_json::to_string(&judge.state()).unwrap();
        let back = ErrorRateJudge::resume(ErrorRateSettings::default(), STEP, serde_json::from_str(&text).unwrap());
        assert_eq!(back, judge);
    }
}
