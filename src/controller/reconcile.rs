//! One reconcile: observe, ask what the plan needs to know, decide, perform in order.

use std::time::Duration;

use super::{Again, RolloutKey, World};
use crate::{
    model::Clock,
    plan::{decide, needs},
};

/// How soon a Rollout is looked at again after something was written: what was written may allow the next thing. Not at
/// once, so that even a plan that never comes to rest leaves room for others.
const AFTER_A_WRITE: Duration = Duration::from_millis(50);

/// Brings one Rollout as far as it can go now. Gives nothing where it does not exist. What is asked takes time, so the
/// clock is read again for the decision.
///
/// # Errors
/// The first effect that fails ends the reconcile; what was done before it stands, and a later reconcile goes on.
pub async fn reconcile<W: World>(world: &W, key: &RolloutKey, clock: &dyn Clock) -> Result<Option<Again>, W::Error> {
    let Some(mut observed) = world.observe(key) else { return Ok(None) };

    let needs = needs(&observed, clock.now());
    if !needs.refresh.is_empty() {
        world.refresh(&needs.refresh).await;
        let Some(seen_now) = world.observe(key) else { return Ok(None) };
        observed = seen_now;
    }
    if needs.measurement.is_some() || needs.troubles.is_some() || !needs.checks.is_empty() {
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
        let answers = tokio::join!(measurement, troubles, world.check(&needs.checks), history);
        // The answers took time: decide on what is seen now.
        let Some(seen_now) = world.observe(key) else { return Ok(None) };
        observed = seen_now;
        (observed.measurement, observed.troubles, observed.refusals, observed.history) = answers;
    }

    let plan = decide(&observed, clock.now());
    for effect in &plan.effects {
        world.perform(key, effect).await?;
    }
    let after = if plan.effects.is_empty() { plan.again } else { plan.again.min(AFTER_A_WRITE) };
    Ok(Some(Again { after, look: plan.look }))
}
