//! One reconcile: observe, ask what the plan needs to know, decide, perform in order.
//!
//! Questions may take long, or hang. So they wait for their turn holding nothing, and what can be done without their
//! answers is done meanwhile: what is urgent ends the asking, and what lowers or repairs goes beside it.

use std::{mem, pin::pin, time::Duration};

use futures::future::{Either, select};

use super::{Again, Failed, RolloutKey, Turn, Work, World, effects};
use crate::{
    measure::Measurement,
    model::Clock,
    observe::{Observed, Refusal, SeenPod},
    plan::{Needs, Plan, decide, decide_meanwhile, needs, urgent},
};

/// How soon a Rollout is looked at again after something was written: what was written may allow the next thing. Not at
/// once, so that even a plan that never comes to rest leaves room for others.
const AFTER_A_WRITE: Duration = Duration::from_millis(50);

/// Brings one Rollout as far as it can go now. Gives nothing where it does not exist. What is asked takes time, so the
/// clock is read again for the decision.
///
/// # Errors
/// What failed of the plan; what was done stands, and a later reconcile goes on.
pub async fn reconcile<W: World, T: Turn>(
    world: &W,
    key: &RolloutKey,
    clock: &dyn Clock,
    turn: &T,
) -> Result<Option<Again>, Failed<W::Error>> {
    loop {
        let Some(needs) = find_needs(world, key, clock, turn).await else {
            world.memory().forget(key);
            return Ok(None);
        };
        if !needs.questions() {
            return act(world, key, clock, turn, Answers::default()).await;
        }
        if let Some(answers) = remembered(world, &needs) {
            return act(world, key, clock, turn, answers).await;
        }
        match ask(world, key, clock, turn, &needs).await {
            Asked::Answered(answers) => return act(world, key, clock, turn, answers).await,
            Asked::Overtaken => {}
        }
    }
}

/// What has to be asked; nothing of what is urgent. What is compared with the template is read again first.
async fn find_needs<W: World, T: Turn>(world: &W, key: &RolloutKey, clock: &dyn Clock, turn: &T) -> Option<Needs> {
    let found = |observed: &Observed| {
        let needs = needs(observed, clock.now());
        if urgent(observed) { Needs { refresh: needs.refresh, ..Needs::default() } } else { needs }
    };
    let needs = found(&world.observe(key)?);
    if needs.refresh.is_empty() {
        return Some(needs);
    }
    let slot = turn.slot(Work::Act).await;
    Box::pin(world.refresh(&needs.refresh)).await;
    drop(slot);
    Some(found(&world.observe(key)?))
}

/// What was answered.
#[derive(Default)]
struct Answers {
    measurement: Option<Measurement>,
    troubles: Option<Vec<String>>,
    refusals: Vec<Refusal>,
    history: Option<Vec<Measurement>>,
    pods: Option<Vec<SeenPod>>,
}

/// The answers, where nobody has to be asked after all.
fn remembered<W: World>(world: &W, needs: &Needs) -> Option<Answers> {
    if needs.measurement.is_some() || needs.troubles.is_some() || needs.pods.is_some() {
        return None;
    }
    let refusals = world.checked(&needs.checks)?;
    Some(Answers { refusals, ..Answers::default() })
}

/// How asking ended.
enum Asked {
    Answered(Answers),
    /// Something else has to be done first, or nothing has to be asked any more.
    Overtaken,
}

/// Asks what is needed. Does meanwhile what needs no answer.
async fn ask<W: World, T: Turn>(world: &W, key: &RolloutKey, clock: &dyn Clock, turn: &T, needs: &Needs) -> Asked {
    let mut answers = pin!(async {
        let _slot = turn.slot(Work::Ask).await;
        // In a box of its own: many may wait for a slot, and few have one.
        Box::pin(questions(world, key, needs)).await
    });
    loop {
        match select(answers.as_mut(), pin!(turn.woken())).await {
            Either::Left((answers, _)) => return Asked::Answered(answers),
            Either::Right(_) => {}
        }
        let Some(observed) = world.observe(key) else { return Asked::Overtaken };
        if urgent(&observed) || !still_asks(needs, &observed, clock) {
            return Asked::Overtaken;
        }
        drop(observed);
        let meanwhile = || {
            let mut observed = world.observe(key)?;
            observed.writes = world.memory().writes(key);
            decide_meanwhile(&observed, clock.now())
        };
        let Some((plan, _slot)) = with_room(turn, meanwhile).await else { continue };
        // What fails is tried again with the answers, and told then.
        let performed = Box::pin(effects::perform(world, key, &plan.effects, clock.now())).await;
        if let Err(Failed { error, .. }) = performed {
            tracing::debug!(rollout = %key, %error, "an effect failed while Prometheus was asked");
        }
    }
}

/// Whether what is being asked is still needed.
fn still_asks(asked: &Needs, observed: &Observed, clock: &dyn Clock) -> bool {
    let needs = needs(observed, clock.now());
    asked.measurement.is_some() == needs.measurement.is_some()
        && asked.troubles.is_some() == needs.troubles.is_some()
        && asked.pods.is_some() == needs.pods.is_some()
        && asked.checks.is_empty() == needs.checks.is_empty()
}

async fn questions<W: World>(world: &W, key: &RolloutKey, needs: &Needs) -> Answers {
    let measurement = async {
        match &needs.measurement {
            Some(request) => Some(world.measure(key, request).await),
            None => None,
        }
    };
    let history = async {
        match &needs.history {
            Some(request) => Some(world.history(request).await),
            None => None,
        }
    };
    let troubles = async {
        match &needs.troubles {
            Some(deployment) => Some(world.troubles(&key.namespace, deployment).await),
            None => None,
        }
    };
    let pods = async {
        match &needs.pods {
            Some(labels) => world.pods(&key.namespace, labels).await,
            None => None,
        }
    };
    let (measurement, troubles, refusals, history, pods) =
        futures::join!(measurement, troubles, world.check(&needs.checks), history, pods);
    Answers { measurement, troubles, refusals, history, pods }
}

impl Answers {
    /// Puts the answers into what is seen, and takes them out again.
    fn swap(&mut self, observed: &mut Observed) {
        mem::swap(&mut self.measurement, &mut observed.measurement);
        mem::swap(&mut self.troubles, &mut observed.troubles);
        mem::swap(&mut self.refusals, &mut observed.refusals);
        mem::swap(&mut self.history, &mut observed.history);
        mem::swap(&mut self.pods, &mut observed.pods);
    }
}

/// Decides on what is seen now and on the answers, and does it.
async fn act<W: World, T: Turn>(
    world: &W,
    key: &RolloutKey,
    clock: &dyn Clock,
    turn: &T,
    mut answers: Answers,
) -> Result<Option<Again>, Failed<W::Error>> {
    let decided = || {
        let mut observed = world.observe(key)?;
        answers.swap(&mut observed);
        observed.writes = world.memory().writes(key);
        let plan = decide(&observed, clock.now());
        answers.swap(&mut observed);
        Some(plan)
    };
    let Some((plan, _slot)) = with_room(turn, decided).await else { return Ok(None) };
    // A look that was due and was not taken had to make way for something urgent, which the next try has to do first too.
    let looked = answers.measurement.is_some();
    let (after, look) = (plan.again, plan.look.filter(|look| looked || !look.is_zero()));
    if plan.effects.is_empty() {
        return Ok(Some(Again { after, look }));
    }
    // In a box of its own: many wait for a slot, and few write.
    let performed = Box::pin(effects::perform(world, key, &plan.effects, clock.now())).await;
    performed.map_err(|failed| Failed { look, ..failed })?;
    Ok(Some(Again { after: after.min(AFTER_A_WRITE), look }))
}

/// A plan, and the room for doing it. Where there is none at once, the decision is made again once there is: what was
/// seen would be old by then.
pub(super) async fn with_room<T: Turn>(
    turn: &T,
    mut decide: impl FnMut() -> Option<Plan> + Send,
) -> Option<(Plan, Option<T::Slot>)> {
    let plan = decide()?;
    if plan.effects.is_empty() {
        return Some((plan, None));
    }
    if let Some(slot) = turn.slot_at_once(Work::Act) {
        return Some((plan, Some(slot)));
    }
    drop(plan);
    let slot = turn.slot(Work::Act).await;
    decide().map(|plan| (plan, Some(slot)))
}

#[cfg(test)]
mod tests;
