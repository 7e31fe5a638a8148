//! Which Rollouts an object concerns: the names that a Rollout states or generates, and the name that an object
//! stands for. Both come from the object alone, so that a change finds its Rollouts without a scan.

use std::collections::BTreeSet;

use super::Kind;
use crate::model::Object;

/// A name that a Rollout may depend on: kind, namespace, name.
pub(super) type Subject = (Kind, String, String);

/// The names that a Rollout depends on. Read from the JSON, so that a Rollout whose spec can't be parsed is still
/// woken by its own repair.
pub(super) fn interests(rollout: &Object) -> BTreeSet<Subject> {
    let namespace = rollout.namespace();
    let mut subjects = BTreeSet::new();
    let mut add = |kind: Kind, name: String| {
        if !name.is_empty() {
            let namespace = if kind.namespaced() { namespace } else { "" };
            subjects.insert((kind, namespace.to_owned(), name));
        }
    };
    let workload = rollout.text("/spec/workloadRef/name");
    let service = rollout.text("/spec/traffic/service");
    if !workload.is_empty() {
        add(Kind::Deployment, workload.to_owned());
        add(Kind::Deployment, canary_name(workload));
    }
    if !service.is_empty() {
        add(Kind::Service, service.to_owned());
        add(Kind::Service, canary_name(service));
        add(Kind::Service, stable_name(service));
    }
    for route in rollout.list("/spec/traffic/routes") {
        let name = route["name"].as_str().unwrap_or_default().to_owned();
        match route["kind"].as_str() {
            Some("HTTPRoute") => add(Kind::HttpRoute, name),
            Some("VirtualService") => add(Kind::VirtualService, name),
            _ => {}
        }
    }
    for template in rollout.list("/spec/analysis/templates") {
        let name = template["name"].as_str().unwrap_or_default();
        add(Kind::AnalysisTemplate, name.to_owned());
        add(Kind::ClusterAnalysisTemplate, name.to_owned());
    }
    subjects
}

/// The name that an object stands for in [`interests`]: its own, or that of what it is a part of.
pub(super) fn subject(kind: Kind, object: &Object) -> Option<Subject> {
    let of = |kind: Kind, name: &str| Some((kind, object.namespace().to_owned(), name.to_owned()));
    match kind {
        Kind::ReplicaSet => object
            .list("/metadata/ownerReferences")
            .iter()
            .find(|owner| owner["controller"] == true && owner["kind"] == "Deployment")
            .and_then(|owner| of(Kind::Deployment, owner["name"].as_str()?)),
        Kind::EndpointSlice => of(Kind::Service, service_of_slice(object)?),
        // `web`, `web.shop`, `web.shop.svc.cluster.local`: the namespace is the rule's own or does not matter here.
        Kind::DestinationRule => of(Kind::Service, object.text("/spec/host").split('.').next()?),
        // Rollouts of one workload concern each other: the oldest of them has it.
        Kind::Rollout => of(Kind::Deployment, object.text("/spec/workloadRef/name")),
        _ => of(kind, object.name()),
    }
}

/// The Service whose endpoints an EndpointSlice lists.
pub(super) fn service_of_slice(slice: &Object) -> Option<&str> {
    slice.label("kubernetes.io/service-name")
}

/// The name of what is generated for the canary beside an object.
pub(super) fn canary_name(name: &str) -> String {
    format!("{name}-canary")
}

/// The name of what is generated for the stable version beside a Service.
pub(super) fn stable_name(name: &str) -> String {
    format!("{name}-stable")
}
