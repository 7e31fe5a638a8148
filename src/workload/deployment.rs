//! Deployments: held by `spec.paused`, with a canary Deployment beside them, promoted by their own rolling update.

mod consolidation;

use json_patch::{
    AddOperation, Patch, PatchOperation, RemoveOperation, ReplaceOperation, TestOperation, jsonptr::PointerBuf,
};
use serde_json::{Value, json};

pub use self::consolidation::{Consolidation, consolidation, max_unavailable};
use super::template::{self, TemplateIs, same_template};
use crate::model::{
    CANARY, COPY_ANNOTATION, HELD_ANNOTATION, HELD_BECAUSE_ANNOTATION, MANAGED_LABEL, Object, POD_TEMPLATE_HASH,
    ROLLOUT_LABEL, Timestamp, VARIANT_LABEL, words::label_value,
};

/// Which version the Deployment's template is. `stable` is the stable ReplicaSet, `canary` the canary Deployment.
pub fn template_is(deployment: &Object, stable: Option<&Object>, canary: Option<&Object>) -> TemplateIs {
    let template = &deployment.value()["spec"]["template"];
    if stable.is_some_and(|stable| same_template(template, &stable.value()["spec"]["template"])) {
        TemplateIs::Stable
    } else if canary.is_some_and(|canary| is_copy(template, canary)) {
        TemplateIs::Canary
    } else {
        TemplateIs::New
    }
}

/// Whether the canary Deployment was made from this template. An admission policy may have written into the copy (a label,
/// a name that it puts into each pod), and other tools add annotations: so the copy says what it was made from. After an
/// upgrade of the server the template reads differently, and so does the copy: then they are compared.
fn is_copy(template: &Value, canary: &Object) -> bool {
    canary.annotation(COPY_ANNOTATION) == Some(&template::digest(template))
        || same_template(template, &canary.value()["spec"]["template"])
}

/// A ReplicaSet's revision, as the server computed it.
pub fn revision(replica_set: &Object) -> Option<&str> {
    replica_set.label(POD_TEMPLATE_HASH)
}

/// The ReplicaSet of the Deployment's current template.
pub fn current_replica_set<'a>(deployment: &Object, replica_sets: &'a [Object]) -> Option<&'a Object> {
    replica_sets
        .iter()
        .find(|set| same_template(&deployment.value()["spec"]["template"], &set.value()["spec"]["template"]))
}

/// The ReplicaSet with the most ready pods: what users get from a Deployment that is held in the middle.
pub fn largest_replica_set(replica_sets: &[Object]) -> Option<&Object> {
    replica_sets
        .iter()
        .max_by_key(|set| (set.number("/status/readyReplicas").unwrap_or(0), set.number("/spec/replicas").unwrap_or(0)))
        .filter(|set| set.number("/spec/replicas").unwrap_or(0) > 0)
}

/// How many pods the Deployment wants.
pub fn wanted(deployment: &Object) -> u32 {
    deployment.number("/spec/replicas").and_then(|count| u32::try_from(count).ok()).unwrap_or(1)
}

/// How many of its pods are ready.
pub fn ready(deployment: &Object) -> u32 {
    deployment.number("/status/readyReplicas").and_then(|count| u32::try_from(count).ok()).unwrap_or(0)
}

/// How many pods it has, whatever their state.
pub fn running(deployment: &Object) -> u32 {
    deployment.number("/status/replicas").and_then(|count| u32::try_from(count).ok()).unwrap_or(0)
}

/// Whether the Deployment's controller has seen its spec, and every pod it wants is of its template and available.
pub fn rolled_out(deployment: &Object) -> bool {
    let count = |field: &str| deployment.number(&format!("/status/{field}")).unwrap_or(0);
    let wanted = i64::from(wanted(deployment));
    deployment.number("/status/observedGeneration").unwrap_or(0) >= deployment.generation()
        && count("updatedReplicas") == wanted
        && count("replicas") == wanted
        && count("availableReplicas") == wanted
}

/// Whether the Deployment has no pods of an older template any more, and at least `needed` ready ones.
pub fn ready_at_its_template(deployment: &Object, needed: u32) -> bool {
    let count = |field: &str| deployment.number(&format!("/status/{field}")).unwrap_or(0);
    deployment.number("/status/observedGeneration").unwrap_or(0) >= deployment.generation()
        && count("replicas") == count("updatedReplicas")
        && count("readyReplicas") >= i64::from(needed)
}

/// Why its pods can't even be made (a quota, a policy), in the server's words.
pub fn replica_failure(deployment: &Object) -> Option<&str> {
    let mut conditions = deployment.list("/status/conditions").iter();
    let failed = conditions.find(|condition| condition["type"] == "ReplicaFailure" && condition["status"] == "True");
    failed.and_then(|condition| condition["message"].as_str())
}

/// Since when enough of its pods are available, to the second.
pub fn available_since(deployment: &Object) -> Option<Timestamp> {
    let conditions = deployment.list("/status/conditions");
    let available =
        conditions.iter().find(|condition| condition["type"] == "Available" && condition["status"] == "True")?;
    available["lastTransitionTime"].as_str()?.parse().ok()
}

/// Whether the Deployment is held: paused, with the mark that says by whom.
pub fn held(deployment: &Object) -> bool {
    paused(deployment) && deployment.annotation(HELD_ANNOTATION).is_some()
}

/// Whether the Deployment is paused, and not by us.
pub fn paused_by_its_user(deployment: &Object) -> bool {
    paused(deployment) && !held(deployment)
}

/// Whether a person has taken the Deployment out of our hands: the label that we had put on it is gone, and nothing keeps
/// its template from rolling out.
pub fn let_go(deployment: &Object) -> bool {
    deployment.label(MANAGED_LABEL).is_none() && !paused(deployment)
}

/// Whether `spec.paused` is set.
pub fn paused(deployment: &Object) -> bool {
    deployment.at("/spec/paused").and_then(Value::as_bool) == Some(true)
}

/// Holds the Deployment. Nothing where it is held already.
pub fn hold(deployment: &Object) -> Option<Patch> {
    let mut edit = Edit::of(deployment);
    if !paused(deployment) {
        edit.set(&["spec", "paused"], json!(true));
    }
    edit.annotate(HELD_ANNOTATION, "true");
    edit.finish()
}

/// Lets the Deployment roll out the template that was seen, and no other: the generation is tested, so a template
/// that was pushed in this very moment stays held. A pause without our mark is its user's own, and stays.
pub fn unhold(deployment: &Object) -> Option<Patch> {
    let mut edit = Edit::of(deployment);
    if held(deployment) {
        edit.remove(&["spec", "paused"]);
    }
    edit.unannotate(HELD_ANNOTATION);
    edit.unannotate(HELD_BECAUSE_ANNOTATION);
    edit.finish()
}

/// Marks the Deployment as watched over, for the admission policy to select it.
pub fn adopt(deployment: &Object) -> Option<Patch> {
    let mut edit = Edit::of(deployment);
    if deployment.label(MANAGED_LABEL) != Some("true") {
        edit.put(&["metadata", "labels"], MANAGED_LABEL, json!("true"));
    }
    edit.unannotate(HELD_BECAUSE_ANNOTATION);
    edit.finish()
}

/// Leaves the Deployment to its user. With `because`, it stays paused on an unjudged template and says why.
pub fn release(deployment: &Object, because: Option<&str>) -> Option<Patch> {
    let mut edit = Edit::of(deployment);
    if deployment.label(MANAGED_LABEL).is_some() {
        edit.remove(&["metadata", "labels", MANAGED_LABEL]);
    }
    match because {
        Some(reason) => edit.annotate(HELD_BECAUSE_ANNOTATION, reason),
        None if held(deployment) => edit.remove(&["spec", "paused"]),
        None => {}
    }
    edit.unannotate(HELD_ANNOTATION);
    edit.finish()
}

/// How many canary pods a weight needs beside `stable` pods: their share, rounded up, and never none.
pub fn canary_replicas(stable: u32, weight: u32) -> u32 {
    (u64::from(stable) * u64::from(weight)).div_ceil(100).max(1).try_into().unwrap_or(u32::MAX)
}

/// The canary Deployment: the workload's template with one more label, in its selector too.
///
/// The user's own labels and annotations on the Deployment are not taken over: tools that track objects by them would
/// believe that the canary is theirs and remove it.
pub fn canary(deployment: &Object, name: &str, rollout: &str, owner: &Value, replicas: u32) -> Value {
    let template = canary_template(deployment);
    let mut selector = deployment.value()["spec"]["selector"].clone();
    selector["matchLabels"][VARIANT_LABEL] = json!(CANARY);
    let mut spec = json!({"replicas": replicas, "selector": selector, "template": template});
    for field in ["minReadySeconds", "strategy", "progressDeadlineSeconds"] {
        if let Some(value) = deployment.at(&format!("/spec/{field}")) {
            spec[field] = value.clone();
        }
    }
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": deployment.namespace(),
            "labels": {ROLLOUT_LABEL: label_value(rollout), "app.kubernetes.io/managed-by": "siskin"},
            "annotations": {COPY_ANNOTATION: template::digest(&deployment.value()["spec"]["template"])},
            "ownerReferences": [owner],
        },
        "spec": spec,
    })
}

/// Brings the canary Deployment to the workload's template, where that is new, and to this many pods. A patch and not an
/// apply: the server takes templates from users that server-side apply refuses (two variables with one name).
pub fn update_canary(canary: &Object, deployment: &Object, new_template: bool, replicas: u32) -> Option<Patch> {
    let mut edit = Edit::of(canary);
    if new_template {
        edit.set(&["spec", "template"], canary_template(deployment));
        edit.annotate(COPY_ANNOTATION, &template::digest(&deployment.value()["spec"]["template"]));
    }
    if wanted(canary) != replicas {
        edit.set(&["spec", "replicas"], json!(replicas));
    }
    edit.finish()
}

/// The workload's template with the label of the canary.
fn canary_template(deployment: &Object) -> Value {
    let mut template = deployment.value()["spec"]["template"].clone();
    template["metadata"]["labels"][VARIANT_LABEL] = json!(CANARY);
    template
}

/// Collects operations on one object, after a test that it is the one that was seen.
struct Edit<'a> {
    object: &'a Object,
    operations: Vec<PatchOperation>,
}

impl<'a> Edit<'a> {
    fn of(object: &'a Object) -> Self {
        Self { object, operations: Vec::new() }
    }

    fn set(&mut self, path: &[&str], value: Value) {
        let pointer = PointerBuf::from_tokens(path.iter().copied());
        let there = self.object.at(pointer.as_str()).is_some();
        self.operations.push(if there {
            PatchOperation::Replace(ReplaceOperation { path: pointer, value })
        } else {
            PatchOperation::Add(AddOperation { path: pointer, value })
        });
    }

    /// Sets a key of a map that may not be there yet.
    fn put(&mut self, map: &[&str], key: &str, value: Value) {
        let pointer = PointerBuf::from_tokens(map.iter().copied());
        let made = self
            .operations
            .iter()
            .any(|operation| matches!(operation, PatchOperation::Add(add) if add.path == pointer));
        if self.object.at(pointer.as_str()).is_none() && !made {
            self.operations.push(PatchOperation::Add(AddOperation { path: pointer.clone(), value: json!({}) }));
        }
        let path: Vec<&str> = map.iter().copied().chain([key]).collect();
        self.set(&path, value);
    }

    fn remove(&mut self, path: &[&str]) {
        self.operations
            .push(PatchOperation::Remove(RemoveOperation { path: PointerBuf::from_tokens(path.iter().copied()) }));
    }

    fn annotate(&mut self, key: &str, value: &str) {
        if self.object.annotation(key) != Some(value) {
            self.put(&["metadata", "annotations"], key, json!(value));
        }
    }

    fn unannotate(&mut self, key: &str) {
        if self.object.annotation(key).is_some() {
            self.remove(&["metadata", "annotations", key]);
        }
    }

    fn finish(self) -> Option<Patch> {
        if self.operations.is_empty() {
            return None;
        }
        let test = |path: &[&str], value: Value| {
            PatchOperation::Test(TestOperation { path: PointerBuf::from_tokens(path.iter().copied()), value })
        };
        // The generation and not the resource version: a Deployment's status changes all the time, and only the spec
        // matters here.
        let mut operations = vec![
            test(&["metadata", "uid"], json!(self.object.uid())),
            test(&["metadata", "generation"], json!(self.object.generation())),
        ];
        operations.extend(self.operations);
        Some(Patch(operations))
    }
}

#[cfg(test)]
mod tests;
