//! Performs the effects of one plan. The first that fails ends the plan, but for what lowers risk: that is tried whatever
//! became of the rest, and where it fails itself the rest goes on. What failed is remembered and told.

use super::{
    RolloutKey, World,
    world::{Failed, WriteError},
};
use crate::{act::Effect, model::Timestamp, observe::FailedWrite, plan::tell_failures};

/// Performs the effects in their order.
///
/// # Errors
/// The failure that matters most: one of an effect that lowers risk, else the first.
pub(super) async fn perform<W: World>(
    world: &W,
    key: &RolloutKey,
    effects: &[Effect],
    now: Timestamp,
) -> Result<(), Failed<W::Error>> {
    let mut worst: Option<Failed<W::Error>> = None;
    let mut ended = false;
    let mut refused = false;
    for effect in effects {
        let lowers_risk = effect.lowers_risk();
        if ended && !lowers_risk {
            continue;
        }
        let Err(error) = world.perform(key, effect).await else {
            world.memory().taken(key, &target(key, effect));
            continue;
        };
        if error.is_end() {
            return Err(Failed { error, lowers_risk, look: None });
        }
        ended |= !lowers_risk;
        refused |= !error.is_conflict();
        let said = error.to_string();
        world
            .memory()
            .refused(key, FailedWrite::new(target(key, effect), &said, error.is_conflict(), lowers_risk, now));
        if worst.as_ref().is_none_or(|worst| lowers_risk && !worst.lowers_risk) {
            worst = Some(Failed { error, lowers_risk, look: None });
        }
    }
    if refused {
        tell(world, key, now).await;
    }
    worst.map_or(Ok(()), Err)
}

/// Says what failed. The plan's own status may come after it, and then says nothing of it.
async fn tell<W: World>(world: &W, key: &RolloutKey, now: Timestamp) {
    let Some(mut observed) = world.observe(key) else { return };
    observed.writes = world.memory().writes(key);
    for effect in tell_failures(&observed, now) {
        if world.perform(key, &effect).await.is_err() {
            return;
        }
    }
}

/// What an effect writes to.
fn target(key: &RolloutKey, effect: &Effect) -> crate::model::Key {
    effect.target().unwrap_or_else(|| crate::act::rollout_key(key))
}

#[cfg(test)]
mod tests;
