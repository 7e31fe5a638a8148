//! One AnalysisRun, pure: from what was observed to its next status. One that a Rollout made is the Rollout's to carry
//! out; here it only goes when its time is over.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

use super::{Plan, QueryToCheck, metrics};
use crate::{
    act::{Effect, Purpose},
    analysis::{self, Clock, HistoryRequest, Metric, Session, Settings, Step},
    api::{AnalysisPhase, AnalysisRun, AnalysisRunStatus, ArmVariables, ClockState, NoDataPolicy},
    judge::{StepWeight, TimeoutAction, Verdict},
    measure::{Arm, MeasureRequest, PerArm, Variant},
    model::Key,
    observe::ObservedAnalysisRun,
};

/// How long until something that is missing is looked for again.
const SEARCH: Duration = Duration::from_secs(5);
/// How long an AnalysisRun sleeps that has nothing to do by itself.
const IDLE: Duration = Duration::from_hours(1);
/// The weight, in percent, where none is given: margins are those of a last step then.
const UNKNOWN_WEIGHT: f64 = 50.0;

/// What has to be asked before [`decide`].
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Prometheus, for what was before: at the first look, and every hour.
    pub history: Option<HistoryRequest>,
    /// Prometheus, for a look.
    pub measurement: Option<MeasureRequest>,
    /// Whether Prometheus takes these queries.
    pub checks: Vec<QueryToCheck>,
}

/// What has to be asked before [`decide`].
pub fn needs(observed: &ObservedAnalysisRun, now: Timestamp) -> Needs {
    let status = observed.run.status.as_ref();
    let over = status.is_some_and(|status| status.phase.ended());
    if over || observed.run.spec.rollout.is_some() || observed.run.metadata.deletion_timestamp.is_some() {
        return Needs::default();
    }
    let Ok(metrics) = resolve(observed) else { return Needs::default() };
    let arms = arms(&observed.run);
    let began = status.is_some_and(|status| status.started_at.is_some());
    let due = status.is_none_or(|status| analysis::due(&status.state, now));
    let interval = observed.run.spec.analysis.interval.into();
    Needs {
        history: due.then(|| analysis::history(&metrics, &arms, None, now, interval)).flatten(),
        measurement: Some(analysis::request(&metrics, &arms, now)),
        checks: if began { Vec::new() } else { metrics::queries_to_check(&metrics, &arms) },
    }
}

/// What should be done now.
pub fn decide(observed: &ObservedAnalysisRun, now: Timestamp) -> Plan {
    let run = &observed.run;
    let before = run.status.clone().unwrap_or_default();
    if run.metadata.deletion_timestamp.is_some() {
        return Plan { effects: Vec::new(), again: IDLE, look: None };
    }
    if let Some(finished) = &before.finished_at {
        return expire(run, finished, now);
    }
    if run.spec.rollout.is_some() {
        return Plan { effects: Vec::new(), again: IDLE, look: None };
    }
    let mut status = AnalysisRunStatus { observed_generation: run.metadata.generation, ..before.clone() };
    let again = match resolve(observed) {
        Err(problem) => wait(run, &mut status, &problem, now),
        Ok(metrics) => look(observed, &metrics, &mut status, now),
    };
    let effects = if status == before {
        Vec::new()
    } else {
        vec![Effect::AnalysisStatus { target: key(run), status: Box::new(status) }]
    };
    Plan { effects, again, look: None }
}

/// Deletes what has been kept for long enough.
fn expire(run: &AnalysisRun, finished: &MicroTime, now: Timestamp) -> Plan {
    let kept = super::run::since(now, finished);
    let left = Duration::from(run.spec.ttl).saturating_sub(kept);
    if !left.is_zero() {
        return Plan { effects: Vec::new(), again: left.min(IDLE), look: None };
    }
    let uid = run.metadata.uid.clone().unwrap_or_default();
    Plan { effects: vec![Effect::Delete { target: key(run), uid, purpose: Purpose::CleanUp }], again: IDLE, look: None }
}

/// Something is missing: it may come soon, and else the AnalysisRun is an error.
fn wait(
    run: &AnalysisRun,
    status: &mut AnalysisRunStatus,
    problem: &super::problem::Problem,
    now: Timestamp,
) -> Duration {
    let since = run.metadata.creation_timestamp.as_ref().map_or(now, |created| created.0);
    let patience = SignedDuration::try_from(Duration::from(run.spec.analysis.on_no_data.after)).unwrap_or_default();
    status.message = Some(problem.message.clone());
    if now.duration_since(since) >= patience {
        end(status, AnalysisPhase::Error, problem.message.clone(), now);
    }
    SEARCH
}

fn look(
    observed: &ObservedAnalysisRun,
    metrics: &[Metric],
    status: &mut AnalysisRunStatus,
    now: Timestamp,
) -> Duration {
    let spec = &observed.run.spec;
    let interval = Duration::from(spec.analysis.interval);
    let Some(measurement) = &observed.measurement else { return interval };
    let step = step(&observed.run);
    let clock = status.clock.as_ref().map_or_else(|| Clock::start(now), clock_of);
    let settings = Settings::from(&spec.analysis);
    let mut session = Session::resume(metrics, settings, step.weight, clock, &status.state);
    if let Some(history) = &observed.history {
        // At the time of the look: a replay recalls what was learned with the look that it came with.
        session.learn(history, measurement.at);
    }
    let look = session.look(measurement, &step);
    status.phase = AnalysisPhase::Running;
    status.started_at.get_or_insert(MicroTime(now));
    status.verdict = Some(look.word().to_owned());
    status.message = Some(look.decision.verdict.explain());
    status.evidence.clone_from(&look.evidence);
    status.clock = Some(state_of(session.clock()));
    status.state = session.state();
    status.looks = status.state.steps.iter().map(|step| step.count).sum();
    let end_of_it = ended(look.seen().map(|decision| &decision.verdict), status, spec, now);
    let ends = end_of_it.is_some();
    if let Some((phase, message)) = end_of_it {
        end(status, phase, message, now);
    }
    if let (Some(routing), Some(message)) = (&look.routing, &mut status.message) {
        message.push_str("; ");
        message.push_str(&routing.explain());
    }
    if ends { Duration::ZERO } else { interval }
}

/// How the analysis ends, if it does.
fn ended(
    verdict: Option<&Verdict>,
    status: &AnalysisRunStatus,
    spec: &crate::api::AnalysisRunSpec,
    now: Timestamp,
) -> Option<(AnalysisPhase, String)> {
    if let Some(blind) = status.clock.as_ref().and_then(|clock| clock.blind.as_ref()) {
        let limit = Duration::from(spec.analysis.on_no_data.after);
        let action = match spec.analysis.on_no_data.action {
            NoDataPolicy::Pause => "pause",
            NoDataPolicy::Rollback => "roll back",
        };
        return (super::run::since(now, &blind.since) >= limit).then(|| {
            let time = humantime::format_duration(limit);
            let message = format!("nothing could be seen for {time}: {}; a Rollout would {action}", blind.message);
            (AnalysisPhase::Inconclusive, message)
        });
    }
    let verdict = verdict?;
    let phase = match verdict {
        Verdict::Rollback(_) => AnalysisPhase::Failed,
        Verdict::Advance { .. } | Verdict::TimedOut { action: TimeoutAction::Advance, .. } => AnalysisPhase::Successful,
        Verdict::TimedOut { action: TimeoutAction::Pause | TimeoutAction::Rollback, .. } => AnalysisPhase::Inconclusive,
        Verdict::Continue(_) | Verdict::NoData { .. } => return None,
    };
    Some((phase, outcome(verdict)))
}

/// The verdict without what a Rollout does next; where nothing was decided, with what it would do.
fn outcome(verdict: &Verdict) -> String {
    let text = verdict.explain();
    let ends = ["; rolling back", "; advancing", "; pausing for a person"];
    let text = ends.iter().find_map(|end| text.strip_suffix(end)).unwrap_or(&text);
    match verdict {
        Verdict::TimedOut { action: TimeoutAction::Rollback, .. } => format!("{text}; a Rollout would roll back"),
        Verdict::TimedOut { action: TimeoutAction::Pause, .. } => format!("{text}; a Rollout would pause for a person"),
        _ => text.to_owned(),
    }
}

fn end(status: &mut AnalysisRunStatus, phase: AnalysisPhase, message: String, now: Timestamp) {
    status.phase = phase;
    status.message = Some(message);
    status.finished_at = Some(MicroTime(now));
}

/// The one step of an AnalysisRun.
pub fn step(run: &AnalysisRun) -> Step {
    let weight = run.spec.weight.map_or(UNKNOWN_WEIGHT, f64::from);
    Step {
        weight: StepWeight { weight, final_weight: weight },
        planned: run.spec.weight.map(f64::from),
        min: run.spec.min_duration.into(),
        max: run.spec.max_duration.into(),
    }
}

/// Puts templates and arguments together, or says what is missing.
fn resolve(observed: &ObservedAnalysisRun) -> Result<Vec<Metric>, super::problem::Problem> {
    metrics::resolve(&observed.templates, &observed.run.spec.analysis, &observed.refusals)
}

/// The two versions as queries can name them.
pub fn arms(run: &AnalysisRun) -> PerArm<Arm> {
    let arm = |variant: Variant, given: &ArmVariables| {
        let ArmVariables { service, workload, revision, backend, host, subset } = given.clone();
        let namespace = run.metadata.namespace.clone().unwrap_or_default();
        Arm { namespace, service, variant, workload, revision, backend, host, subset }
    };
    let arms = &run.spec.arms;
    PerArm { stable: arm(Variant::Stable, &arms.stable), canary: arm(Variant::Canary, &arms.canary) }
}

fn clock_of(state: &ClockState) -> Clock {
    Clock {
        since: state.since.0,
        reached_at: Some(state.since.0),
        seen_at: state.seen_at.as_ref().map(|time| time.0),
        elapsed_ms: state.elapsed_ms,
        blind: state.blind.clone(),
    }
}

fn state_of(clock: &Clock) -> ClockState {
    ClockState {
        since: MicroTime(clock.since),
        seen_at: clock.seen_at.map(MicroTime),
        elapsed_ms: clock.elapsed_ms,
        blind: clock.blind.clone(),
    }
}

fn key(run: &AnalysisRun) -> Key {
    let [namespace, name] =
        [&run.metadata.namespace, &run.metadata.name].map(|text| text.as_deref().unwrap_or_default());
    Key::new("siskin.dev/v1alpha1", "AnalysisRun", namespace, name)
}

#[cfg(test)]
mod tests;
