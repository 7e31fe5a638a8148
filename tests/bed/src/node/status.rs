//! The status of a pod as the API server gets to see it.

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};
use std::net::Ipv4Addr;

use super::ADDRESS;
use super::workload::StartFailure;

/// The present, in the API's own text form.
pub(super) fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

/// A pod whose containers run.
pub(super) fn running(pod: &Pod, address: Ipv4Addr, started: &str, is_ready: bool) -> Value {
    let state = json!({"running": {"startedAt": started}});
    let containers = container_statuses(pod, &state, is_ready, 0);
    status("Running", address, started, is_ready, &containers)
}

/// A pod whose containers do not come up.
pub(super) fn failing(
    pod: &Pod,
    address: Ipv4Addr,
    started: &str,
    failure: &StartFailure,
) -> Value {
    let is_image_missing = failure.reason.contains("Image");
    let state = json!({"waiting": {"reason": failure.reason, "message": failure.message}});
    let restarts = if is_image_missing { 0 } else { 3 };
    let containers = container_statuses(pod, &state, false, restarts);
    // Without an image no container was ever started, so the kubelet leaves the pod pending.
    status(
        if is_image_missing {
            "Pending"
        } else {
            "Running"
        },
        address,
        started,
        false,
        &containers,
    )
}

fn status(
    phase: &str,
    address: Ipv4Addr,
    started: &str,
    is_ready: bool,
    containers: &[Value],
) -> Value {
    let now = now();
    let conditions: Vec<Value> = ["PodScheduled", "Initialized", "ContainersReady", "Ready"]
        .iter()
        .map(|kind| {
            let is_true = is_ready || matches!(*kind, "PodScheduled" | "Initialized");
            json!({
                "type": kind,
                "status": if is_true { "True" } else { "False" },
                "reason": if is_true { Value::Null } else { json!("ContainersNotReady") },
                "lastTransitionTime": now,
            })
        })
        .collect();
    json!({"status": {
        "phase": phase,
        "podIP": address,
        "podIPs": [{"ip": address}],
        "hostIP": ADDRESS,
        "hostIPs": [{"ip": ADDRESS}],
        "startTime": started,
        "conditions": conditions,
        "containerStatuses": containers,
    }})
}

fn container_statuses(pod: &Pod, state: &Value, is_ready: bool, restarts: i32) -> Vec<Value> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    containers
        .map(|container| {
            json!({
                "name": container.name,
                "image": container.image,
                "imageID": "",
                "ready": is_ready,
                "started": state.get("running").is_some(),
                "restartCount": restarts,
                "state": state,
            })
        })
        .collect()
}
