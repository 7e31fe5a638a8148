//! The AnalysisRun that a Rollout leaves behind for each run with an analysis: made with the first look, written at each
//! new step and at the end. It holds what a replay needs: the queries' arguments, the steps, the times of the looks.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use serde_json::json;

use super::{draft::Draft, facts::Facts, look};
use crate::{
    act::{Effect, Purpose},
    analysis::Clock,
    api::{
        AnalysisPhase, AnalysisRunSpec, AnalysisRunStatus, ArmVariables, Arms, ClockState, Outcome, OutcomeKind,
        RolloutRun, RunStatus,
    },
    measure::Arm,
    model::{Key, ROLLOUT_LABEL, words::label_value},
    observe::{Kind, analysis_run_name},
    workload::deployment,
};

/// How long the record of a run is kept.
const KEPT: Duration = Duration::from_hours(168);

/// Makes the record, or writes it where there is a new step or an end.
pub(super) fn keep(draft: &mut Draft<'_>, facts: &Facts<'_>) {
    let Some(run) = draft.status.run.clone() else { return };
    let same_run = draft.status.runs == facts.status().runs;
    let installed = facts.observed.cluster.kinds.contains(&Kind::AnalysisRun);
    if facts.spec.analysis.is_none() || !same_run || !installed || run.analysis.steps.is_empty() {
        return;
    }
    let Some(record) = &facts.observed.analysis_run else {
        // Also once the run is ending, should the record have been deleted: it is only made while there is something
        // to look at.
        if run.ending.is_none() {
            make(draft, facts);
        }
        return;
    };
    if !facts.owns(record) {
        return;
    }
    let ended = record.at("/status/finishedAt").is_some();
    let known_steps = record.list("/status/state/steps").len();
    if !ended && (run.ending.is_some() || run.analysis.steps.len() > known_steps) {
        let status = status_of(draft, facts, &run, run.ending.as_ref());
        draft.effect(Effect::AnalysisStatus { target: key(facts), status: Box::new(status) });
    }
}

/// Writes the end of a run that another takes the place of.
pub(super) fn close(draft: &mut Draft<'_>, facts: &Facts<'_>, outcome: &Outcome) {
    let Some(run) = draft.status.run.clone() else { return };
    let record = facts.observed.analysis_run.as_ref().filter(|record| facts.owns(record));
    if record.is_some_and(|record| record.at("/status/finishedAt").is_none()) {
        let status = status_of(draft, facts, &run, Some(outcome));
        draft.effect(Effect::AnalysisStatus { target: key(facts), status: Box::new(status) });
    }
}

fn make(draft: &mut Draft<'_>, facts: &Facts<'_>) {
    let (Some(analysis), Some(last)) = (&facts.spec.analysis, facts.steps.last()) else { return };
    let revisions =
        facts.stable.and_then(deployment::revision).zip(facts.canary_replica_set().and_then(deployment::revision));
    let Some((stable, canary)) = revisions else { return };
    let arms = facts.arms(stable, canary);
    let (min, max) = last.times();
    let spec = AnalysisRunSpec {
        analysis: analysis.clone(),
        arms: Arms { canary: variables(&arms.canary), stable: variables(&arms.stable) },
        weight: None,
        min_duration: min.into(),
        max_duration: max.into(),
        ttl: KEPT.into(),
        rollout: Some(RolloutRun { name: facts.name().to_owned(), run: draft.status.runs }),
    };
    let object = json!({
        "apiVersion": Kind::AnalysisRun.api_version(),
        "kind": Kind::AnalysisRun.kind(),
        "metadata": {
            "name": analysis_run_name(&facts.observed.rollout),
            "namespace": facts.namespace(),
            "labels": {ROLLOUT_LABEL: label_value(facts.name())},
            "ownerReferences": [facts.owner()],
        },
        "spec": spec,
    });
    draft.effect(Effect::Apply { object, purpose: Purpose::Record });
}

fn variables(arm: &Arm) -> ArmVariables {
    let Arm { service, workload, revision, backend, host, subset, .. } = arm.clone();
    ArmVariables { service, workload, revision, backend, host, subset }
}

fn status_of(draft: &Draft<'_>, facts: &Facts<'_>, run: &RunStatus, outcome: Option<&Outcome>) -> AnalysisRunStatus {
    let record = facts.observed.analysis_run.as_ref();
    let phase = match outcome.map(|outcome| (outcome.outcome, outcome.reason.as_str())) {
        None => AnalysisPhase::Running,
        Some((OutcomeKind::Promoted, "Promoted")) => AnalysisPhase::Successful,
        Some((OutcomeKind::RolledBack, "Regression" | "LimitBroken")) => AnalysisPhase::Failed,
        // A person, a deadline or a newer version has ended it.
        Some(_) => AnalysisPhase::Inconclusive,
    };
    let clock = look::clock(draft).map(|Clock { since, seen_at, elapsed_ms, blind, .. }| ClockState {
        since: MicroTime(since),
        seen_at: seen_at.map(MicroTime),
        elapsed_ms,
        blind,
    });
    AnalysisRunStatus {
        observed_generation: record.map(crate::model::Object::generation),
        phase,
        verdict: draft.status.verdict.clone(),
        message: outcome.map(|outcome| outcome.message.clone()).or_else(|| draft.status.message.clone()),
        started_at: run.analysis.steps.first().and_then(|step| step.entered_at.clone()),
        finished_at: outcome.map(|outcome| outcome.at.clone()),
        evidence: draft.status.evidence.clone(),
        looks: run.analysis.steps.iter().map(|step| step.count).sum(),
        clock,
        state: run.analysis.clone(),
    }
}

fn key(facts: &Facts<'_>) -> Key {
    let kind = Kind::AnalysisRun;
    Key::new(&kind.api_version(), kind.kind(), facts.namespace(), &analysis_run_name(&facts.observed.rollout))
}
