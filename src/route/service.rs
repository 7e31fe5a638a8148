//! The Services of a run: the user's, pinned to the stable pods, and those that Siskin generates beside it.

use std::collections::BTreeMap;

use json_patch::Patch;
use serde_json::{Map, Value, json};

use super::{Backends, RouteProblem, patch::PatchBuilder};
use crate::model::{CANARY, Object, POD_TEMPLATE_HASH, ROLLOUT_LABEL, VARIANT_LABEL};

/// Whether a Service's pods can be told apart at all.
pub fn check(live: &Object) -> Result<(), RouteProblem> {
    let service = || RouteProblem::object("Service", live);
    if live.text("/spec/type") == "ExternalName" {
        return Err(RouteProblem::ServiceIsExternalName { service: service() });
    }
    if selector(live).is_empty() {
        return Err(RouteProblem::ServiceWithoutSelector { service: service() });
    }
    Ok(())
}

/// The user's selector, without the pin.
pub fn selector(live: &Object) -> BTreeMap<String, String> {
    let mut selector = live.strings("/spec/selector");
    selector.remove(POD_TEMPLATE_HASH);
    selector
}

/// Lets the user's Service select only the pods of one revision. `None`: it already does, or selects nothing.
pub fn pin(live: &Object, hash: &str) -> Option<Patch> {
    live.at("/spec/selector").and_then(|_| set_pin(live, Some(hash)))
}

/// Gives the user's Service its own selector back. `None`: it has no pin.
pub fn unpin(live: &Object) -> Option<Patch> {
    set_pin(live, None)
}

fn set_pin(live: &Object, hash: Option<&str>) -> Option<Patch> {
    let path = format!("/spec/selector/{POD_TEMPLATE_HASH}");
    let mut builder = PatchBuilder::default();
    builder.set(&path, live.at(&path), hash.map(Value::from));
    builder.finish(live)
}

/// The Service of the canary's pods. `owner` is the owner reference that ends it with its Rollout.
pub fn canary_service(live: &Object, rollout: &str, owner: &Value) -> Value {
    generated(live, &backends(live).canary_service(), rollout, owner, (VARIANT_LABEL, Some(CANARY)))
}

/// The Service of the stable pods, for a user's Service that is not to be pinned. Without `hash` it has the user's own
/// selector, and so carries old, new and canary pods: what it has to do while a promotion replaces the stable pods.
pub fn stable_service(live: &Object, rollout: &str, owner: &Value, hash: Option<&str>) -> Value {
    generated(live, &backends(live).stable_service(), rollout, owner, (POD_TEMPLATE_HASH, hash))
}

fn backends(live: &Object) -> Backends<'_> {
    Backends { namespace: live.namespace(), service: live.name(), pinned: false, subset: None }
}

/// A Service like the user's, of some of its pods. Only what a route or a mesh needs is copied: never addresses, node
/// ports, or labels and annotations by which other programs would take it for the user's.
fn generated(live: &Object, name: &str, rollout: &str, owner: &Value, label: (&str, Option<&str>)) -> Value {
    let mut selector = selector(live);
    if let (key, Some(value)) = label {
        selector.insert(key.to_owned(), value.to_owned());
    }
    let ports: Vec<Value> = live
        .list("/spec/ports")
        .iter()
        .map(|port| copied(port, &["name", "port", "targetPort", "protocol", "appProtocol"]).into())
        .collect();
    let mut spec = copied(&live.value()["spec"], &["ipFamilies", "ipFamilyPolicy"]);
    spec.insert("type".into(), "ClusterIP".into());
    spec.insert("selector".into(), json!(selector));
    spec.insert("ports".into(), ports.into());
    if live.text("/spec/clusterIP") == "None" {
        spec.insert("clusterIP".into(), "None".into());
    }
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": live.namespace(),
            "labels": { ROLLOUT_LABEL: rollout },
            "ownerReferences": [owner],
        },
        "spec": spec,
    })
}

fn copied(from: &Value, fields: &[&str]) -> Map<String, Value> {
    fields.iter().filter_map(|field| Some(((*field).to_owned(), from.get(field)?.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::patch::patched;

    fn service(spec: &str) -> Object {
        let text = format!(
            "{{apiVersion: v1, kind: Service, metadata: {{name: web, namespace: shop, resourceVersion: '9', labels: {{team: a}}}}, spec: {spec}}}"
        );
        Object::new(serde_saphyr::from_str(&text).unwrap())
    }

    const USUAL: &str = "{type: LoadBalancer, clusterIP: 10.0.0.7, clusterIPs: [10.0.0.7], ipFamilies: [IPv4], ipFamilyPolicy: SingleStack, \
        publishNotReadyAddresses: true, selector: {app: web}, \
        ports: [{name: http, port: 80, targetPort: http, protocol: TCP, appProtocol: http, nodePort: 31000}]}";

    #[test]
    fn a_pin_is_one_label_and_goes_without_a_trace() {
        let user = service(USUAL);
        let patch = pin(&user, "6d4f");
        insta::assert_json_snapshot!("service_pinned", patch);
        let pinned = Object::new(patched(&user, patch.as_ref()));
        assert_eq!(pin(&pinned, "6d4f"), None);
        assert_eq!(selector(&pinned), selector(&user));
        assert!(pin(&pinned, "77aa").is_some());
        assert_eq!(Object::new(patched(&pinned, unpin(&pinned).as_ref())), user);
        assert_eq!(unpin(&user), None);
    }

    #[test]
    fn generated_services_take_only_what_a_route_needs() {
        let owner = json!({"kind": "Rollout", "name": "web"});
        let user = service(USUAL);
        let pinned = Object::new(patched(&user, pin(&user, "6d4f").as_ref()));
        insta::assert_json_snapshot!("service_canary", canary_service(&pinned, "web", &owner));
        let stable = stable_service(&user, "web", &owner, Some("6d4f"));
        assert_eq!(
            (&stable["metadata"]["name"], &stable["spec"]["selector"]),
            (&json!("web-stable"), &json!({"app": "web", "pod-template-hash": "6d4f"}))
        );
        assert_eq!(stable_service(&user, "web", &owner, None)["spec"]["selector"], json!({"app": "web"}));
    }

    #[test]
    fn a_headless_service_gets_a_headless_canary() {
        let user = service("{clusterIP: None, selector: {app: web}, ports: [{port: 80}]}");
        assert_eq!(canary_service(&user, "web", &json!({}))["spec"]["clusterIP"], "None");
    }

    #[test]
    fn a_service_without_pods_of_its_own_is_refused() {
        let reason = |spec| check(&service(spec)).map_err(|problem| problem.reason());
        assert_eq!(reason(USUAL), Ok(()));
        assert_eq!(reason("{ports: [{port: 80}]}"), Err("ServiceWithoutSelector"));
        assert_eq!(reason("{type: ExternalName, externalName: example.com}"), Err("ServiceIsExternalName"));
        assert_eq!(pin(&service("{ports: [{port: 80}]}"), "6d4f"), None);
    }
}
