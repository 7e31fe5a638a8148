//! Reconciles one AnalysisRun: observe, ask what the plan needs to know, decide, perform.

use std::time::Duration;

use super::{RolloutKey, World, cluster_world::ClusterWorld};
use crate::{
    act::{Effect, EffectError},
    model::{Key, Timestamp},
    observe::analysis_run,
    plan::analysis_run::{decide, needs},
};

/// Brings one AnalysisRun as far as it can go now. Gives nothing where it does not exist.
///
/// # Errors
/// The effect that failed.
pub(super) async fn reconcile(
    world: &ClusterWorld,
    key: &Key,
    now: Timestamp,
) -> Result<Option<Duration>, EffectError> {
    let observe = || analysis_run(&world.cache, &key.namespace, &key.name);
    let Some(mut observed) = observe() else { return Ok(None) };
    let needs = needs(&observed, now);
    if needs.measurement.is_some() || !needs.checks.is_empty() {
        let refusals = world.check(&needs.checks).await;
        let history = match &needs.history {
            Some(request) if refusals.is_empty() => Some(world.history(request).await),
            _ => None,
        };
        let measurement = match &needs.measurement {
            Some(request) if refusals.is_empty() => Some(world.ask(request).await),
            _ => None,
        };
        // The answers took time: decide on what is seen now.
        let Some(seen_now) = observe() else { return Ok(None) };
        observed = seen_now;
        (observed.measurement, observed.history, observed.refusals) = (measurement, history, refusals);
    }
    let plan = decide(&observed, now);
    let owner = RolloutKey::new(&key.namespace, &key.name);
    for effect in &plan.effects {
        world.performer.perform(&owner, effect).await?;
        match effect {
            Effect::AnalysisStatus { status, .. } if status.phase.ended() => {
                let message = status.message.as_deref().unwrap_or_default();
                tracing::info!(analysis_run = %key, phase = ?status.phase, "{message}");
            }
            Effect::Delete { .. } => tracing::info!(analysis_run = %key, "kept for long enough, deleted"),
            _ => {}
        }
    }
    Ok(Some(plan.again))
}
