//! What an AnalysisRun keeps of a run: its steps with the times of their looks, what it learned, and how it ended.

use std::time::Duration;

use super::record::ReplayDecision;
use crate::{
    analysis::{LookTime, Settings, Step, record::Outcome},
    api::{AnalysisPhase, AnalysisRun, AnalysisRunStatus, AnalysisState, MetricState, OnRegression, StepLooks},
    judge::{OnTimeout, StepWeight},
    model::Timestamp,
};

/// Why a run can't be replayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayProblem {
    /// It never looked.
    #[error("AnalysisRun {run} has no looks (phase {phase:?}): there is nothing to replay")]
    NoLooks {
        /// `namespace/name`.
        run: String,
        /// Where it stands.
        phase: AnalysisPhase,
    },
    /// Looks that are said to be there can't be read.
    #[error(
        "of the {count} looks of step {step} of AnalysisRun {run} only {read} can be read: its status was written by another version, or by hand"
    )]
    Unreadable {
        /// `namespace/name`.
        run: String,
        /// The step, from 1.
        step: usize,
        /// How many looks there should be.
        count: u32,
        /// How many there are.
        read: usize,
    },
}

/// What is kept of a run.
#[derive(Clone, Debug)]
pub struct RecordedRun {
    /// `namespace/name`.
    pub(super) name: String,
    pub(super) settings: Settings,
    pub(super) steps: Vec<RecordedStep>,
    pub(super) decision: ReplayDecision,
    /// What history said, and when; nothing else of the state.
    pub(super) learned: AnalysisState,
    /// What the metrics knew after the last look.
    pub(super) metrics: Vec<MetricState>,
}

/// One step.
#[derive(Clone, Debug)]
pub(super) struct RecordedStep {
    pub(super) step: Step,
    pub(super) entered_at: Timestamp,
    pub(super) reached_at: Option<Timestamp>,
    /// Whether the weight was there from the first look on: nothing waits for traffic that a person has split.
    pub(super) begins_reached: bool,
    pub(super) looks: Vec<LookTime>,
}

impl RecordedRun {
    /// What an AnalysisRun keeps.
    ///
    /// # Errors
    /// There are no looks, or not all of them can be read.
    pub fn of(run: &AnalysisRun) -> Result<Self, ReplayProblem> {
        let [namespace, name] =
            [&run.metadata.namespace, &run.metadata.name].map(|text| text.as_deref().unwrap_or_default());
        let name = format!("{namespace}/{name}");
        let status = run.status.clone().unwrap_or_default();
        let mut steps = Vec::new();
        for (index, looks) in status.state.steps.iter().enumerate() {
            let step = step(run, looks);
            let read = step.looks.len();
            if read != looks.count as usize {
                return Err(ReplayProblem::Unreadable { run: name, step: index + 1, count: looks.count, read });
            }
            steps.push(step);
        }
        if steps.iter().all(|step| step.looks.is_empty()) {
            return Err(ReplayProblem::NoLooks { run: name, phase: status.phase });
        }
        let settings = Settings { canary_is_new: run.spec.rollout.is_some(), ..Settings::from(&run.spec.analysis) };
        let decision = decision(run, &status, &steps, settings.on_timeout);
        let AnalysisState { metrics, baselines, learned_at, learned_later, .. } = status.state;
        let learned = AnalysisState { baselines, learned_at, learned_later, ..AnalysisState::default() };
        Ok(Self { name, settings, steps, decision, learned, metrics })
    }

    /// The times of all looks, in their order.
    pub fn times(&self) -> Vec<Timestamp> {
        self.steps.iter().flat_map(|step| step.looks.iter().map(|look| look.at)).collect()
    }

    /// The first look.
    pub fn began(&self) -> Option<Timestamp> {
        self.steps.iter().find_map(|step| step.looks.first()).map(|look| look.at)
    }

    /// The metrics that had begun by the end, as `template/metric`.
    pub fn metrics(&self) -> impl Iterator<Item = &str> {
        self.metrics.iter().map(|metric| metric.name.as_str())
    }
}

fn step(run: &AnalysisRun, looks: &StepLooks) -> RecordedStep {
    let by_hand = run.spec.rollout.is_none();
    let weight = StepWeight { weight: looks.weight, final_weight: looks.final_weight };
    let planned = if by_hand { run.spec.weight.map(f64::from) } else { (looks.weight < 100.0).then_some(looks.weight) };
    RecordedStep {
        step: Step { weight, planned, min: whole(looks.min()), max: whole(looks.max()) },
        entered_at: looks.entered_at.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0),
        reached_at: looks.reached_at.as_ref().map(|time| time.0),
        begins_reached: by_hand,
        looks: looks.times(),
    }
}

/// Seconds with a fraction are not always the same nanoseconds as before.
fn whole(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from((duration + Duration::from_micros(500)).as_millis()).unwrap_or(u64::MAX))
}

/// What was decided then. A decision ends a run, so it was made at the last look.
fn decision(
    run: &AnalysisRun,
    status: &AnalysisRunStatus,
    steps: &[RecordedStep],
    on_timeout: OnTimeout,
) -> ReplayDecision {
    let blind = status.clock.as_ref().is_some_and(|clock| clock.blind.is_some());
    let outcome = match (status.phase, status.verdict.as_deref()) {
        (AnalysisPhase::Successful, _) => Outcome::Promote,
        // Nothing could be seen for long: an end, but no verdict.
        (AnalysisPhase::Failed, _) if blind => Outcome::Undecided,
        (AnalysisPhase::Failed, _) | (AnalysisPhase::Inconclusive, Some("Regression")) => Outcome::Rollback,
        (AnalysisPhase::Inconclusive, Some("TimedOut")) if on_timeout == OnTimeout::Rollback => Outcome::Rollback,
        _ => Outcome::Undecided,
    };
    // A run that waits for a person after a regression goes on looking.
    let waits = outcome == Outcome::Rollback && run.spec.analysis.on_regression == OnRegression::Pause;
    let by_rollout = run.spec.rollout.is_some();
    let at_last = outcome != Outcome::Undecided && !(waits && by_rollout);
    let looks = steps.iter().map(|step| step.looks.len()).sum::<usize>();
    let last = steps.iter().rev().find_map(|step| step.looks.last());
    ReplayDecision {
        outcome,
        look: at_last.then(|| u32::try_from(looks).unwrap_or(u32::MAX)),
        at: last.filter(|_| at_last).map(|look| look.at),
        message: status.message.clone().unwrap_or_default(),
    }
}
