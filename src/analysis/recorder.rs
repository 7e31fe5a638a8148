//! Writes an analysis down while it goes on, and says when it is decided.

use super::{
    LookResult, Record, Session, Step,
    record::{Outcome, SettingsRecord},
};
use crate::judge::{OnTimeout, TimeoutAction, Verdict};

/// A recording that is being made.
#[derive(Clone, Debug)]
pub struct Recorder {
    record: Record,
    /// The step, from 0.
    step: u32,
    weight: Option<f64>,
}

impl Recorder {
    /// A recording without a look. `source` is where the numbers come from.
    pub fn start(subject: String, session: &Session<'_>, step: &Step, source: Option<String>) -> Self {
        let settings = session.settings();
        let on_timeout = match settings.on_timeout {
            OnTimeout::Pause => "Pause",
            OnTimeout::Rollback => "Rollback",
            OnTimeout::Promote => "Promote",
        };
        let record = Record {
            subject,
            canary: std::collections::BTreeMap::new(),
            stable: std::collections::BTreeMap::new(),
            settings: SettingsRecord {
                false_rollback: settings.false_rollback,
                missed_regression: settings.missed_regression,
                interval_seconds: settings.interval.as_secs_f64(),
                min_seconds: step.min.as_secs_f64(),
                max_seconds: step.max.as_secs_f64(),
                on_timeout: on_timeout.to_owned(),
                source,
            },
            metrics: session.record_metrics(),
            looks: Vec::new(),
            outcome: Outcome::Undecided,
            decided_at: None,
            message: "there was no look".to_owned(),
            warnings: Vec::new(),
            second_verdicts: Vec::new(),
            replay: None,
        };
        Self { record, step: 0, weight: step.planned }
    }

    /// The looks from now on are of the next step. What the one before came to was not the end.
    pub fn next_step(&mut self, step: &Step) {
        self.step += 1;
        self.weight = step.planned;
        self.record.outcome = Outcome::Undecided;
        self.record.decided_at = None;
    }

    /// Writes a look down. Whether it decides: of one step, safety or a step's longest time ends the analysis, too. A look
    /// that can't see decides nothing.
    pub fn take(&mut self, look: &LookResult, session: &Session<'_>) -> bool {
        self.record.looks.push(look.record(session, self.step, self.weight));
        self.record.message = look.decision.verdict.explain();
        self.record.warnings.clone_from(&look.decision.warnings);
        let Some(decision) = look.seen() else { return false };
        let outcome = match &decision.verdict {
            Verdict::Rollback(_) => Outcome::Rollback,
            Verdict::Advance { .. } => Outcome::Promote,
            Verdict::TimedOut { action, .. } => match action {
                TimeoutAction::Advance => Outcome::Promote,
                TimeoutAction::Rollback => Outcome::Rollback,
                TimeoutAction::Pause => Outcome::Undecided,
            },
            Verdict::Continue(_) | Verdict::NoData { .. } => return false,
        };
        self.record.outcome = outcome;
        self.record.decided_at = (outcome != Outcome::Undecided).then_some(look.at);
        true
    }

    /// What has been written down so far.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The recording, with what the metrics know at the end.
    #[must_use]
    pub fn finish(mut self, session: &Session<'_>) -> Record {
        self.record.metrics = session.record_metrics();
        self.record
    }
}
