//! What Siskin does not own it does not change, and afterwards everything is as its user wrote it.

use serde_json::{Value, json};

use super::{
    super::{scene::Scene, setting::NAME},
    Act, Check,
};
use crate::{
    api::Phase,
    model::{HELD_ANNOTATION, HELD_BECAUSE_ANNOTATION, MANAGED_LABEL, Object, POD_TEMPLATE_HASH, ROLLOUT_LABEL},
    observe::Kind,
    route::{CANARY_SUBSET, STABLE_SUBSET},
};

/// Foreign fields are the same after every write.
pub(super) struct Untouched;

impl Check for Untouched {
    fn promise(&self) -> &'static str {
        "what Siskin does not own it does not change"
    }

    fn effect(&mut self, _: &Scene, act: &Act<'_>) -> Result<(), String> {
        let (Some(before), Some(after)) = (act.before, act.after) else { return Ok(()) };
        if before.name() != NAME || before.text("/kind") == "Rollout" {
            return Ok(());
        }
        let (old, new) = (users_part(before), users_part(after));
        if old == new { Ok(()) } else { Err(format!("{} was\n{old}\nand is\n{new}", before.key())) }
    }
}

/// An object without what is Siskin's and without the server's bookkeeping.
fn users_part(object: &Object) -> Value {
    let mut value = object.value().clone();
    if let Some(whole) = value.as_object_mut() {
        whole.remove("status");
    }
    for field in ["resourceVersion", "generation"] {
        drop_field(&mut value["metadata"], field);
    }
    drop_field(&mut value["metadata"]["labels"], MANAGED_LABEL);
    for annotation in [HELD_ANNOTATION, HELD_BECAUSE_ANNOTATION] {
        drop_field(&mut value["metadata"]["annotations"], annotation);
    }
    match object.text("/kind") {
        "Deployment" => drop_field(&mut value["spec"], "paused"),
        "Service" => drop_field(&mut value["spec"]["selector"], POD_TEMPLATE_HASH),
        "DestinationRule" => {
            if let Some(subsets) = value["spec"]["subsets"].as_array_mut() {
                subsets.retain(|subset| subset["name"] != STABLE_SUBSET && subset["name"] != CANARY_SUBSET);
                for subset in subsets {
                    drop_field(&mut subset["labels"], POD_TEMPLATE_HASH);
                }
            }
        }
        "HTTPRoute" => users_route(&mut value, "rules", "backendRefs"),
        "VirtualService" => users_route(&mut value, "http", "route"),
        _ => {}
    }
    value
}

/// A route without the canary's entries, and with the user's names. Weights are another check's.
fn users_route(value: &mut Value, rules: &str, entries: &str) {
    let (stable, canary) = (json!(format!("{NAME}-stable")), json!(format!("{NAME}-canary")));
    for rule in value["spec"][rules].as_array_mut().into_iter().flatten() {
        let Some(entries) = rule[entries].as_array_mut() else { continue };
        entries.retain(|entry| {
            entry["name"] != canary
                && entry["destination"]["host"] != canary
                && entry["destination"]["subset"] != CANARY_SUBSET
        });
        for entry in entries {
            let (target, name) = if entry.get("destination").is_some() {
                (&mut entry["destination"], "host")
            } else {
                (&mut *entry, "name")
            };
            if target[name] != json!(NAME) && target[name] != stable {
                continue;
            }
            target[name] = json!(NAME);
            if target.get("subset").is_some_and(|subset| *subset == STABLE_SUBSET) {
                target["subset"] = json!("all");
            }
            drop_field(entry, "weight");
        }
    }
}

fn drop_field(value: &mut Value, field: &str) {
    if let Some(map) = value.as_object_mut() {
        map.remove(field);
    }
}

/// The end is as the beginning, but for what users changed.
pub(super) struct AsBefore;

impl Check for AsBefore {
    fn promise(&self) -> &'static str {
        "when idle, the user's manifests are what runs"
    }

    fn end(&mut self, scene: &Scene) -> Result<(), String> {
        let manifests = &scene.manifests;
        let spec = |kind, wanted: &Value| match scene.store.get(kind, NAME) {
            Some(live) if live.at("/spec") == Some(wanted) => Ok(()),
            Some(live) => Err(format!("the spec of {} is\n{}\nand not\n{wanted}", live.key(), live.value()["spec"])),
            None => Err(format!("{kind} {NAME} is gone")),
        };
        spec(scene.setting.route.kind(), &manifests.route)?;
        spec(Kind::Service, &manifests.service)?;
        if scene.store.get(Kind::DestinationRule, NAME).is_some() {
            spec(Kind::DestinationRule, &manifests.destination_rule)?;
        }
        let left = scene.store.everything().find(|(_, object)| object.label(ROLLOUT_LABEL).is_some());
        if let Some((_, object)) = left {
            return Err(format!("{} is still there", object.key()));
        }
        workload(scene)
    }
}

fn workload(scene: &Scene) -> Result<(), String> {
    let Some(live) = scene.workload() else { return Err("the workload is gone".to_owned()) };
    let paused = live.at("/spec/paused") == Some(&json!(true));
    if scene.rollout().is_some() {
        if scene.phase() != Phase::Idle {
            return Err(format!("the end is {:?}", scene.phase()));
        }
        if paused == scene.setting.policy {
            return Err(format!("spec.paused of an idle workload is {paused}"));
        }
    } else {
        // Whoever resumes the workload may leave the annotation there.
        if paused && live.annotation(HELD_BECAUSE_ANNOTATION).is_none() {
            return Err(format!(
                "spec.paused is {paused}, and the annotations are {}",
                live.value()["metadata"]["annotations"]
            ));
        }
        if live.label(MANAGED_LABEL).is_some() || live.annotation(HELD_ANNOTATION).is_some() {
            return Err(format!(
                "the Rollout is gone, and the workload still has its marks: {}",
                live.value()["metadata"]
            ));
        }
    }
    let replicas = live.number("/spec/replicas");
    if replicas != Some(i64::from(scene.manifests.replicas)) {
        return Err(format!("the workload has {replicas:?} replicas, and its user wants {}", scene.manifests.replicas));
    }
    Ok(())
}
