//! Reconciles one AnalysisRun: observe, ask what the plan needs to know, decide, perform.
//!
//! As with Rollouts, looks have a clock of their own: a write that wakes the AnalysisRun is no reason for another look.

use std::{mem, time::Duration};

use super::{RolloutKey, Turn, Work, World, cluster_world::ClusterWorld, reconcile::with_room};
use crate::{
    act::{Effect, EffectError},
    measure::Measurement,
    model::{Key, Timestamp},
    observe::{ObservedAnalysisRun, Refusal, analysis_run},
    plan::analysis_run::{Needs, decide, needs},
};

/// Brings one AnalysisRun as far as it can go now. Gives nothing where it does not exist.
///
/// # Errors
/// The effect that failed.
pub(super) async fn reconcile<T: Turn>(
    world: &ClusterWorld,
    key: &Key,
    turn: &T,
) -> Result<Option<Duration>, EffectError> {
    let observe = || analysis_run(&world.cache, &key.namespace, &key.name);
    let Some(observed) = observe() else {
        world.analysis_looks.forget(key);
        return Ok(None);
    };
    let now = world.clock.now();
    let left = until_the_look(&observed, world.analysis_looks.last(key), now);
    let needs = needs(&observed, now);
    drop(observed);
    if !left.is_zero() && needs.measurement.is_some() {
        return Ok(Some(left));
    }
    let mut answers = Answers::default();
    if needs.measurement.is_some() || !needs.checks.is_empty() {
        let _slot = turn.slot(Work::Ask).await;
        answers = ask(world, key, &needs).await;
    }
    let decided = || {
        let mut observed = observe()?;
        answers.swap(&mut observed);
        let plan = decide(&observed, world.clock.now());
        answers.swap(&mut observed);
        Some(plan)
    };
    let Some((plan, _slot)) = with_room(turn, decided).await else { return Ok(None) };
    let owner = RolloutKey::new(&key.namespace, &key.name);
    for effect in &plan.effects {
        world.performer.perform(&owner, effect).await?;
        tell(key, effect);
    }
    Ok(Some(plan.again))
}

/// How long it is until the next look is due.
fn until_the_look(observed: &ObservedAnalysisRun, looked_at: Option<Timestamp>, now: Timestamp) -> Duration {
    let Some(looked_at) = looked_at else { return Duration::ZERO };
    // One that was made again under the same name has not been looked at.
    let made = observed.run.metadata.creation_timestamp.as_ref();
    if made.is_some_and(|made| made.0 > looked_at) {
        return Duration::ZERO;
    }
    let interval = Duration::from(observed.run.spec.analysis.interval);
    let passed = Duration::try_from(now.duration_since(looked_at)).unwrap_or(interval);
    interval.saturating_sub(passed)
}

/// What was answered.
#[derive(Default)]
struct Answers {
    refusals: Vec<Refusal>,
    history: Option<Vec<Measurement>>,
    measurement: Option<Measurement>,
}

impl Answers {
    /// Puts the answers into what is seen, and takes them out again.
    fn swap(&mut self, observed: &mut ObservedAnalysisRun) {
        mem::swap(&mut self.refusals, &mut observed.refusals);
        mem::swap(&mut self.history, &mut observed.history);
        mem::swap(&mut self.measurement, &mut observed.measurement);
    }
}

async fn ask(world: &ClusterWorld, key: &Key, needs: &Needs) -> Answers {
    let refusals = world.check(&needs.checks).await;
    let history = match &needs.history {
        Some(request) if refusals.is_empty() => Some(world.history(request).await),
        _ => None,
    };
    let measurement = match &needs.measurement {
        Some(request) if refusals.is_empty() => {
            let measurement = world.ask(request).await;
            world.analysis_looks.took(key, request.at);
            Some(measurement)
        }
        _ => None,
    };
    Answers { refusals, history, measurement }
}

fn tell(key: &Key, effect: &Effect) {
    match effect {
        Effect::AnalysisStatus { status, .. } if status.phase.ended() => {
            let message = status.message.as_deref().unwrap_or_default();
            tracing::info!(analysis_run = %key, phase = ?status.phase, "{message}");
        }
        Effect::Delete { .. } => tracing::info!(analysis_run = %key, "kept for long enough, deleted"),
        _ => {}
    }
}
