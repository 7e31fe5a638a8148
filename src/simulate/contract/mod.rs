//! The contract that users are promised (docs/design.md), as checks of a simulation while it goes on.
//!
//! A check sees everything: each effect with the object before and after it, each interval of traffic, the end. It knows
//! nothing of how plans are made.

mod capacity;
mod evidence;
mod foreign;
mod order;
mod release;
mod sight;
mod starts;
mod weights;
mod writes;

use std::fmt;

use super::{scene::Scene, traffic::Served};
use crate::{
    act::{Effect, Purpose},
    api::RolloutStatus,
    measure::{Gap, Measurement},
    model::Object,
};

/// An effect, and what it did.
#[derive(Clone, Copy, Debug)]
pub struct Act<'a> {
    /// The effect.
    pub effect: &'a Effect,
    /// What it wrote to, as it was.
    pub before: Option<&'a Object>,
    /// What it wrote to, as it is now.
    pub after: Option<&'a Object>,
    /// The Rollout's status as it was stored before.
    pub status_before: &'a RolloutStatus,
    /// Whether the server took it.
    pub done: bool,
}

impl<'a> Act<'a> {
    /// The new status, where that is what was written.
    pub fn status(&self) -> Option<&'a RolloutStatus> {
        match self.effect {
            Effect::Status(status) if self.done => Some(status),
            _ => None,
        }
    }

    /// What it is for, where the effect says so.
    pub fn purpose(&self) -> Option<Purpose> {
        self.effect.purpose()
    }

    /// The route before and after, where that is what was written.
    pub fn route(&self) -> Option<(&'a Object, &'a Object)> {
        let (before, after) = (self.before?, self.after?);
        (self.done && matches!(after.text("/kind"), "HTTPRoute" | "VirtualService")).then_some((before, after))
    }
}

/// One line of the contract. Every method says what is broken, if it is.
pub(super) trait Check: Send {
    /// The line in words.
    fn promise(&self) -> &'static str;

    /// A reconcile begins.
    fn begin(&mut self, _: &Scene) {}

    /// The controller asked Prometheus in this reconcile.
    fn look(&mut self, _: &Measurement) {}

    /// An effect was performed, or refused.
    fn effect(&mut self, _: &Scene, _: &Act<'_>) -> Result<(), String> {
        Ok(())
    }

    /// A reconcile is over, and every effect was performed.
    fn complete(&mut self, _: &Scene) -> Result<(), String> {
        Ok(())
    }

    /// Time has passed.
    fn passed(&mut self, _: &Scene, _: &Served) -> Result<(), String> {
        Ok(())
    }

    /// The controller was restarted.
    fn restarted(&mut self, _: &Scene) {}

    /// The simulation is over.
    fn end(&mut self, _: &Scene) -> Result<(), String> {
        Ok(())
    }
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The promise.
    pub promise: &'static str,
    /// What happened instead.
    pub what: String,
    /// When, in milliseconds from the beginning.
    pub at: i64,
}

impl fmt::Display for Breach {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "at {}.{:03} s: {}: {}", self.at / 1000, self.at % 1000, self.promise, self.what)
    }
}

/// All checks, and what they found.
pub struct Contract {
    checks: Vec<Box<dyn Check>>,
    /// Broken promises, in the order in which they were seen.
    pub breaches: Vec<Breach>,
}

impl Default for Contract {
    fn default() -> Self {
        let checks: Vec<Box<dyn Check>> = vec![
            Box::new(weights::Sum),
            Box::new(weights::Planned),
            Box::new(weights::Ready::default()),
            Box::new(weights::NothingLost::default()),
            Box::new(order::TrafficFirst::default()),
            Box::new(order::LoweredForAReason::default()),
            Box::new(sight::NoVerdictWithoutSight),
            Box::new(sight::NoRaiseWithoutSight::default()),
            Box::new(sight::PassedAtItsOwnWeight),
            Box::new(evidence::Kept),
            Box::new(evidence::TrueVerdicts),
            Box::new(evidence::Detected::default()),
            Box::new(foreign::Untouched),
            Box::new(foreign::AsBefore),
            Box::new(starts::OnlyForAChange::default()),
            Box::new(capacity::Stable::default()),
            Box::new(release::OnlyJudged::default()),
            Box::new(writes::NothingForNothing),
            Box::new(writes::NoneInTheWay::default()),
        ];
        Self { checks, breaches: Vec::new() }
    }
}

impl Contract {
    pub(super) fn begin(&mut self, scene: &Scene) {
        self.checks.iter_mut().for_each(|check| check.begin(scene));
    }

    pub(super) fn look(&mut self, measurement: &Measurement) {
        self.checks.iter_mut().for_each(|check| check.look(measurement));
    }

    pub(super) fn effect(&mut self, scene: &Scene, act: &Act<'_>) {
        self.each(scene, |check| check.effect(scene, act));
    }

    pub(super) fn complete(&mut self, scene: &Scene) {
        self.each(scene, |check| check.complete(scene));
    }

    pub(super) fn passed(&mut self, scene: &Scene, served: &Served) {
        self.each(scene, |check| check.passed(scene, served));
    }

    pub(super) fn restarted(&mut self, scene: &Scene) {
        self.checks.iter_mut().for_each(|check| check.restarted(scene));
    }

    pub(super) fn end(&mut self, scene: &Scene) {
        self.each(scene, |check| check.end(scene));
    }

    /// Something that no single check sees.
    pub(super) fn breach(&mut self, scene: &Scene, promise: &'static str, what: String) {
        self.breaches.push(Breach { promise, what, at: scene.now });
    }

    fn each(&mut self, scene: &Scene, mut ask: impl FnMut(&mut dyn Check) -> Result<(), String>) {
        for check in &mut self.checks {
            if let Err(what) = ask(check.as_mut()) {
                self.breaches.push(Breach { promise: check.promise(), what, at: scene.now });
            }
        }
    }
}

/// Whether Prometheus answered every question, as far as it is about Prometheus itself.
fn clear(measurement: &Measurement) -> bool {
    measurement.metrics.iter().all(|(_, outcome)| !outcome.gap().is_some_and(Gap::is_outage))
}
