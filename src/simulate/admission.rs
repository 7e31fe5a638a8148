//! What the API server does to a Deployment on its way in: defaults, and the policy that holds managed workloads.

use serde_json::{Value, json};

use crate::model::{HELD_ANNOTATION, MANAGED_LABEL, Object};

/// The hold policy of the chart, for everyone but Siskin: a write that changes the template of a managed workload holds
/// it, and while it is held nobody takes the hold off.
pub(super) fn keep_hold(old: &Object, new: &mut Value) {
    let managed = old.label(MANAGED_LABEL) == Some("true") || new["metadata"]["labels"][MANAGED_LABEL] == "true";
    let held = old.at("/spec/paused") == Some(&json!(true)) && old.annotation(HELD_ANNOTATION).is_some();
    if managed && (held || old.at("/spec/template") != new.pointer("/spec/template")) {
        new["spec"]["paused"] = json!(true);
        if new["metadata"]["annotations"].is_null() {
            new["metadata"]["annotations"] = json!({});
        }
        new["metadata"]["annotations"][HELD_ANNOTATION] = json!("true");
    }
}

/// A field of pod templates that a newer server fills in.
pub(super) const NEW_DEFAULT: &str = "newlyDefaulted";

/// Fields that the server fills in; a newer one knows one more.
pub(super) fn default_deployment(deployment: &mut Value, newer: bool) {
    let spec = &mut deployment["spec"];
    for (field, value) in [("replicas", json!(1)), ("revisionHistoryLimit", json!(10))] {
        if spec[field].is_null() {
            spec[field] = value;
        }
    }
    if spec["strategy"].is_null() {
        spec["strategy"] =
            json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}});
    }
    if spec["template"]["spec"]["restartPolicy"].is_null() {
        spec["template"]["spec"]["restartPolicy"] = json!("Always");
    }
    if newer {
        spec["template"]["spec"][NEW_DEFAULT] = json!("Always");
    }
    // The server drops a `false` that says nothing.
    if spec["paused"] == false
        && let Some(spec) = spec.as_object_mut()
    {
        spec.remove("paused");
    }
}
