//! One look of a run: when it is due; and then, what Prometheus said goes through the analysis, and the evidence into
//! the status.
//!
//! Looks have a clock of their own. A decision between two looks is made without numbers: it is not blind, it just raises
//! nothing.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

use super::{draft::Draft, facts::Facts, progressing, run, sight};
use crate::{
    analysis::{self, Clock, Gap, LookResult, Session, Settings},
    api::{Analysis, AnalysisState, Phase, RolloutStatus, RunStatus, Step},
    judge::{Decision, StepWeight},
};

/// All the traffic, in percent.
pub(super) const ALL: u32 = 100;

/// How long after a raise Siskin looks whenever Prometheus may have something new.
const FRESH: Duration = Duration::from_mins(2);
/// How often that is.
pub(super) const FRESH_LOOKS: Duration = Duration::from_secs(1);

/// How long it is until the next look is due; zero where it is due now, and nothing where the run is not looked at.
///
/// A look is due when its interval has passed since the last one. A phase, a step or a weight that was entered since then
/// is looked at at once: whatever was seen before says nothing of it. `raises` says that a weight waits for being raised,
/// which needs a look in the same decision.
pub(super) fn due_in(
    status: &RolloutStatus,
    analysis: &Analysis,
    looked_at: Option<Timestamp>,
    raises: bool,
    now: Timestamp,
) -> Option<Duration> {
    let run = status.run.as_ref()?;
    let usual = Duration::from(analysis.interval);
    let interval = match status.phase {
        Phase::Preparing => usual.min(FRESH_LOOKS),
        Phase::Progressing | Phase::Paused if raises || is_fresh(run, now) => usual.min(FRESH_LOOKS),
        Phase::Progressing | Phase::Paused => usual,
        _ => return None,
    };
    let Some(looked_at) = looked_at else { return Some(Duration::ZERO) };
    // A time that is yet to come is of a process whose clock was ahead.
    let entered = [Some(&run.since), run.reached_at.as_ref()];
    if entered.into_iter().flatten().any(|time| time.0 >= looked_at && time.0 <= now) {
        return Some(Duration::ZERO);
    }
    let passed = Duration::try_from(now.duration_since(looked_at)).unwrap_or(interval);
    Some(interval.saturating_sub(passed))
}

impl Facts<'_> {
    /// Whether a look is due now.
    pub(super) fn look_is_due(&self, now: Timestamp) -> bool {
        let Some(analysis) = &self.spec.analysis else { return false };
        let raises = progressing::waits_for_a_raise(self);
        due_in(self.status(), analysis, self.observed.looked_at, raises, now).is_some_and(|left| left.is_zero())
    }
}

/// Whether the weight was raised so lately that each scrape counts.
fn is_fresh(run: &RunStatus, now: Timestamp) -> bool {
    let raised = run.reached_at.as_ref().unwrap_or(&run.since);
    run.pause.is_none() && run::since(now, raised) < FRESH
}

/// What one look saw.
pub(super) struct Sight {
    /// Whether Prometheus answered for every critical metric. Without that no weight is raised.
    pub(super) clear: bool,
    /// Whether this decision is made between two looks, or while one is on its way. That is no blindness.
    pub(super) between_looks: bool,
    /// The canary's share of the requests that were new at this look.
    pub(super) share: Option<f64>,
    /// What the judge says; nothing where there is no analysis or nothing can be seen.
    pub(super) decision: Option<Decision>,
    /// The whole look; nothing where none was taken.
    look: Option<LookResult>,
}

impl Sight {
    /// Where there is nothing to look at.
    fn without_look(clear: bool, between_looks: bool) -> Self {
        Self { clear, between_looks, share: None, decision: None, look: None }
    }
}

/// Takes the look that the snapshot holds.
pub(super) fn take(draft: &mut Draft<'_>, facts: &Facts<'_>, step: &Step) -> Sight {
    let Some(analysis) = &facts.spec.analysis else { return Sight::without_look(true, false) };
    if let (Some(problem), Some(mut clock)) = (&facts.unmeasurable, clock(draft)) {
        clock.lose_sight(draft.now, &Gap::at_once(problem.reason, problem.message.clone()));
        keep_clock(draft, &clock);
    }
    let (Some(measurement), Some(mut session)) = (&facts.observed.measurement, session(draft, facts, analysis, step))
    else {
        return Sight::without_look(false, facts.measurable());
    };
    // At the time of the look and not of this decision: a replay recalls what was learned with the look that it came with.
    let usual = facts.observed.history.as_ref().and_then(|history| session.learn(history, measurement.at));
    let look = session.look(measurement, &step_of(facts, step));
    keep_clock(draft, session.clock());
    remember(draft, session.state());
    publish(draft, &look);
    if let Some(usual) = usual {
        sight::foretell(draft, facts, analysis, &usual);
    }
    sight::routing(draft, &look);
    Sight {
        clear: look.clear,
        between_looks: false,
        share: look.share,
        decision: look.seen().cloned(),
        look: Some(look),
    }
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
