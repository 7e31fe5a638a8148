//! Only a change starts a run.

use super::{
    super::{action::Action, pods::version_of, scene::Scene},
    Act, Check,
};
use crate::{api::Verb, observe::Kind};

/// A run starts for a template other than the stable one, and once for each time that somebody wants it.
#[derive(Default)]
pub(super) struct OnlyForAChange {
    handled: usize,
    wanted: bool,
}

impl Check for OnlyForAChange {
    fn promise(&self) -> &'static str {
        "a restart, an upgrade or a new default never starts a rollout"
    }

    fn effect(&mut self, scene: &Scene, act: &Act<'_>) -> Result<(), String> {
        let Some(status) = act.status() else { return Ok(()) };
        self.wanted |= scene
            .happened
            .iter()
            .skip(self.handled)
            .any(|(_, action)| matches!(action, Action::Push(_) | Action::Say(Verb::Retry | Verb::Skip)));
        self.handled = scene.happened.len();
        if status.runs == act.status_before.runs {
            return Ok(());
        }
        let stable = scene
            .store
            .all(Kind::ReplicaSet)
            .find(|set| set.label("pod-template-hash") == status.stable_revision.as_deref());
        let (stable, new) = (stable.map(version_of), scene.workload().map(version_of));
        // A revert that the watches have not told of yet can't be known.
        let known = scene.now - scene.setting.watch_delay;
        let unknown = scene.happened.iter().any(|(at, action)| matches!(action, Action::Push(_)) && *at > known);
        if stable == new && !unknown {
            return Err(format!("run {} started for version {new:?}, which is the stable one", status.runs));
        }
        if !self.wanted {
            return Err(format!(
                "run {} started, and nobody has pushed or asked for anything since the one before",
                status.runs
            ));
        }
        self.wanted = false;
        Ok(())
    }
}
