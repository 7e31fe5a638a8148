//! One look of a run: what Prometheus said goes through the analysis, and the evidence into the status.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

use super::{draft::Draft, facts::Facts, sight};
use crate::{
    analysis::{self, Clock, Gap, LookResult, Session, Settings},
    api::{Analysis, AnalysisState, Step},
    judge::{Decision, StepWeight},
};

/// All the traffic, in percent.
pub(super) const ALL: u32 = 100;

/// What one look saw.
pub(super) struct Sight {
    /// Whether Prometheus answered for every critical metric. Without that no weight is raised.
    pub(super) clear: bool,
    /// The canary's share of the requests that were new at this look.
    pub(super) share: Option<f64>,
    /// What the judge says; nothing where there is no analysis or nothing can be seen.
    pub(super) decision: Option<Decision>,
    /// The whole look; nothing where none was taken.
    look: Option<LookResult>,
}

impl Sight {
    /// Where there is nothing to look at.
    fn without_look(clear: bool) -> Self {
        Self { clear, share: None, decision: None, look: None }
    }
}

/// Takes the look that the snapshot holds.
pub(super) fn take(draft: &mut Draft<'_>, facts: &Facts<'_>, step: &Step) -> Sight {
    let Some(analysis) = &facts.spec.analysis else { return Sight::without_look(true) };
    if let (Some(problem), Some(mut clock)) = (&facts.unmeasurable, clock(draft)) {
        clock.lose_sight(draft.now, &Gap::at_once(problem.reason, problem.message.clone()));
        keep_clock(draft, &clock);
    }
    let (Some(measurement), Some(mut session)) = (&facts.observed.measurement, session(draft, facts, analysis, step))
    else {
        return Sight::without_look(false);
    };
    let usual = facts.observed.history.as_ref().and_then(|history| session.learn(history, draft.now));
    let look = session.look(measurement, &step_of(facts, step));
    keep_clock(draft, session.clock());
    remember(draft, session.state());
    publish(draft, &look);
    if let Some(usual) = usual {
        sight::foretell(draft, facts, analysis, &usual);
    }
    sight::routing(draft, &look);
    Sight { clear: look.clear, share: look.share, decision: look.seen().cloned(), look: Some(look) }
}

/// A step as the analysis takes it: the margin depends on its weight and on that of the last one.
fn step_of(facts: &Facts<'_>, step: &Step) -> analysis::Step {
    let last = facts.steps.last().map_or(step.weight, |last| last.weight);
    let (min, max) = step.times();
    let weight = StepWeight { weight: f64::from(step.weight), final_weight: f64::from(last) };
    analysis::Step { weight, planned: (step.weight < ALL).then_some(weight.weight), min, max }
}

/// The step's weight is reached: its clock starts, and safety is shown anew, so what was decided before says nothing of it.
pub(super) fn start_step(draft: &mut Draft<'_>, facts: &Facts<'_>, step: &Step, sight: &mut Sight) {
    let begun = facts.spec.analysis.as_ref().and_then(|analysis| session(draft, facts, analysis, step));
    if let Some(mut session) = begun {
        session.new_step(&step_of(facts, step), draft.now);
        remember(draft, session.state());
        if let Some(look) = sight.look.take() {
            let look = session.reconsider(look, &step_of(facts, step));
            publish(draft, &look);
            sight.decision = look.seen().cloned();
        }
    }
    let now = draft.time();
    if let Some(run) = &mut draft.status.run {
        run.reached_at = Some(now);
        run.elapsed_ms = 0;
    }
}

/// The analysis of the run as the status has it.
fn session<'a>(draft: &Draft<'_>, facts: &'a Facts<'_>, analysis: &Analysis, step: &Step) -> Option<Session<'a>> {
    let kept = &draft.status.run.as_ref()?.analysis;
    let settings = Settings { canary_is_new: true, ..Settings::from(analysis) };
    Some(Session::resume(&facts.metrics, settings, step_of(facts, step).weight, clock(draft)?, kept))
}

pub(super) fn clock(draft: &Draft<'_>) -> Option<Clock> {
    let run = draft.status.run.as_ref()?;
    Some(Clock {
        since: run.since.0,
        reached_at: run.reached_at.as_ref().map(|time| time.0),
        seen_at: run.seen_at.as_ref().map(|time| time.0),
        elapsed_ms: run.elapsed_ms,
        blind: run.blind.clone(),
    })
}

fn keep_clock(draft: &mut Draft<'_>, clock: &Clock) {
    let Some(run) = &mut draft.status.run else { return };
    run.seen_at = clock.seen_at.map(MicroTime);
    run.elapsed_ms = clock.elapsed_ms;
    run.blind.clone_from(&clock.blind);
}

fn remember(draft: &mut Draft<'_>, state: AnalysisState) {
    if let Some(run) = &mut draft.status.run {
        run.analysis = state;
    }
}

fn publish(draft: &mut Draft<'_>, look: &LookResult) {
    draft.status.verdict = Some(look.word().to_owned());
    draft.status.evidence.clone_from(&look.evidence);
}
