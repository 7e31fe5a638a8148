//! Weights sum to their total, are those of the plan, and never send a request to where nobody is.

use super::{
    super::{
        action::Action,
        clock::Millis,
        scene::{Scene, canary_percent},
        setting::NAME,
        traffic::{Served, destinations},
    },
    Act, Check,
};
use crate::{model::Object, observe::Kind};

/// The Service's part of a route is what its user gave it.
pub(super) struct Sum;

impl Check for Sum {
    fn promise(&self) -> &'static str {
        "the weights of a route sum to their total"
    }

    fn effect(&mut self, _: &Scene, act: &Act<'_>) -> Result<(), String> {
        let Some((before, after)) = act.route() else { return Ok(()) };
        let share = |route| -> f64 { destinations(route, NAME).iter().map(|destination| destination.share).sum() };
        let (old, new) = (share(before), share(after));
        if (old - new).abs() > 1e-9 {
            return Err(format!("the Service had {old} of the requests, and has {new}: {}", after.value()["spec"]));
        }
        for rule in after.list("/spec/http") {
            let weights: Vec<i64> =
                rule["route"].as_array().into_iter().flatten().filter_map(|entry| entry["weight"].as_i64()).collect();
            if weights.len() > 1 && weights.iter().sum::<i64>() != 100 {
                return Err(format!("the weights {weights:?} of a rule do not sum to 100"));
            }
        }
        Ok(())
    }
}

/// A weight is 0 or that of a step.
pub(super) struct Planned;

impl Check for Planned {
    fn promise(&self) -> &'static str {
        "no weight is outside the plan"
    }

    fn effect(&mut self, scene: &Scene, act: &Act<'_>) -> Result<(), String> {
        let Some((before, after)) = act.route() else { return Ok(()) };
        let (old, new) = (canary_percent(before), canary_percent(after));
        if new == 0 || scene.planned.contains(&new) || new == old {
            return Ok(());
        }
        Err(format!("the canary gets {new} %, and the steps are {:?}", scene.planned))
    }
}

/// A weight rises only where the canary is ready.
#[derive(Default)]
pub(super) struct Ready {
    seen: Option<Millis>,
}

impl Check for Ready {
    fn promise(&self) -> &'static str {
        "a version that is not ready gets no traffic"
    }

    fn effect(&mut self, scene: &Scene, act: &Act<'_>) -> Result<(), String> {
        let Some((before, after)) = act.route() else { return Ok(()) };
        if canary_percent(after) <= canary_percent(before) {
            return Ok(());
        }
        // The controller can't know what its watches have not told it yet.
        let known = scene.now - scene.setting.watch_delay;
        if scene.canary_is_ready() || self.seen.is_some_and(|seen| seen >= known) {
            return Ok(());
        }
        Err(format!("the canary's weight rose to {} % while none of its pods was ready", canary_percent(after)))
    }

    fn passed(&mut self, scene: &Scene, _: &Served) -> Result<(), String> {
        if scene.canary_is_ready() {
            self.seen = Some(scene.now);
        }
        Ok(())
    }
}

/// No request fails for want of a pod.
#[derive(Default)]
pub(super) struct NothingLost {
    /// Whether the user's own pods have come up.
    up: bool,
    /// Until when requests may be lost: pods have become unready, and nobody can know that at once.
    excused: Millis,
    handled: usize,
}

/// How long a controller that runs may take to see that the canary is unready, beside the delays of what tells it.
const REACTION: Millis = 2_000;

impl Check for NothingLost {
    fn promise(&self) -> &'static str {
        "no request is sent to where no pod is"
    }

    fn passed(&mut self, scene: &Scene, served: &Served) -> Result<(), String> {
        for (at, action) in scene.happened.iter().skip(self.handled) {
            let setting = &scene.setting;
            let delays = setting.watch_delay + 2 * setting.endpoint_delay + 2 * setting.proxy_delay + REACTION;
            if *action == Action::CanaryUnready {
                // Until they are ready again at the latest, since a controller that was just killed can't react.
                self.excused = self.excused.max(at + 8_000 + delays);
            }
        }
        self.handled = scene.happened.len();
        self.up |= served.requests > 0.0 && served.lost <= 0.0;
        if self.up && served.lost > 0.0 && scene.now > self.excused {
            let route = scene.route().map_or_else(String::new, |route| route.value()["spec"].to_string());
            let endpoints: Vec<_> = scene
                .store
                .all(Kind::Service)
                .map(Object::name)
                .map(|name| (name, scene.ready_behind(name).len()))
                .collect();
            return Err(format!(
                "{} of {} requests were lost; endpoints: {endpoints:?}; route: {route}",
                served.lost, served.requests
            ));
        }
        Ok(())
    }
}
