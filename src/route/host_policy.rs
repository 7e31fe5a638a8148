//! The traffic policy of the user's host, copied for the hosts of generated Services.
//!
//! A DestinationRule says how proxies talk to a host: by TLS, by which load balancing, when they leave a pod out. At host
//! level the canary has a host of its own, to which the user's DestinationRule does not apply, so it gets a copy. At subset
//! level there is one host, and no copy is needed.
//!
//! While a generated Service is there, its copies are to be there before a route names it:
//!
//! ```ignore
//! for wanted in host_policy::copies(&destination_rules, namespace, service, "web-canary", rollout, &owner) {
//!     let live = /* the DestinationRule of that name, if there is one */;
//!     if !live.is_some_and(|live| host_policy::is_as_wanted(live, &wanted)) { /* apply `wanted` */ }
//! }
//! ```
//!
//! They go with the generated Service, after the routes were put back. [`name`] tells what a copy is called, for a look at
//! whether the name is free.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    carried::{self, Scraped},
    host,
};
use crate::model::Object;

/// The longest name that the API server takes for a DestinationRule.
const LONGEST_NAME: usize = 253;

/// The copies of all policies of the Service's host, for the host of `generated` (`web-canary`).
///
/// Istio takes one policy of several for the same host, clients and exported namespaces: that of the oldest rule. So it is
/// that one which is copied. `destination_rules` outside the Service's own namespace are passed over, and so are subsets:
/// no route names one of the generated host.
pub fn copies(
    destination_rules: &[Object],
    namespace: &str,
    service: &str,
    generated: &str,
    rollout: &str,
    owner: &Value,
) -> Vec<Value> {
    let mut rules: Vec<&Object> = destination_rules
        .iter()
        .filter(|rule| rule.namespace() == namespace && !rule.deleting())
        .filter(|rule| host::names(rule.text("/spec/host"), namespace, namespace, service))
        .filter(|rule| rule.at("/spec/trafficPolicy").is_some_and(Value::is_object))
        .collect();
    rules.sort_by_key(|rule| (rule.created(), rule.name()));
    let mut seen = BTreeSet::new();
    rules.retain(|rule| {
        let scope = |field| rule.at(field).map(Value::to_string);
        seen.insert((scope("/spec/workloadSelector"), scope("/spec/exportTo")))
    });
    rules.into_iter().map(|rule| copy(rule, service, generated, rollout, owner)).collect()
}

/// Whether a live copy says all that is wanted of it, and nothing else.
pub fn is_as_wanted(live: &Object, wanted: &Value) -> bool {
    let labels =
        |value: &Value| value.pointer("/metadata/labels").and_then(Value::as_object).cloned().unwrap_or_default();
    let live_labels = labels(live.value());
    live.at("/spec") == wanted.get("spec")
        && labels(wanted).iter().all(|(key, value)| live_labels.get(key) == Some(value))
}

/// What the copy of a DestinationRule is called: `<name>-canary` for Service `<service>-canary`. A name that would be too
/// long is cut, and told apart from others that are cut by a digest of the whole.
pub fn name(destination_rule: &str, service: &str, generated: &str) -> String {
    let suffix = generated.strip_prefix(service).unwrap_or(generated);
    let whole = format!("{destination_rule}{suffix}");
    if whole.len() <= LONGEST_NAME {
        return whole;
    }
    let digest = super::before::digest(&Value::from(destination_rule));
    let kept: String = destination_rule.chars().take(LONGEST_NAME - digest.len() - suffix.len() - 1).collect();
    format!("{kept}-{digest}{suffix}")
}

fn copy(rule: &Object, service: &str, generated: &str, rollout: &str, owner: &Value) -> Value {
    let mut spec = rule.value()["spec"].clone();
    if let Some(spec) = spec.as_object_mut() {
        spec.remove("subsets");
        spec.insert("host".to_owned(), host::renamed(rule.text("/spec/host"), generated).into());
    }
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": carried::metadata(rule, &name(rule.name(), service, generated), rollout, owner, Scraped::Yes),
        "spec": spec,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Object {
        Object::new(serde_saphyr::from_str(text).unwrap())
    }

    fn of_canary(rules: &[Object]) -> Vec<Value> {
        copies(rules, "shop", "web", "web-canary", "web", &json!({"kind": "Rollout", "name": "web"}))
    }

    const USERS: &str = "
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata:
  name: web
  namespace: shop
  resourceVersion: '5'
  labels: {istio.io/rev: stable, app.kubernetes.io/managed-by: Helm}
  annotations: {meta.helm.sh/release-name: web}
spec:
  host: web.shop.svc.cluster.local
  exportTo: ['.']
  workloadSelector: {matchLabels: {app: caller}}
  trafficPolicy:
    tls: {mode: SIMPLE, sni: web.example.org}
    outlierDetection: {consecutive5xxErrors: 5}
    loadBalancer: {consistentHash: {httpHeaderName: x-user}}
    x-unknown: {deep: [1]}
  subsets: [{name: legacy, labels: {app: web-legacy}}]
";

    #[test]
    fn the_policy_of_the_users_host_holds_for_the_canarys_host_too() {
        let user = rule(USERS);
        let wanted = json!({
            "apiVersion": "networking.istio.io/v1",
            "kind": "DestinationRule",
            "metadata": {
                "name": "web-canary",
                "namespace": "shop",
                "labels": {"istio.io/rev": "stable", "siskin.dev/rollout": "web"},
                "ownerReferences": [{"kind": "Rollout", "name": "web"}],
            },
            "spec": {
                "host": "web-canary.shop.svc.cluster.local",
                "exportTo": ["."],
                "workloadSelector": {"matchLabels": {"app": "caller"}},
                "trafficPolicy": user.at("/spec/trafficPolicy"),
            },
        });
        assert_eq!(of_canary(&[user]), [wanted]);
    }

    #[test]
    fn a_copy_is_made_again_when_the_users_policy_changes() {
        let wanted = of_canary(&[rule(USERS)]).remove(0);
        let mut live = wanted.clone();
        live["metadata"]["labels"]["policy"] = json!("added");
        assert!(is_as_wanted(&Object::new(live.clone()), &wanted));
        live["spec"]["trafficPolicy"]["connectionPool"] = json!({});
        assert!(!is_as_wanted(&Object::new(live), &wanted));
        assert!(!is_as_wanted(&Object::new(json!({})), &wanted));
    }

    #[test]
    fn only_the_policy_that_is_in_force_is_copied() {
        let of = |name: &str, host: &str, created: &str, spec: &str| {
            rule(&format!(
                "{{metadata: {{name: {name}, namespace: shop, creationTimestamp: '{created}'}}, spec: {{host: {host}, {spec}}}}}"
            ))
        };
        let rules = [
            of("newer", "web", "2026-01-02T00:00:00Z", "trafficPolicy: {tls: {mode: SIMPLE}}"),
            of("older", "web.shop", "2026-01-01T00:00:00Z", "trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}"),
            of("bare", "web", "2025-01-01T00:00:00Z", "subsets: [{name: main}]"),
            of("wide", "'*.shop.svc.cluster.local'", "2025-01-01T00:00:00Z", "trafficPolicy: {}"),
            of("scoped", "web", "2026-01-03T00:00:00Z", "trafficPolicy: {}, workloadSelector: {matchLabels: {a: b}}"),
        ];
        let names: Vec<_> = of_canary(&rules).iter().map(|copy| copy["metadata"]["name"].clone()).collect();
        assert_eq!(names, ["older-canary", "scoped-canary"]);
        assert_eq!(of_canary(&rules)[0]["spec"]["host"], "web-canary.shop");
        let elsewhere = rule("{metadata: {name: web, namespace: mesh}, spec: {host: web.shop, trafficPolicy: {}}}");
        assert_eq!(of_canary(&[elsewhere]), Vec::<Value>::new());
    }

    #[test]
    fn a_name_that_would_be_too_long_is_cut_and_stays_one_of_its_own() {
        assert_eq!(name("web", "web", "web-canary"), "web-canary");
        assert_eq!(name("rules.of-web", "web", "web-stable"), "rules.of-web-stable");
        let long = |last: &str| name(&format!("{}{last}", "a".repeat(252)), "web", "web-canary");
        assert_eq!(long("b").len(), LONGEST_NAME);
        assert!(long("b").ends_with("-canary") && long("b") != long("c"));
    }
}
