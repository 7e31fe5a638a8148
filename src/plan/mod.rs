//! The state machine, pure: from what was observed to what should be.
//!
//! [`needs`] says what has to be asked before a decision (numbers of Prometheus, why pods do not start), [`decide`]
//! gives the next status, the effects in the order in which they must happen, and when to look again. Neither does
//! I/O, and the time is an argument.
//!
//! One file per phase of a run:
//!
//! ```text
//! idle ─► preparing ─► progressing ─► promoting ─► finishing ─► idle
//!              └──────────┴─► rolling_back ─► idle | rolled back (held)
//! ```
//!
//! `facts` is what all of them read: the spec and the snapshot, resolved once. `draft` is what all of them write.

pub mod analysis_run;
mod deleting;
mod draft;
mod facts;
mod finishing;
mod idle;
mod lacking;
mod last_resort;
mod look;
mod metrics;
mod objects;
mod obstacles;
mod preparing;
mod problem;
mod progressing;
mod promoting;
mod record;
mod rolling_back;
mod run;
mod seen;
mod sight;
mod traffic;
mod verbs;
mod writes;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use self::{draft::Draft, facts::Facts};
use crate::{
    act::Effect, analysis::HistoryRequest, api::Phase, measure::MeasureRequest, model::Key, observe::Observed,
};

/// What has to be asked before a decision.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Prometheus, for a look.
    pub measurement: Option<MeasureRequest>,
    /// Prometheus, for what was before: with the first look, and every hour.
    pub history: Option<HistoryRequest>,
    /// Why the canary's pods are not ready: the canary Deployment's name.
    pub troubles: Option<String>,
    /// The labels of the pods that have to be known.
    pub pods: Option<BTreeMap<String, String>>,
    /// What has to be read again before a template counts as new: the server may give what nobody has written with other
    /// defaults since, and what was read before its upgrade must not be compared with what was read after it.
    pub refresh: Vec<Key>,
    /// Whether Prometheus takes these queries.
    pub checks: Vec<QueryToCheck>,
}

impl Needs {
    /// Whether anybody has to be asked.
    pub fn questions(&self) -> bool {
        self.measurement.is_some() || self.troubles.is_some() || self.pods.is_some() || !self.checks.is_empty()
    }
}

/// A query whose wording has to be checked before it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryToCheck {
    /// `template/metric`.
    pub metric: String,
    /// The namespace of the object that asks.
    pub namespace: String,
    /// The base URL that the metric names, if it names one.
    pub address: Option<String>,
    /// The rendered PromQL.
    pub query: String,
}

/// What should be done now.
#[derive(Clone, Debug)]
pub struct Plan {
    /// In this order; the first that fails ends the plan.
    pub effects: Vec<Effect>,
    /// When to decide again, if nothing happens before.
    pub again: Duration,
    /// When the next look is due, whatever calms the writes of this Rollout; nothing where it is not looked at.
    pub look: Option<Duration>,
}

/// Whether something must be decided at once, without waiting for any answer: the Rollout goes, a person has asked for
/// something, or the pod template is not the one of the run any more.
pub fn urgent(observed: &Observed) -> bool {
    if observed.rollout.metadata.deletion_timestamp.is_some() || verbs::is_unanswered(observed) {
        return true;
    }
    Facts::gather(observed).is_ok_and(|facts| run::has_another_template(facts.status().phase, facts.template))
}

/// What may be done while a look is on its way: whatever needs no numbers, like lowering a weight or repairing a route.
/// Nothing outside a run, where what is asked decides whether a run can be made at all.
pub fn decide_meanwhile(observed: &Observed, now: Timestamp) -> Option<Plan> {
    let running = Facts::gather(observed).is_ok_and(|facts| run::is_judged(facts.status().phase));
    running.then(|| decide(observed, now)).filter(|plan| !plan.effects.is_empty())
}

/// What has to be asked before [`decide`].
pub fn needs(observed: &Observed, now: Timestamp) -> Needs {
    let Ok(facts) = Facts::gather(observed) else { return Needs::default() };
    let phase = facts.status().phase;
    let running = run::is_judged(phase);
    if observed.rollout.metadata.deletion_timestamp.is_some() {
        return Needs::default();
    }
    // While the canary's pods start there is nothing to see of it.
    let looking = running && (phase != Phase::Preparing || preparing::canary_is_ready(&facts));
    // A canary whose time is over is taken back for that alone.
    let overdue = running && run::overdue(&facts, now);
    let due = looking && !overdue && facts.look_is_due(now);
    Needs {
        history: due.then(|| facts.history_request(now)).flatten(),
        measurement: due.then(|| facts.measure_request(now)).flatten(),
        refresh: facts.to_be_compared_afresh(),
        pods: match phase {
            Phase::Preparing => preparing::pods_to_ask_for(&facts),
            Phase::Promoting => promoting::pods_to_ask_for(&facts),
            _ => None,
        },
        troubles: overdue.then(|| facts.canary_name()),
        checks: if running { Vec::new() } else { facts.queries_to_check() },
    }
}

/// What should be done now.
pub fn decide(observed: &Observed, now: Timestamp) -> Plan {
    let mut draft = Draft::new(observed, now);
    if draft.deleting() {
        deleting::plan(&mut draft);
        return draft.finish();
    }
    match Facts::gather(observed) {
        Err(lacking) => lacking::plan(&mut draft, &lacking),
        Ok(facts) => {
            draft.measurable = facts.measurable();
            plan(&mut draft, &facts);
            record::keep(&mut draft, &facts);
        }
    }
    draft.finish()
}

/// Says what the API server did not take, and nothing else: the plan that it was a part of could not.
pub fn tell_failures(observed: &Observed, now: Timestamp) -> Vec<Effect> {
    Draft::new(observed, now).finish().effects
}

/// The plan of a Rollout that has all it needs.
fn plan(draft: &mut Draft<'_>, facts: &Facts<'_>) {
    match facts.unmeasurable.as_ref().or(facts.missing.first()) {
        None => draft.ready(),
        Some(problem) if draft.status.phase.running() => problem::say(draft, problem),
        Some(problem) => return problem::hold(draft, problem),
    }
    draft.status.workload_uid.get_or_insert_with(|| facts.workload.uid().to_owned());
    // What the workload is comes before what a person says of it: a request is about what they saw.
    if run::outdated(draft, facts)
        || run::template_changed(draft, facts)
        || verbs::answer(draft, facts)
        || obstacles::watch(draft, facts)
    {
        return;
    }
    match draft.status.phase {
        Phase::Pending | Phase::Idle => idle::plan(draft, facts),
        Phase::Preparing => preparing::plan(draft, facts),
        Phase::Progressing | Phase::Paused => progressing::plan(draft, facts),
        Phase::Promoting => promoting::plan(draft, facts),
        Phase::Finishing => finishing::plan(draft, facts),
        Phase::RollingBack => rolling_back::plan(draft, facts),
        Phase::RolledBack => rolling_back::held(draft, facts),
    }
}
