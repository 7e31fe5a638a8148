//! Who sees nothing decides nothing.

use super::{
    super::scene::{Scene, canary_percent},
    Act, Check, clear,
};
use crate::{
    api::{Phase, RolloutStatus},
    measure::Measurement,
};

/// Ends of a run that need no numbers: a person, the template, pods that do not start, the policy for blindness.
const NEED_NO_NUMBERS: [&str; 6] = ["Aborted", "Reverted", "CanaryNotReady", "NoData", "Skipped", "PromotedByPerson"];

/// An outage never promotes and never rolls back.
pub(super) struct NoVerdictWithoutSight;

impl Check for NoVerdictWithoutSight {
    fn promise(&self) -> &'static str {
        "an outage of Prometheus never promotes and never rolls back"
    }

    fn effect(&mut self, scene: &Scene, act: &Act<'_>) -> Result<(), String> {
        let Some(status) = act.status() else { return Ok(()) };
        if scene.prometheus.up || !scene.setting.analysis || status.last_verb != act.status_before.last_verb {
            return Ok(());
        }
        let before = act.status_before;
        if let (Some(ending), None) = (ending(status), ending(before))
            && !NEED_NO_NUMBERS.contains(&ending)
        {
            return Err(format!("the run was ended for {ending} while Prometheus was down"));
        }
        if before.runs == status.runs && before.phase != Phase::Idle && step(status) > step(before) {
            return Err(format!("step {} was passed while Prometheus was down", step(before) + 1));
        }
        Ok(())
    }
}

fn step(status: &RolloutStatus) -> u32 {
    status.step.as_ref().map_or(0, |step| step.index)
}

fn ending(status: &RolloutStatus) -> Option<&str> {
    Some(status.run.as_ref()?.ending.as_ref()?.reason.as_str())
}

/// What was seen at one weight says nothing of the next.
pub(super) struct PassedAtItsOwnWeight;

impl Check for PassedAtItsOwnWeight {
    fn promise(&self) -> &'static str {
        "a step passes by what was seen at its own weight"
    }

    fn effect(&mut self, scene: &Scene, act: &Act<'_>) -> Result<(), String> {
        let (Some(status), before) = (act.status(), act.status_before) else { return Ok(()) };
        let compared = scene.setting.analysis && before.weight.is_some_and(|weight| weight.desired < 100);
        if !compared || status.runs != before.runs || status.last_verb != before.last_verb {
            return Ok(());
        }
        let promoted = ending(status) == Some("Promoted") && ending(before).is_none();
        let reached = before.run.as_ref().is_some_and(|run| run.reached_at.is_some());
        if (step(status) > step(before) || promoted) && !reached {
            return Err(format!("step {} was passed before its weight was reached", step(before) + 1));
        }
        Ok(())
    }
}

/// A weight rises only where Prometheus has answered in the same reconcile.
#[derive(Default)]
pub(super) struct NoRaiseWithoutSight {
    clear: bool,
}

impl Check for NoRaiseWithoutSight {
    fn promise(&self) -> &'static str {
        "a weight rises only where Prometheus can be seen"
    }

    fn begin(&mut self, _: &Scene) {
        self.clear = false;
    }

    fn look(&mut self, measurement: &Measurement) {
        self.clear = clear(measurement);
    }

    fn effect(&mut self, scene: &Scene, act: &Act<'_>) -> Result<(), String> {
        match act.route() {
            Some((before, after))
                if scene.setting.analysis && !self.clear && canary_percent(after) > canary_percent(before) =>
            {
                Err(format!("the weight rose to {} % blindly", canary_percent(after)))
            }
            _ => Ok(()),
        }
    }
}
