//! What of an object is worth keeping in memory.
//!
//! An object of a busy cluster is half bookkeeping of the API server. ReplicaSets and EndpointSlices are many and
//! only a few of their fields are read; every other kind may belong to a user and is kept whole.

use serde_json::{Map, Value, json};

use super::Kind;

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
const DESIRED_REPLICAS: &str = "deployment.kubernetes.io/desired-replicas";

/// Takes out what nobody reads, and states the kind, which objects in lists do not.
pub(super) fn trim(kind: Kind, mut object: Value) -> Value {
    object["apiVersion"] = kind.api_version().into();
    object["kind"] = kind.kind().into();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
        // An empty map stays: a JSON patch that is made from this object must add to the server's map, not replace it.
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove(LAST_APPLIED);
        }
    }
    match kind {
        Kind::ReplicaSet => trim_replica_set(&mut object),
        Kind::EndpointSlice => trim_endpoint_slice(&mut object),
        _ => {}
    }
    object
}

/// Old revisions are kept by name only: their templates are most of a cluster's JSON, and nobody goes back to them.
/// The current revision keeps its template, also that of a workload which is scaled to nothing.
fn trim_replica_set(object: &mut Value) {
    let replicas = object["spec"]["replicas"].as_i64().unwrap_or(1);
    let running = replicas > 0 || object["status"]["replicas"].as_i64().unwrap_or(0) > 0;
    let scaled_to_nothing = object["metadata"]["annotations"][DESIRED_REPLICAS] == "0";
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else { return };
    spec.retain(|field, _| match field.as_str() {
        "replicas" => true,
        "template" => running || scaled_to_nothing,
        _ => false,
    });
    if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
        status.remove("conditions");
    }
}

/// Only which pods are ready.
fn trim_endpoint_slice(object: &mut Value) {
    let endpoints: Vec<Value> = object["endpoints"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|endpoint| json!({"conditions": kept(&endpoint["conditions"], &["ready", "terminating"]), "targetRef": kept(&endpoint["targetRef"], &["kind", "name"])}))
        .collect();
    let mut trimmed = kept(object, &["apiVersion", "kind", "metadata"]);
    trimmed["endpoints"] = Value::Array(endpoints);
    *object = trimmed;
}

/// What others may need to know of a Deployment that no Rollout names: which pods are its own, and how many.
pub(super) fn outline(deployment: &Value) -> Value {
    let mut outline = kept(deployment, &["apiVersion", "kind"]);
    outline["metadata"] = kept(&deployment["metadata"], &["name", "namespace", "uid", "resourceVersion", "labels"]);
    outline["spec"] = kept(&deployment["spec"], &["replicas", "selector"]);
    outline["spec"]["template"] = json!({"metadata": kept(&deployment["spec"]["template"]["metadata"], &["labels"])});
    outline
}

fn kept(object: &Value, fields: &[&str]) -> Value {
    let fields: Map<String, Value> =
        fields.iter().filter_map(|field| Some(((*field).to_owned(), object.get(field)?.clone()))).collect();
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bookkeeping_goes_and_the_map_it_was_in_stays() {
        let object = json!({"metadata": {"name": "web", "managedFields": [{}], "annotations": {LAST_APPLIED: "{}"}}, "spec": {"unknown": 1}});
        let trimmed = trim(Kind::Deployment, object);
        assert_eq!(
            trimmed,
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "annotations": {}}, "spec": {"unknown": 1}})
        );
    }

    #[test]
    fn only_the_current_revision_keeps_its_template() {
        let replica_set = |replicas: i64, desired: &str| {
            let object = json!({
                "metadata": {"name": "web-1", "annotations": {DESIRED_REPLICAS: desired}},
                "spec": {"replicas": replicas, "selector": {}, "template": {"spec": {}}},
            });
            trim(Kind::ReplicaSet, object)["spec"].get("template").is_some()
        };
        assert!(replica_set(3, "3"));
        assert!(!replica_set(0, "3"), "an old revision");
        assert!(replica_set(0, "0"), "the revision of a workload that is scaled to nothing");
    }

    #[test]
    fn of_an_endpoint_slice_only_readiness_is_kept() {
        let object = json!({
            "metadata": {"name": "web-x"}, "ports": [{}], "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": true, "serving": true}, "targetRef": {"kind": "Pod", "name": "web-1", "uid": "u"}}],
        });
        assert_eq!(
            trim(Kind::EndpointSlice, object),
            json!({
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {"name": "web-x"},
                "endpoints": [{"conditions": {"ready": true}, "targetRef": {"kind": "Pod", "name": "web-1"}}],
            })
        );
    }
}
