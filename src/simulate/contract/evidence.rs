//! Evidence is never lost, and leads to the right verdict in good time.

use super::{
    super::{clock::Millis, pods::version_of, scene::Scene, setting::NAME, traffic::Served},
    Act, Check,
};
use crate::{
    api::{MetricBaseline, Phase, RolloutStatus},
    judge::CountBaseline,
    observe::Kind,
};

/// What was counted stays counted, whoever is killed.
pub(super) struct Kept;

impl Check for Kept {
    fn promise(&self) -> &'static str {
        "evidence is not lost"
    }

    fn effect(&mut self, _: &Scene, act: &Act<'_>) -> Result<(), String> {
        let (Some(status), before) = (act.status(), act.status_before) else { return Ok(()) };
        let running = |status: &RolloutStatus| matches!(status.phase, Phase::Progressing | Phase::Paused);
        // A person who resumes after a regression has the evidence counted anew.
        if status.runs != before.runs || !running(status) || !running(before) || status.last_verb != before.last_verb {
            return Ok(());
        }
        let (started, began) =
            (status.run.as_ref().map(|run| &run.started_at), before.run.as_ref().map(|run| &run.started_at));
        if started != began {
            return Err(format!("the run began at {began:?}, and now at {started:?}"));
        }
        // Numbers without a state behind them are those of evidence that was given up.
        let counted = before.run.as_ref().is_some_and(|run| !run.analysis.metrics.is_empty());
        for old in before.evidence.iter().filter(|_| counted) {
            let new = status.evidence.iter().find(|new| new.name == old.name);
            let (had, has) = (
                old.canary.map_or(0.0, |arm| arm.requests),
                new.and_then(|new| new.canary).map_or(0.0, |arm| arm.requests),
            );
            if has < had {
                return Err(format!("{} had {had} requests of the canary, and has {has}", old.name));
            }
        }
        let state = |status: &RolloutStatus| status.run.as_ref().map_or(0, |run| run.analysis.metrics.len());
        if state(status) < state(before) {
            return Err("the state of a metric is gone".to_owned());
        }
        Ok(())
    }
}

/// From here on a version is worse than anyone wants.
const BAD: f64 = 0.1;

/// A good version is not rolled back for a regression, and a bad one does not pass.
pub(super) struct TrueVerdicts;

impl Check for TrueVerdicts {
    fn promise(&self) -> &'static str {
        "a version without a regression is not rolled back, and one with a clear regression does not pass"
    }

    fn effect(&mut self, scene: &Scene, act: &Act<'_>) -> Result<(), String> {
        let Some(status) = act.status() else { return Ok(()) };
        let ending = |status: &RolloutStatus| status.run.as_ref().and_then(|run| run.ending.clone());
        let (Some(now), None) = (ending(status), ending(act.status_before)) else { return Ok(()) };
        let Some(canary) = scene.store.get(Kind::Deployment, &format!("{NAME}-canary")) else { return Ok(()) };
        let rate = |number: usize| scene.setting.versions.get(number).map_or(0.0, |version| version.error_rate);
        let stable = scene
            .store
            .all(Kind::ReplicaSet)
            .find(|set| set.label("pod-template-hash") == status.stable_revision.as_deref());
        let (canary, stable) = (rate(version_of(canary)), stable.map_or(0.0, |set| rate(version_of(set))));
        let asked = status.last_verb != act.status_before.last_verb;
        if scene.setting.analysis && !asked && now.reason == "Promoted" && canary >= stable + BAD {
            return Err(format!(
                "a version that fails {canary} of its requests was promoted over one that fails {stable}"
            ));
        }
        if now.reason == "Regression" && canary <= stable {
            return Err(format!(
                "a version that fails {canary} of its requests was taken back for one that fails {stable}: {}",
                now.message
            ));
        }
        Ok(())
    }
}

/// How long a clear regression may be in front of users while everything works. A look comes every 10 s at the latest,
/// and a scrape every 5 s.
const AT_MOST: Millis = 45_000;
/// The same where Prometheus could tell less than an hour of history: then nobody knows how errors cluster, and a second opinion must agree.
/// All of 2 000 schedules keep to it with an error probability of a millionth.
const AT_MOST_WITHOUT_HISTORY: Millis = 180_000;
/// Above this weight, in percent, the second opinion gains too little of each block to be held to a time: what it looks at,
/// the canary's share of the errors, is near 1 in any case.
const TELLING: u32 = 50;

/// A bad version is found soon.
#[derive(Default)]
pub(super) struct Detected {
    exposed: Option<Millis>,
}

impl Check for Detected {
    fn promise(&self) -> &'static str {
        "a clear regression is taken back soon"
    }

    fn passed(&mut self, scene: &Scene, served: &Served) -> Result<(), String> {
        if served.canary <= 0.0 {
            // Where there was no request at all, only a moment has passed, or the traffic is off.
            if served.requests > 0.0 || scene.data_plane.rate <= 0.0 {
                self.exposed = None;
            }
            return Ok(());
        }
        let canary = scene.store.get(Kind::Deployment, &format!("{NAME}-canary"));
        let rate = |number: usize| scene.setting.versions.get(number).map_or(0.0, |version| version.error_rate);
        let stable = scene.status().stable_revision;
        let stable = scene.store.all(Kind::ReplicaSet).find(|set| set.label("pod-template-hash") == stable.as_deref());
        let bad = canary
            .zip(stable)
            .is_some_and(|(canary, stable)| rate(version_of(canary)) >= rate(version_of(stable)) + BAD);
        let judged = matches!(scene.phase(), Phase::Progressing | Phase::Paused) && scene.setting.analysis;
        if !(bad && judged && scene.prometheus.up) {
            self.exposed = None;
            return Ok(());
        }
        let learned = scene.status().run.is_some_and(|run| {
            let long = |known: &MetricBaseline| {
                serde_json::from_str::<CountBaseline>(&known.baseline).is_ok_and(|known| !known.is_short())
            };
            run.analysis.baselines.iter().any(long)
        });
        let telling = scene.status().weight.is_none_or(|weight| weight.applied <= TELLING);
        let at_most = match (learned, telling) {
            (true, _) => AT_MOST,
            (false, true) => AT_MOST_WITHOUT_HISTORY,
            (false, false) => {
                self.exposed = None;
                return Ok(());
            }
        };
        let since = *self.exposed.get_or_insert(scene.now);
        if scene.now - since > at_most {
            self.exposed = None;
            return Err(format!("a bad version has been in front of users for {} s", (scene.now - since) / 1000));
        }
        Ok(())
    }

    fn restarted(&mut self, _: &Scene) {
        self.exposed = None;
    }
}
