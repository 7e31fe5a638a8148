//! A version that nobody has judged is never released.

use std::collections::BTreeSet;

use serde_json::json;

use super::{
    super::{action::Action, deployments::owned, pods::version_of, scene::Scene, setting::NAME, traffic::Served},
    Act, Check,
};
use crate::{
    api::{Phase, Verb},
    observe::Kind,
};

/// Pods of the workload itself are of versions that have passed, or that a person let pass.
pub(super) struct OnlyJudged {
    passed: BTreeSet<usize>,
    handled: usize,
}

impl Default for OnlyJudged {
    fn default() -> Self {
        Self { passed: BTreeSet::from([0]), handled: 0 }
    }
}

impl Check for OnlyJudged {
    fn promise(&self) -> &'static str {
        "a version that was not judged is never released"
    }

    fn effect(&mut self, scene: &Scene, act: &Act<'_>) -> Result<(), String> {
        let Some(status) = act.status().filter(|status| status.phase == Phase::Promoting) else { return Ok(()) };
        if act.status_before.phase == Phase::Promoting {
            return Ok(());
        }
        let skipped = status.last_verb.as_ref().is_some_and(|verb| verb.request.verb == Verb::Skip);
        let canary = scene.store.get(Kind::Deployment, &format!("{NAME}-canary"));
        let judged = if skipped { scene.workload() } else { canary };
        self.passed.extend(judged.map(version_of));
        Ok(())
    }

    fn passed(&mut self, scene: &Scene, _: &Served) -> Result<(), String> {
        let Some(workload) = scene.workload() else { return Ok(()) };
        for (_, action) in scene.happened.iter().skip(self.handled) {
            // Where no policy holds the workload and it is rolling out, or nobody watches over it, a push goes through.
            let open = scene.rollout().is_none()
                || (!scene.setting.policy && workload.at("/spec/paused") != Some(&json!(true)));
            match action {
                Action::Push(version) if open => {
                    self.passed.insert(*version);
                }
                Action::ReapplyDeployment(true) if scene.rollout().is_none() => {
                    self.passed.insert(scene.manifests.version);
                }
                _ => {}
            }
        }
        self.handled = scene.happened.len();
        let running =
            owned(&scene.store, workload).into_iter().filter(|set| set.number("/spec/replicas").unwrap_or(0) > 0);
        match running.map(|set| version_of(&set)).find(|version| !self.passed.contains(version)) {
            None => Ok(()),
            Some(version) => {
                self.passed.insert(version);
                Err(format!("version {version} rolls out in phase {:?}", scene.phase()))
            }
        }
    }
}
