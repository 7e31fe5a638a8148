//! One error rate judged over a whole rollout: counters in, evidence for harm and for safety out.

mod report;
mod settings;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::baseline::{Capping, CountBaseline};
use super::capped::PodTraffic;
use super::combine::log_threshold;
use super::counters::{CounterState, Reading, Samples};
use super::counts::Counts;
use super::gauge::Worse;
use super::harm::{HarmProcess, HarmState};
use super::interval::{DifferenceSums, REPORT_LEVEL};
use super::margin::StepWeight;
use super::planner::{self, Traffic};
use super::pods::PodWatch;
use super::ratio::{RatioDesign, RatioProcess, RatioState};
use super::tick::Tick;

use report::SpreadSums;
pub use report::{ErrorRateEvidence, Spread};
pub use settings::ErrorRateSettings;

/// Evidence as shown is kept within what an exponential can hold; the state keeps the full value.
const LARGEST_SHOWN: f64 = 700.0;

/// A rollback is foretold only above the evidence that one good version in ten ever reaches. Below it a few errors in a
/// row, which say nothing, would foretell one.
const FORETOLD: f64 = 0.1;

/// All that must be kept between looks. The settings are not part of it, since they come from the spec, except for the
/// baseline: it was learned before the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorRateState {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    baseline: Option<CountBaseline>,
    /// Evidence for harm, since the rollout began.
    harm: HarmState,
    /// Evidence for safety, since the step began.
    safe: RatioState,
    /// Sums for reports, since the rollout began.
    run: DifferenceSums,
    /// Sums for reports, since the step began.
    step: DifferenceSums,
    #[serde(default)]
    spread: SpreadSums,
    /// How large the pods are, since the step began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traffic: Option<PodTraffic>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pods: Option<PodWatch>,
    counters: CounterState,
}

/// What a look at the counters came to.
#[derive(Clone, Debug, PartialEq)]
pub struct LookOutcome {
    /// Counts, or why there were none.
    pub reading: Reading,
    /// The counts of each pod, where there were any.
    pub tick: Option<Tick>,
    /// Samples that were negative, infinite or not numbers.
    pub dropped_samples: u64,
}

/// The judge of one error rate.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorRateJudge {
    settings: ErrorRateSettings,
    step_weight: StepWeight,
    harm: HarmProcess,
    safe: RatioProcess,
    run: DifferenceSums,
    step: DifferenceSums,
    spread: SpreadSums,
    traffic: PodTraffic,
    pods: PodWatch,
    counters: CounterState,
}

impl ErrorRateJudge {
    /// A judge that has seen nothing, at the first step.
    pub fn start(settings: ErrorRateSettings, step: StepWeight) -> Self {
        Self {
            settings,
            step_weight: step,
            harm: HarmProcess::new(settings.harm_design(), settings.baseline.as_ref()),
            safe: RatioProcess::new(usual_safe_design(&settings, step)),
            run: DifferenceSums::default(),
            step: DifferenceSums::default(),
            spread: SpreadSums::default(),
            traffic: PodTraffic::default(),
            pods: PodWatch::default(),
            counters: CounterState::default(),
        }
    }

    /// A judge that goes on from a stored state, at the step in which it was stored. The baseline is the stored one.
    pub fn resume(settings: ErrorRateSettings, step: StepWeight, state: ErrorRateState) -> Self {
        let ErrorRateState { baseline, harm, safe, run, step: step_sums, spread, traffic, pods, counters } = state;
        let settings = ErrorRateSettings { baseline, ..settings };
        Self {
            settings,
            step_weight: step,
            harm: HarmProcess::resume(settings.harm_design(), baseline.as_ref(), &harm),
            safe: RatioProcess::resume(usual_safe_design(&settings, step), safe),
            run,
            step: step_sums,
            spread,
            traffic: traffic.unwrap_or_default(),
            pods: pods.unwrap_or_default(),
            counters,
        }
    }

    /// What must be kept until the next look.
    pub fn state(&self) -> ErrorRateState {
        ErrorRateState {
            baseline: self.settings.baseline,
            harm: self.harm.state(),
            safe: *self.safe.state(),
            run: self.run,
            step: self.step,
            spread: self.spread,
            traffic: Some(self.traffic).filter(|traffic| *traffic != PodTraffic::default()),
            pods: Some(&self.pods).filter(|pods| **pods != PodWatch::default()).cloned(),
            counters: self.counters.clone(),
        }
    }

    /// Takes what the stable version's history says. Before the first counts it is the baseline; later it can only raise
    /// the dispersions, so it must come from the stable version alone. Says whether it changed anything.
    pub fn learn(&mut self, baseline: CountBaseline) -> bool {
        if self.run.totals().is_informative() {
            // Capping can't begin in the middle of a run: its half of the capital has been bet elsewhere.
            let known = self.settings.baseline.unwrap_or(CountBaseline::of_dispersion(self.settings.dispersion()));
            if known.raised(&baseline) == known {
                return false;
            }
            let (harm, safe) = (self.harm.state(), *self.safe.state());
            self.settings.baseline = Some(known.raised(&baseline));
            self.harm = HarmProcess::resume(self.settings.harm_design(), self.settings.baseline.as_ref(), &harm);
            self.safe = RatioProcess::resume(usual_safe_design(&self.settings, self.step_weight), safe);
        } else {
            let settings = ErrorRateSettings { baseline: Some(baseline), ..self.settings };
            *self = Self { counters: std::mem::take(&mut self.counters), ..Self::start(settings, self.step_weight) };
        }
        true
    }

    /// Takes what a look read from the counters.
    pub fn look(&mut self, samples: &Samples) -> LookOutcome {
        let look = self.counters.look(samples);
        if let Some(tick) = &look.tick {
            self.update_pods(tick);
        }
        LookOutcome { reading: look.reading, tick: look.tick, dropped_samples: look.dropped }
    }

    /// Takes the counts of one interval in which pods aren't told apart (replay, simulation).
    pub fn update(&mut self, counts: &Counts) {
        self.update_pods(&Tick::whole(counts));
    }

    /// Takes the counts of one interval, where they don't come from counters (replay, simulation).
    pub fn update_pods(&mut self, tick: &Tick) {
        let raw = tick.raw_strata();
        let design = self.settings.harm_design();
        self.harm.update(design, &raw, tick.seconds);
        for counts in &raw {
            self.spread.update(counts);
            self.run.update(counts);
            self.step.update(counts);
        }
        let knows_pods = tick.knows_pods() && tick.totals().is_informative();
        if knows_pods {
            self.pods.update(tick);
            self.traffic.add(tick);
        }

        let capping = self.settings.baseline.and_then(|baseline| baseline.capping).filter(|_| knows_pods);
        let units = capping.and_then(|capping| Some((capping, self.traffic.units(tick, &capping)?)));
        if let Some((capping, units)) = units {
            self.harm.update_capped(design, &units.capped(tick, &capping.harm), tick.seconds);
            if let Some(cap) = capping.safe(self.step_weight.widening()) {
                let safe = self.settings.safe_design(self.step_weight, cap.dispersion, cap.kappa);
                self.update_safe(safe, &units.capped(tick, cap));
                return;
            }
        }
        // Pods that can't be told apart, or made alike, are not capped: such a tick counts as it is.
        let safe = self.settings.safe_design(self.step_weight, self.settings.dispersion(), 1.0);
        self.update_safe(safe, &raw);
    }

    /// The bets may be changed from tick to tick, as long as they don't depend on the tick's own errors.
    fn update_safe(&mut self, design: RatioDesign, strata: &[Counts]) {
        self.safe = RatioProcess::resume(design, *self.safe.state());
        for counts in strata {
            self.safe.update(counts);
        }
    }

    /// Begins a step: safety must be shown anew, with the step's own margin. Evidence of harm is never forgotten.
    pub fn new_step(&mut self, step: StepWeight) {
        self.step_weight = step;
        self.safe = RatioProcess::new(usual_safe_design(&self.settings, step));
        self.step = DifferenceSums::default();
        self.traffic = PodTraffic::default();
    }

    /// Evidence that the canary is worse than the dead zone allows, in full.
    pub fn log_harm(&self) -> f64 {
        self.harm.log_evidence()
    }

    /// Evidence that a degradation of the margin has been ruled out in this step, in full.
    pub fn log_safe(&self) -> f64 {
        self.safe.log_evidence()
    }

    /// Whether the rates of the step, all counts as they are, keep to its margin; no statement of confidence.
    pub fn is_inside_margin(&self) -> bool {
        let margin = self.settings.step_margin(self.step_weight);
        match self.settings.worse {
            Worse::Lower => self.step.is_above(margin),
            Worse::Higher => self.step.is_inside(margin),
        }
    }

    /// Where the judgement stands. `step_elapsed` is how long the step has lasted, from which the time that is still
    /// needed is reckoned.
    pub fn evidence(&self, step_elapsed: Duration) -> ErrorRateEvidence {
        let totals = self.step.totals();
        let dispersion = self.settings.dispersion();
        let lower_is_worse = self.settings.worse == Worse::Lower;
        let log_harm = self.harm.log_evidence();
        let log_harm_threshold = log_threshold(self.settings.false_rollback);
        let log_safe_threshold = log_threshold(self.settings.missed_regression);
        let traffic = Traffic::seen(totals, step_elapsed);
        let inside_margin = self.is_inside_margin();
        let baseline = self.settings.baseline;
        let capping = baseline.and_then(|baseline| baseline.capping);
        ErrorRateEvidence {
            canary: self.run.canary_report(),
            stable: self.run.stable_report(),
            step_canary_requests: totals.canary_requests,
            step_stable_requests: totals.stable_requests,
            difference: self.run.interval(REPORT_LEVEL),
            log_harm: log_harm.clamp(-LARGEST_SHOWN, LARGEST_SHOWN),
            log_harm_threshold,
            log_safe: self.safe.log_evidence().clamp(-LARGEST_SHOWN, LARGEST_SHOWN),
            log_safe_threshold,
            inside_margin,
            seconds_until_safe: traffic
                .and_then(|traffic| planner::seconds_until(&self.safe, log_safe_threshold, &traffic))
                // Capped counts that are shown to be safe say nothing against what all counts say as they are.
                .filter(|seconds| *seconds > 0.0 || inside_margin),
            seconds_until_harm: traffic
                .and_then(|traffic| planner::seconds_until(self.harm.raw(), log_harm_threshold, &traffic))
                // When the counts have passed alone, it is the second opinion that is waited for.
                .filter(|seconds| *seconds > 0.0 || log_harm >= log_harm_threshold)
                .filter(|_| log_harm >= log_threshold(FORETOLD)),
            limit: self.settings.limit.filter(|_| totals.is_informative()).and_then(|limit| {
                limit.evidence(
                    (totals.canary_requests, totals.canary_errors),
                    (totals.stable_requests, totals.stable_errors),
                    dispersion,
                )
            }),
            spread: Spread {
                history_ticks: baseline.map_or(0, |baseline| baseline.ticks),
                history_seconds: baseline.and_then(|baseline| baseline.seconds),
                dispersion: baseline.map_or(dispersion, |baseline| baseline.raw_dispersion()),
                block: baseline.and_then(|baseline| baseline.block),
                capped_dispersion: baseline.and_then(|baseline| baseline.capped_dispersion()),
                cap: capping.map(|capping| capping.harm.cap),
                in_run: self.spread.per_degree(),
                between_pods: self.pods.spread(),
            },
            pods: self.pods.report(dispersion, lower_is_worse),
        }
    }
}

/// The design for safety that most ticks of a step have; a tick that can't be capped has its own.
fn usual_safe_design(settings: &ErrorRateSettings, step: StepWeight) -> RatioDesign {
    let capping: Option<Capping> = settings.baseline.and_then(|baseline| baseline.capping);
    match capping.as_ref().and_then(|capping| capping.safe(step.widening())) {
        Some(cap) => settings.safe_design(step, cap.dispersion, cap.kappa),
        None => settings.safe_design(step, settings.dispersion(), 1.0),
    }
}

#[cfg(test)]
mod tests;
