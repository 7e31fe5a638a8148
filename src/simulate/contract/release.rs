//! A version that nobody has judged is never released.

use std::collections::BTreeSet;

use serde_json::json;

use super::{
    super::{action::Action, deployments::owned, pods::version_of, scene::Scene, setting::NAME, traffic::Served},
    Act, Check,
};
use crate::{
    api::{Phase, Verb},
    model::Object,
    observe::Kind,
};

/// Pods of the workload itself are of versions that have passed, or that a person let pass.
pub(super) struct OnlyJudged {
    passed: BTreeSet<usize>,
    /// Versions that came while nothing held the workload: the first pods of them can't be prevented, but they never
    /// become as many as those of a version that passed.
    unheld: BTreeSet<usize>,
    handled: usize,
}

impl Default for OnlyJudged {
    fn default() -> Self {
        Self { passed: BTreeSet::from([0]), unheld: BTreeSet::new(), handled: 0 }
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
        let watched = scene.rollout().is_some();
        let held = scene.setting.policy || workload.at("/spec/paused") == Some(&json!(true));
        for (_, action) in scene.happened.iter().skip(self.handled) {
            match action {
                Action::Push(version) if !watched => {
                    self.passed.insert(*version);
                }
                Action::Push(version) if !held => {
                    self.unheld.insert(*version);
                }
                Action::ReapplyDeployment(true) if !watched => {
                    self.passed.insert(scene.manifests.version);
                }
                _ => {}
            }
        }
        self.handled = scene.happened.len();
        let size = |set: &Object| set.number("/spec/replicas").unwrap_or(0);
        let running: Vec<_> = owned(&scene.store, workload).into_iter().filter(|set| size(set) > 0).collect();
        let (passed, others): (Vec<_>, Vec<_>) = running.iter().partition(|set| self.passed.contains(&version_of(set)));
        let most = passed.into_iter().map(size).max().unwrap_or(0);
        let few = |set: &Object| self.unheld.contains(&version_of(set)) && size(set) <= most;
        match others.into_iter().find(|set| !few(set)).map(version_of) {
            None => Ok(()),
            Some(version) => {
                self.passed.insert(version);
                Err(format!("version {version} rolls out in phase {:?}", scene.phase()))
            }
        }
    }
}
