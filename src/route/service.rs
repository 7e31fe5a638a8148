//! The Services of a run: the user's, pinned to the stable pods, and those that Siskin generates beside it.

use std::collections::BTreeMap;

use json_patch::Patch;
use serde_json::{Map, Value, json};

use super::{
    Backends, RouteProblem,
    carried::{self, Scraped},
    patch::{PatchBuilder, Path},
};
use crate::model::{CANARY, Object, POD_TEMPLATE_HASH, VARIANT_LABEL};

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

/// Whether the Service selects the pods that carry these labels. If it did not, it would be another workload's.
pub fn check_selects(live: &Object, workload: &str, pod_labels: &BTreeMap<String, String>) -> Result<(), RouteProblem> {
    match selector(live).into_iter().find(|(key, value)| pod_labels.get(key) != Some(value)) {
        None => Ok(()),
        Some((key, value)) => Err(RouteProblem::ServiceSelectsOthers {
            service: RouteProblem::object("Service", live),
            label: format!("{key}={value}"),
            workload: workload.to_owned(),
        }),
    }
}

/// Lets the user's Service select only the pods of one revision. `None`: it already does, or selects nothing.
pub fn pin(live: &Object, hash: &str) -> Option<Patch> {
    live.at("/spec/selector").filter(|selector| selector.is_object()).and_then(|_| set_pin(live, Some(hash)))
}

/// Gives the user's Service its own selector back. `None`: it has no pin.
pub fn unpin(live: &Object) -> Option<Patch> {
    set_pin(live, None)
}

fn set_pin(live: &Object, hash: Option<&str>) -> Option<Patch> {
    let path = Path::new("/spec/selector").field(POD_TEMPLATE_HASH);
    let mut builder = PatchBuilder::default();
    builder.set(&path, path.get(live.value()), hash.map(Value::from));
    builder.finish(live)
}

/// The Service of the canary's pods. `owner` is the owner reference that ends it with its Rollout, `pinned` whether the
/// user's Service is pinned to the stable pods: what is scraped through it then has to be scraped through the canary's.
pub fn canary_service(live: &Object, rollout: &str, owner: &Value, pinned: bool) -> Value {
    let mut selector = selector(live);
    selector.insert(VARIANT_LABEL.to_owned(), CANARY.to_owned());
    let scraped = if pinned { Scraped::Yes } else { Scraped::No };
    let name = backends(live).canary_service();
    generated(live, &carried::metadata(live, &name, rollout, owner, scraped), &selector, &FIELDS)
}

/// The Service of the stable pods, for a user's Service that is not to be pinned. Without `hash` it has the user's own
/// selector, and so carries old, new and canary pods: what it has to do while a promotion replaces the stable pods.
pub fn stable_service(live: &Object, rollout: &str, owner: &Value, hash: Option<&str>) -> Value {
    let mut selector = selector(live);
    selector.extend(hash.map(|hash| (POD_TEMPLATE_HASH.to_owned(), hash.to_owned())));
    let name = backends(live).stable_service();
    generated(live, &carried::metadata(live, &name, rollout, owner, Scraped::No), &selector, &STABLE_FIELDS)
}

/// Whether a generated Service has all that is wanted of it. What others added to it (the server's defaults, labels of a
/// policy) does not matter.
pub fn is_as_wanted(live: &Object, wanted: &Value) -> bool {
    ["/metadata/labels", "/metadata/annotations", "/spec"].into_iter().all(|pointer| {
        wanted.pointer(pointer).is_none_or(|wanted| live.at(pointer).is_some_and(|live| covers(live, wanted)))
    }) && live.at("/spec/selector") == wanted.pointer("/spec/selector")
}

fn covers(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| live.get(key).is_some_and(|live| covers(live, wanted)))
        }
        (Value::Array(live), Value::Array(wanted)) => {
            live.len() == wanted.len() && live.iter().zip(wanted).all(|(live, wanted)| covers(live, wanted))
        }
        _ => live == wanted,
    }
}

fn backends(live: &Object) -> Backends<'_> {
    Backends { namespace: live.namespace(), service: live.name(), pinned: false, subset: None }
}

/// The fields of a spec that decide how proxies talk to a Service's pods. `publishNotReadyAddresses` is not among them: a
/// version that is not ready gets no traffic.
const FIELDS: [&str; 5] =
    ["ipFamilies", "ipFamilyPolicy", "sessionAffinity", "sessionAffinityConfig", "trafficDistribution"];

/// The stable pods are those of the user's Service, on the same nodes. A canary is not on every node, so under
/// `internalTrafficPolicy: Local` most of its requests would be dropped.
const STABLE_FIELDS: [&str; 6] = [
    "internalTrafficPolicy",
    "ipFamilies",
    "ipFamilyPolicy",
    "sessionAffinity",
    "sessionAffinityConfig",
    "trafficDistribution",
];

/// A Service like the user's, of some of its pods: who scrapes it, who may see it and how proxies talk to it are the same.
/// Addresses, node ports and what would be claimed twice are not taken over.
fn generated(live: &Object, metadata: &Value, selector: &BTreeMap<String, String>, fields: &[&str]) -> Value {
    let ports: Vec<Value> = live
        .list("/spec/ports")
        .iter()
        .map(|port| copied(port, &["name", "port", "targetPort", "protocol", "appProtocol"]).into())
        .collect();
    let mut spec = copied(&live.value()["spec"], fields);
    spec.insert("type".into(), "ClusterIP".into());
    spec.insert("selector".into(), json!(selector));
    spec.insert("ports".into(), ports.into());
    if live.text("/spec/clusterIP") == "None" {
        spec.insert("clusterIP".into(), "None".into());
    }
    json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec })
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
        insta::assert_json_snapshot!("service_canary", canary_service(&pinned, "web", &owner, true));
        let stable = stable_service(&user, "web", &owner, Some("6d4f"));
        assert_eq!(
            (&stable["metadata"]["name"], &stable["spec"]["selector"]),
            (&json!("web-stable"), &json!({"app": "web", "pod-template-hash": "6d4f"}))
        );
        assert_eq!(stable_service(&user, "web", &owner, None)["spec"]["selector"], json!({"app": "web"}));
    }

    #[test]
    fn what_decides_how_proxies_talk_holds_for_the_canary_too() {
        let user = service(
            "{selector: {app: web}, ports: [{port: 80}], sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}, \
             trafficDistribution: PreferClose, internalTrafficPolicy: Local, publishNotReadyAddresses: true}",
        );
        let canary = canary_service(&user, "web", &json!({}), true)["spec"].clone();
        for field in ["sessionAffinity", "sessionAffinityConfig", "trafficDistribution"] {
            assert_eq!(Some(&canary[field]), user.at(&format!("/spec/{field}")));
        }
        assert_eq!(canary.get("publishNotReadyAddresses"), None, "a version that is not ready gets no traffic");
        assert_eq!(canary.get("internalTrafficPolicy"), None, "few canary pods are not on every node");
        let stable = stable_service(&user, "web", &json!({}), Some("6d4f"));
        assert_eq!(stable["spec"]["internalTrafficPolicy"], "Local");
    }

    #[test]
    fn a_generated_service_is_made_again_only_where_something_that_is_wanted_is_missing() {
        let wanted = canary_service(&service(USUAL), "web", &json!({}), true);
        let mut live = wanted.clone();
        live["metadata"]["labels"]["policy"] = json!("added");
        live["spec"]["ports"][0]["nodePort"] = json!(31_001);
        live["spec"]["clusterIP"] = json!("10.0.0.8");
        assert!(is_as_wanted(&Object::new(live.clone()), &wanted));
        for pointer in ["/metadata/labels/team", "/spec/selector/app", "/spec/ports/0/targetPort", "/spec/ipFamilies"] {
            let mut changed = live.clone();
            *changed.pointer_mut(pointer).unwrap() = Value::Null;
            assert!(!is_as_wanted(&Object::new(changed), &wanted), "{pointer}");
        }
        live["spec"]["selector"]["more"] = json!("x");
        assert!(!is_as_wanted(&Object::new(live), &wanted), "a selector is compared as a whole");
    }

    #[test]
    fn a_service_of_another_workload_is_refused() {
        let pods = |app: &str| BTreeMap::from([("app".to_owned(), app.to_owned())]);
        assert_eq!(check_selects(&service(USUAL), "web", &pods("web")), Ok(()));
        let problem = check_selects(&service(USUAL), "web", &pods("api")).unwrap_err();
        assert_eq!(problem.reason(), "ServiceSelectsOthers");
    }

    #[test]
    fn a_headless_service_gets_a_headless_canary() {
        let user = service("{clusterIP: None, selector: {app: web}, ports: [{port: 80}]}");
        assert_eq!(canary_service(&user, "web", &json!({}), true)["spec"]["clusterIP"], "None");
    }

    #[test]
    fn a_service_without_pods_of_its_own_is_refused() {
        let reason = |spec| check(&service(spec)).map_err(|problem| problem.reason());
        assert_eq!(reason(USUAL), Ok(()));
        assert_eq!(reason("{ports: [{port: 80}]}"), Err("ServiceWithoutSelector"));
        assert_eq!(reason("{type: ExternalName, externalName: example.com}"), Err("ServiceIsExternalName"));
        assert_eq!(pin(&service("{ports: [{port: 80}]}"), "6d4f"), None);
        assert_eq!(pin(&service("{selector: [app]}"), "6d4f"), None);
    }
}
