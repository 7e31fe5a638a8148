//! Tests of which effects are tried, on a world that refuses what it is told to.

use std::{collections::BTreeMap, sync::Mutex};

use json_patch::Patch;

use super::*;
use crate::{
    act::{Notice, Purpose},
    analysis::HistoryRequest,
    controller::{Memory, WriteError},
    measure::{MeasureRequest, Measurement},
    model::Key,
    observe::{Observed, Refusal, SeenPod},
    plan::QueryToCheck,
};

/// A world that refuses all writes to some objects.
struct Refusing {
    refused: Vec<&'static str>,
    memory: Memory,
    tried: Mutex<Vec<String>>,
}

#[derive(Debug, thiserror::Error)]
#[error("can't patch Service shop/{0}: a policy says no")]
struct Refused(String);

impl WriteError for Refused {
    fn is_conflict(&self) -> bool {
        false
    }
}

impl World for Refusing {
    type Error = Refused;

    fn memory(&self) -> &Memory {
        &self.memory
    }

    fn observe(&self, _: &RolloutKey) -> Option<Observed> {
        None
    }

    async fn measure(&self, _: &RolloutKey, request: &MeasureRequest) -> Measurement {
        Measurement { at: request.at, metrics: Vec::new(), queries: Vec::new(), spared: 0 }
    }

    async fn history(&self, _: &HistoryRequest) -> Vec<Measurement> {
        Vec::new()
    }

    fn checked(&self, _: &[QueryToCheck]) -> Option<Vec<Refusal>> {
        None
    }

    async fn check(&self, _: &[QueryToCheck]) -> Vec<Refusal> {
        Vec::new()
    }

    async fn troubles(&self, _: &str, _: &str) -> Vec<String> {
        Vec::new()
    }

    async fn pods(&self, _: &str, _: &BTreeMap<String, String>) -> Option<Vec<SeenPod>> {
        None
    }

    async fn refresh(&self, _: &[Key]) {}

    async fn perform(&self, _: &RolloutKey, effect: &Effect) -> Result<(), Refused> {
        let name = match effect {
            Effect::Status(_) => "status".to_owned(),
            Effect::Event(_) => "event".to_owned(),
            effect => effect.target().map(|target| target.name).unwrap_or_default(),
        };
        self.tried.lock().unwrap().push(name.clone());
        if self.refused.contains(&name.as_str()) { Err(Refused(name)) } else { Ok(()) }
    }
}

fn write(name: &str, purpose: Purpose) -> Effect {
    Effect::Patch { target: Key::new("v1", "Service", "shop", name), patch: Patch(Vec::new()), purpose }
}

fn status() -> Effect {
    Effect::Status(Box::default())
}

fn event() -> Effect {
    Effect::Event(Notice { warning: true, reason: "Regression".into(), message: "worse".into() })
}

/// What was tried, and whether the failure that counts was to lower risk.
async fn perform_refused(refused: &[&'static str], effects: &[Effect]) -> (Vec<String>, Option<bool>, Refusing) {
    let world = Refusing { refused: refused.to_vec(), memory: Memory::default(), tried: Mutex::default() };
    let key = RolloutKey::new("shop", "web");
    let failed = perform(&world, &key, effects, "2030-01-01T00:00:00Z".parse().unwrap()).await.err();
    let tried = world.tried.lock().unwrap().clone();
    (tried, failed.map(|failed| failed.lowers_risk), world)
}

#[tokio::test]
async fn a_route_that_refuses_its_patch_keeps_no_other_one_from_being_lowered_and_the_verdict_is_written() {
    let plan = [write("a", Purpose::Lower), write("b", Purpose::Lower), status(), event()];
    let (tried, lowers_risk, world) = perform_refused(&["a"], &plan).await;
    assert_eq!(tried, ["a", "b", "status", "event"]);
    assert_eq!(lowers_risk, Some(true));
    let writes = world.memory.writes(&RolloutKey::new("shop", "web"));
    assert!(writes.failed[0].said.contains("a policy says no"), "{:?}", writes.failed);
}

#[tokio::test]
async fn what_a_run_needs_before_the_next_thing_ends_the_plan_but_for_what_lowers_risk() {
    let plan = [write("pin", Purpose::Pin), write("canary", Purpose::Canary), write("web", Purpose::Unpin), status()];
    let (tried, lowers_risk, _) = perform_refused(&["pin"], &plan).await;
    assert_eq!((tried, lowers_risk), (vec!["pin".to_owned(), "web".to_owned()], Some(false)));
}

#[tokio::test]
async fn a_write_that_is_taken_ends_what_was_said_of_it() {
    let (_, failed, world) = perform_refused(&["a"], &[write("a", Purpose::Lower)]).await;
    assert!(failed.is_some());
    let healed = Refusing { refused: Vec::new(), ..world };
    let key = RolloutKey::new("shop", "web");
    perform(&healed, &key, &[write("a", Purpose::Lower)], "2030-01-01T00:00:01Z".parse().unwrap()).await.unwrap();
    assert_eq!(healed.memory.writes(&key).failed, []);
}
