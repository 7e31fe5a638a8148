//! A run once more: the looks that an AnalysisRun has written down, judged as they were then, beside what was decided.
//! Pure: it says for which times Prometheus is to be asked, and takes the answers.
//!
//! What was learned from history and how the steps' clocks went on are taken as they were written down; only the values
//! are read again. A look of which Prometheus knows nothing any more leaves nothing to decide from.

pub mod record;
mod recorded;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

use self::record::{ReplayDecision, ReplayRecord, ReplayStep};
pub use self::recorded::{RecordedRun, ReplayProblem};
use super::{
    Clock, LookResult, LookTime, Metric, Recorder, Session, Step,
    record::{Outcome, Record},
};
use crate::{
    measure::{Gap, Measurement, MetricOutcome},
    model::Timestamp,
};

/// A step with this weight has nothing left to compare with, and passes by its time.
const ALL: f64 = 100.0;

/// A run while it is replayed.
#[derive(Debug)]
pub struct Replay<'a> {
    run: RecordedRun,
    session: Session<'a>,
    recorder: Recorder,
    /// Where the next look stands: its step, and its place in it.
    next: (usize, usize),
    /// How many looks were taken.
    looks: u32,
    learned: bool,
    /// How much of what was learned later is known already.
    learned_later: usize,
    reached: bool,
    /// For each step the look at which it passed.
    passed: Vec<Option<u32>>,
    /// The look that decided, and the recording up to it.
    decided: Option<(u32, Record)>,
    lost: Vec<Timestamp>,
    /// How many looks were lost before anything was decided.
    lost_before: usize,
}

/// What a replay came to.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// The recording, up to the decision.
    pub record: Record,
    /// The recording of all looks, where there were more of them.
    pub whole: Option<Record>,
}

impl<'a> Replay<'a> {
    /// A replay that has taken no look. `source` is where the values are read.
    pub fn start(metrics: &'a [Metric], run: RecordedRun, source: String) -> Self {
        let step = run.steps.iter().position(|step| !step.looks.is_empty()).unwrap_or(0);
        let begins = run.steps[step].step;
        let session = Session::start(metrics, run.settings, begins.weight, clock(&run, step, None));
        let recorder = Recorder::start(run.name.clone(), &session, &begins, Some(source));
        let passed = vec![None; run.steps.len()];
        Self {
            session,
            recorder,
            next: (step, 0),
            looks: 0,
            learned: false,
            learned_later: 0,
            reached: run.steps[step].begins_reached,
            passed,
            decided: None,
            lost: Vec::new(),
            lost_before: 0,
            run,
        }
    }

    /// Takes what Prometheus says of the next look; they come in the order of [`RecordedRun::times`].
    pub fn take(&mut self, measurement: &Measurement) {
        let Some((index, look)) = self.advance() else { return };
        let step = self.run.steps[index].step;
        self.learn(look);
        self.reach(index, &step, look);
        let result = self.session.look_again(measurement, &step, look.clock_ms);
        self.looks += 1;
        if self.is_lost(measurement, &result, look) {
            self.lost.push(look.at);
            self.lost_before += usize::from(self.decided.is_none());
        }
        let says = self.recorder.take(&result, &self.session);
        if !says || self.decided.is_some() {
            return;
        }
        match self.recorder.record().outcome {
            Outcome::Rollback => self.decide(),
            // A step passes by what is seen at its own weight.
            Outcome::Promote if self.reached => {
                self.passed[index].get_or_insert(self.looks);
                if step.weight.weight >= step.weight.final_weight {
                    self.decide();
                }
            }
            // Its time was over, and a person was asked.
            Outcome::Promote | Outcome::Undecided => {}
        }
    }

    /// The replay beside what was decided then. `notes` are sentences on what may make them differ.
    pub fn finish(mut self, notes: Vec<String>) -> Replayed {
        let state = self.session.state();
        let same = |known: &crate::api::MetricState| state.metrics.contains(known);
        let exact = self.run.metrics.iter().all(same) && state.metrics.len() == self.run.metrics.len();
        let mut whole = self.recorder.finish(&self.session);
        let (look, mut record, rest) = if let Some((look, record)) = self.decided.take() {
            (Some(look), record, true)
        } else {
            // The last step that was reached may have passed, but it was not the rollout's last one.
            (whole.outcome, whole.decided_at) = (Outcome::Undecided, None);
            (None, whole.clone(), false)
        };
        let lost = self.lost_before > 0;
        if lost {
            record = whole.clone();
            (record.outcome, record.decided_at) = (Outcome::Undecided, None);
            record.message = format!(
                "Prometheus does not have any more what was seen at {} of {} looks (from {:.0} to {:.0}), so nothing is decided",
                self.lost.len(),
                self.looks,
                self.lost[0],
                self.lost[self.lost.len() - 1]
            );
        }
        let replayed = ReplayDecision {
            outcome: record.outcome,
            look: look.filter(|_| !lost),
            at: record.decided_at,
            message: record.message.clone(),
        };
        let recorded = self.run.decision;
        let apart = recorded.look.zip(replayed.look).is_some_and(|(then, now)| then != now);
        // A step that has passed may go on looking, for a pause or until there are pods for the next one.
        let agrees = !lost && recorded.outcome == replayed.outcome && !(apart && recorded.outcome == Outcome::Rollback);
        let mut last_look = 0;
        let steps = self.run.steps.iter().zip(&self.passed).map(|(step, passed)| {
            last_look += u32::try_from(step.looks.len()).unwrap_or(u32::MAX);
            ReplayStep { weight: step.step.weight.weight, last_look, passed_at_look: *passed }
        });
        record.replay = Some(ReplayRecord {
            run: self.run.name,
            recorded,
            replayed,
            agrees,
            exact,
            steps: steps.collect(),
            lost_looks: self.lost,
            notes,
        });
        Replayed { record, whole: (rest && !lost).then_some(whole) }
    }

    /// The next look and its step, which is entered with its first one.
    fn advance(&mut self) -> Option<(usize, LookTime)> {
        loop {
            let (index, place) = self.next;
            let step = self.run.steps.get(index)?;
            if let Some(look) = step.looks.get(place).copied() {
                self.next.1 += 1;
                return Some((index, look));
            }
            self.next = (index + 1, 0);
            if let Some(next) = self.run.steps.get(index + 1) {
                let next = next.step;
                self.enter(index, &next);
            }
        }
    }

    /// Goes on in the next step as the rollout did: with everything that is kept between two looks.
    fn enter(&mut self, before: usize, next: &Step) {
        if next.weight.weight >= ALL && self.passed[before].is_some() && self.decided.is_none() {
            self.decide();
        }
        let clock = clock(&self.run, before + 1, Some(self.session.clock()));
        let metrics = self.session.metrics();
        self.session = Session::resume(metrics, self.run.settings, next.weight, clock, &self.session.state());
        self.recorder.next_step(next);
        self.reached = self.run.steps[before + 1].begins_reached;
    }

    /// Recalls what was learned, from the look on at which it was.
    fn learn(&mut self, look: LookTime) {
        let known = |at: &MicroTime| at.0.as_millisecond() <= look.at.as_millisecond();
        if !self.learned && self.run.learned.learned_at.as_ref().is_none_or(known) {
            self.session.recall(&self.run.learned);
            self.learned = true;
        }
        for later in self.run.learned.learned_later.iter().skip(self.learned_later).take_while(|later| known(&later.at))
        {
            self.session.recall_later(later);
            self.learned_later += 1;
        }
    }

    /// Starts the step's clock where its weight had been reached. The look that showed it was taken before: the clock did
    /// not go on at it.
    fn reach(&mut self, index: usize, step: &Step, look: LookTime) {
        let Some(reached) = self.run.steps[index].reached_at.filter(|_| !self.reached) else { return };
        if look.clock_ms > 0 && look.at.as_millisecond() > reached.as_millisecond() {
            self.session.new_step(step, reached);
            self.reached = true;
        }
    }

    fn decide(&mut self) {
        self.decided = Some((self.looks, self.recorder.clone().finish(&self.session)));
    }

    /// Whether something was seen at a look of which Prometheus knows nothing any more: its clock went on, and there is no
    /// series now, or none at the look before.
    fn is_lost(&self, measurement: &Measurement, result: &LookResult, look: LookTime) -> bool {
        if look.clock_ms == 0 {
            return false;
        }
        let no_series = |outcome: &MetricOutcome| matches!(outcome.gap(), Some(Gap::NoSeries(_)));
        let mut critical = self.session.metrics().iter().zip(&result.sights).filter(|(metric, _)| {
            metric.spec.is_critical() && self.run.metrics.iter().any(|known| known.name == metric.name)
        });
        measurement.metrics.iter().all(|(_, outcome)| no_series(outcome))
            || critical.any(|(metric, sight)| {
                let outcome = measurement.metrics.iter().find(|(name, _)| *name == metric.name);
                let gap = sight.gap.as_ref();
                outcome.is_some_and(|(_, outcome)| no_stable_series(outcome))
                    || gap.is_some_and(|gap| gap.at_once || (gap.reason == "FirstSight" && !result.fresh))
            })
    }
}

/// Whether the stable version is not known. It was there before the run, so it can only have been forgotten.
fn no_stable_series(outcome: &MetricOutcome) -> bool {
    let gap = match outcome {
        MetricOutcome::Counters(arms) => arms.stable.as_ref().err(),
        MetricOutcome::Histograms(arms) => arms.stable.as_ref().err(),
        MetricOutcome::Gauges(arms) => arms.stable.as_ref().err(),
        MetricOutcome::Value(_) => None,
    };
    matches!(gap, Some(Gap::NoSeries(_)))
}

/// The clock of a step as it is entered.
fn clock(run: &RecordedRun, step: usize, before: Option<&Clock>) -> Clock {
    let step = &run.steps[step];
    let reached_at = if step.begins_reached { step.reached_at.or(Some(step.entered_at)) } else { None };
    Clock {
        since: step.entered_at,
        reached_at,
        seen_at: before.and_then(|clock| clock.seen_at),
        elapsed_ms: 0,
        blind: before.and_then(|clock| clock.blind.clone()),
    }
}

#[cfg(test)]
mod tests;
