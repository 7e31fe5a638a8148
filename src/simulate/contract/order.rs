//! After a failing verdict the traffic goes back before anything else, and it goes back only for a reason.

use super::{
    super::{
        clock::Millis,
        scene::{Scene, canary_percent},
        traffic::Served,
    },
    Act, Check,
};
use crate::{
    act::{Effect, Purpose},
    api::{PauseReason, Phase, RolloutStatus},
};

/// The first effect after a failing verdict is traffic back.
#[derive(Default)]
pub(super) struct TrafficFirst {
    /// What came before in this reconcile that is not taking traffic back.
    earlier: Option<String>,
    /// Whether taking traffic back was tried in this reconcile and not taken: what can be done is done then, and it is
    /// tried again.
    refused: bool,
}

impl Check for TrafficFirst {
    fn promise(&self) -> &'static str {
        "after a failing verdict the first effect is traffic back on the stable version"
    }

    fn begin(&mut self, _: &Scene) {
        *self = Self::default();
    }

    fn effect(&mut self, scene: &Scene, act: &Act<'_>) -> Result<(), String> {
        if let Some(status) = act.status()
            && failed(status)
            && !failed(act.status_before)
        {
            if let Some(earlier) = &self.earlier {
                return Err(format!("{earlier} came before it"));
            }
            let left = scene.canary_percent();
            if left > 0 && !self.refused {
                return Err(format!("the status says {:?}, and the canary still has {left} %", status.phase));
            }
        }
        if act.purpose() == Some(Purpose::Lower) {
            self.refused |= !act.done;
        } else {
            self.earlier = Some(match act.effect {
                Effect::Event(notice) => format!("the event {}", notice.reason),
                Effect::Status(status) => format!("the status {:?}", status.phase),
                _ => format!("{:?}", act.purpose()),
            });
        }
        Ok(())
    }
}

/// Whether a status says that the verdict was against the canary.
fn failed(status: &RolloutStatus) -> bool {
    status.phase == Phase::RollingBack || paused_for_regression(status)
}

fn paused_for_regression(status: &RolloutStatus) -> bool {
    let pause = status.run.as_ref().and_then(|run| run.pause.as_ref());
    status.phase == Phase::Paused && pause.is_some_and(|pause| pause.reason == PauseReason::Regression)
}

/// Traffic that a step has reached is taken back by a verdict, a person, a new template or unready pods, and by nothing
/// else: not by an edit of the spec, not by an outage, not by a restart.
#[derive(Default)]
pub(super) struct LoweredForAReason {
    lowered: Option<u32>,
    ready_since: Option<Millis>,
}

impl Check for LoweredForAReason {
    fn promise(&self) -> &'static str {
        "an edit of the spec never resets the traffic"
    }

    fn begin(&mut self, scene: &Scene) {
        self.lowered = None;
        self.watch(scene);
    }

    fn effect(&mut self, _: &Scene, act: &Act<'_>) -> Result<(), String> {
        if let Some((before, after)) = act.route()
            && canary_percent(before) > 0
            && canary_percent(after) == 0
        {
            self.lowered = Some(canary_percent(before));
        }
        Ok(())
    }

    fn complete(&mut self, scene: &Scene) -> Result<(), String> {
        let Some(weight) = self.lowered.take() else { return Ok(()) };
        let status = scene.status();
        let over = !matches!(status.phase, Phase::Progressing | Phase::Paused) || paused_for_regression(&status);
        let deleted = scene.rollout().is_none_or(crate::model::Object::deleting);
        // The controller can't know what its watches have not told it yet.
        let unready = self.ready_since.is_none_or(|since| scene.now - since <= scene.setting.watch_delay);
        if over || deleted || unready {
            return Ok(());
        }
        Err(format!("the canary lost its {weight} % in phase {:?} for no reason", status.phase))
    }

    fn passed(&mut self, scene: &Scene, _: &Served) -> Result<(), String> {
        self.watch(scene);
        Ok(())
    }
}

impl LoweredForAReason {
    fn watch(&mut self, scene: &Scene) {
        self.ready_since = scene.canary_is_ready().then(|| self.ready_since.unwrap_or(scene.now));
    }
}
