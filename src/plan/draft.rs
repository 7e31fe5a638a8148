//! A plan while it is made: the status it will write, the effects so far, and where among them the status belongs.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, MicroTime, Time};

use super::{Plan, look};
use crate::{
    act::{Effect, Notice, Purpose},
    api::{Phase, RolloutStatus, condition},
    model::Key,
    observe::Observed,
};

/// How long an idle Rollout sleeps where nothing wakes it.
const IDLE: Duration = Duration::from_hours(1);

/// A plan while it is made.
pub(super) struct Draft<'a> {
    pub(super) observed: &'a Observed,
    pub(super) now: Timestamp,
    /// The status as it will be.
    pub(super) status: RolloutStatus,
    effects: Vec<Effect>,
    notices: Vec<Notice>,
    status_at: Option<usize>,
    again: Duration,
    /// Whether there is something to ask of a look.
    pub(super) measurable: bool,
    /// Whether a weight waits for being raised, which needs a look.
    raises: bool,
    ended: bool,
}

impl<'a> Draft<'a> {
    pub(super) fn new(observed: &'a Observed, now: Timestamp) -> Self {
        let status = observed.rollout.status.clone().unwrap_or_default();
        Self {
            observed,
            now,
            status,
            effects: Vec::new(),
            notices: Vec::new(),
            status_at: None,
            again: IDLE,
            measurable: false,
            raises: false,
            ended: false,
        }
    }

    /// Whether the Rollout itself is being deleted.
    pub(super) fn deleting(&self) -> bool {
        self.observed.rollout.metadata.deletion_timestamp.is_some()
    }

    pub(super) fn time(&self) -> MicroTime {
        MicroTime(self.now)
    }

    pub(super) fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Patches `target` where there is something to patch; says whether there was. A run that takes another's place may
    /// ask twice for the same; the second patch would be made for an object that the first has changed.
    pub(super) fn patch(&mut self, target: Key, patch: Option<json_patch::Patch>, purpose: Purpose) -> bool {
        let Some(patch) = patch else { return false };
        let same = |effect: &Effect| matches!(effect, Effect::Patch { target: other, patch: known, .. } if (other, known) == (&target, &patch));
        if !self.effects.iter().any(same) {
            self.effects.push(Effect::Patch { target, patch, purpose });
        }
        true
    }

    /// The status is written here: after the effects so far and before those that follow. The first call counts.
    pub(super) fn save(&mut self) {
        self.status_at.get_or_insert(self.effects.len());
    }

    /// Whether this plan changes anything but the status.
    pub(super) fn has_effects(&self) -> bool {
        !self.effects.is_empty()
    }

    /// Tells people, after everything else.
    pub(super) fn tell(&mut self, reason: &str, message: &str) {
        self.notices.push(Notice { warning: false, reason: reason.to_owned(), message: message.to_owned() });
    }

    /// Warns people, after everything else.
    pub(super) fn warn(&mut self, reason: &str, message: &str) {
        self.notices.push(Notice { warning: true, reason: reason.to_owned(), message: message.to_owned() });
    }

    /// The Rollout itself is let go by this plan: there is no status any more.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// Look again after this time at the latest.
    pub(super) fn again(&mut self, after: Duration) {
        self.again = self.again.min(after.max(Duration::from_millis(50)));
    }

    /// A weight waits for being raised: that needs a look soon.
    pub(super) fn raises(&mut self) {
        self.raises = true;
    }

    /// Enters a phase; clocks of waiting start anew.
    pub(super) fn enter(&mut self, phase: Phase, message: &str) {
        let now = self.time();
        self.status.phase = phase;
        self.status.message = Some(message.to_owned());
        if let Some(run) = &mut self.status.run {
            run.since = now;
            run.unready_since = None;
        }
    }

    /// Says what is waited for.
    pub(super) fn say(&mut self, message: impl Into<String>) {
        self.status.message = Some(message.into());
    }

    /// All that is needed was found.
    pub(super) fn ready(&mut self) {
        self.condition(
            condition::READY,
            true,
            condition::ready::FOUND,
            "the workload, the Service, the routes and the templates were found",
        );
    }

    /// Sets a condition; its transition time moves only where its status does.
    pub(super) fn condition(&mut self, kind: &str, holds: bool, reason: &str, message: &str) {
        let status = if holds { "True" } else { "False" };
        let generation = self.observed.rollout.metadata.generation;
        // As it stands in the API: one plan may say first that all is found and then what is missing after all.
        let before = self.observed.rollout.status.as_ref();
        let before = before.and_then(|status| status.conditions.iter().find(|known| known.type_ == kind));
        let since = before
            .filter(|known| known.status == status)
            .map_or(Time(self.now), |known| known.last_transition_time.clone());
        let next = Condition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: message.to_owned(),
            observed_generation: generation,
            last_transition_time: since,
        };
        match self.status.conditions.iter_mut().find(|known| known.type_ == kind) {
            Some(known) => *known = next,
            None => self.status.conditions.push(next),
        }
    }

    /// The plan, with the status where it belongs if it changed at all.
    pub(super) fn finish(mut self) -> Plan {
        if !self.deleting() {
            self.describe();
        }
        let look = self.next_look();
        if let Some(look) = look {
            self.again(look);
        }
        super::writes::describe(&mut self);
        let before = self.observed.rollout.status.clone().unwrap_or_default();
        if !self.ended && self.status != before {
            let at = self.status_at.unwrap_or(self.effects.len());
            self.effects.insert(at, Effect::Status(Box::new(self.status)));
        }
        self.effects.extend(self.notices.into_iter().map(Effect::Event));
        Plan { effects: self.effects, again: self.again, look }
    }

    /// How long it is until the next look of what the Rollout will be; nothing where it is not looked at.
    fn next_look(&self) -> Option<Duration> {
        let analysis = self.observed.rollout.spec.analysis.as_ref().filter(|_| self.measurable)?;
        // A canary that gets ready is looked at once it could have its share.
        if self.status.phase == Phase::Preparing && !self.raises {
            return None;
        }
        look::due_in(&self.status, analysis, self.observed.looked_at, self.raises, self.now)
    }

    /// What follows from the phase: the printed columns and the conditions.
    fn describe(&mut self) {
        self.status.observed_generation = self.observed.rollout.metadata.generation;
        self.status.strategy = Some("Canary".to_owned());
        let phase = self.status.phase;
        let message = self.status.message.clone().unwrap_or_default();
        let reason = format!("{phase:?}");
        self.condition(condition::PROGRESSING, phase.running() && phase != Phase::Paused, &reason, &message);
        let healthy = !matches!(phase, Phase::RollingBack | Phase::RolledBack | Phase::Pending);
        self.condition(condition::HEALTHY, healthy, &reason, &message);
    }
}
