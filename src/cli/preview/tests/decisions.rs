//! Each decision that the controller makes, on manifests from the field.

use serde_json::json;

use super::{DEPLOYMENT, ROLLOUT, SERVICE, after, destination_rule, preview, titles, virtual_service};

/// A Rollout with one part of its spec replaced.
fn rollout(part: &str, by: &str) -> String {
    assert!(ROLLOUT.contains(part));
    ROLLOUT.replace(part, by)
}

#[test]
fn at_subset_level_the_users_subset_is_pinned_and_the_service_is_not() {
    let route = virtual_service("{hosts: [web], http: [{route: [{destination: {host: web, subset: main}}]}]}");
    let rule = destination_rule("shop", "{host: web, subsets: [{name: main, labels: {app: web}}]}");
    let shown = preview(&[ROLLOUT, DEPLOYMENT, SERVICE, &route, &rule]).unwrap();
    assert_eq!(
        after(&shown, "DestinationRule", "web")["spec"]["subsets"],
        json!([
            {"name": "main", "labels": {"app": "web", "pod-template-hash": "<stable>"}},
            {"name": "siskin-stable", "labels": {"pod-template-hash": "<stable>"}},
            {"name": "siskin-canary", "labels": {"pod-template-hash": "<canary>"}},
        ])
    );
    assert!(!titles(&shown).lines().any(|title| title.starts_with("Service shop")), "{}", titles(&shown));
}

#[test]
fn rules_that_are_not_split_keep_the_users_subset_which_is_pinned() {
    let route = virtual_service(
        "{hosts: [web], http: [{name: main, route: [{destination: {host: web, subset: main, port: {number: 80}}, weight: 90}, \
         {destination: {host: legacy.other.svc.cluster.local}, weight: 10}]}, {name: rest, route: [{destination: {host: web.shop, subset: main}}]}], \
         tcp: [{match: [{port: 9000}], route: [{destination: {host: web, subset: main, port: {number: 9000}}, weight: 100}]}]}",
    );
    let rule = destination_rule(
        "shop",
        "{host: web.shop.svc.cluster.local, subsets: [{name: main, labels: {app: web}}, {name: old, labels: {app: web, version: '0'}}]}",
    );
    let narrow = rollout("{kind: VirtualService, name: web}", "{kind: VirtualService, name: web, rules: [main]}");
    let narrow = narrow.replace("weight: 5}, {weight: 25}", "weight: 10}, {weight: 20}");
    let shown = preview(&[&narrow, DEPLOYMENT, SERVICE, &route, &rule]).unwrap();
    let route = after(&shown, "VirtualService", "web");
    assert_eq!(route["spec"]["http"][1]["route"][0]["destination"]["subset"], "main");
    assert_eq!(route["spec"]["tcp"][0]["route"][0]["destination"]["subset"], "main");
    let subsets = after(&shown, "DestinationRule", "web")["spec"]["subsets"].clone();
    assert_eq!(subsets[0]["labels"]["pod-template-hash"], "<stable>");
    assert_eq!(subsets[1]["labels"], json!({"app": "web", "version": "0"}), "it does not reach the canary");
}

#[test]
fn beside_a_route_by_subsets_one_by_hosts_names_the_stable_service() {
    let both = rollout(
        "[{kind: VirtualService, name: web}]",
        "[{kind: VirtualService, name: web}, {kind: HTTPRoute, name: web}]",
    );
    let subsets = virtual_service("{hosts: [web], http: [{route: [{destination: {host: web, subset: main}}]}]}");
    let rule = destination_rule("shop", "{host: web, subsets: [{name: main, labels: {app: web}}]}");
    let hosts = "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec: {parentRefs: [{name: edge}], rules: [{backendRefs: [{name: web, port: 80}]}]}
";
    let shown = preview(&[&both, DEPLOYMENT, SERVICE, &subsets, &rule, hosts]).unwrap();
    let names = after(&shown, "HTTPRoute", "web")["spec"]["rules"][0]["backendRefs"].clone();
    assert_eq!([&names[0]["name"], &names[1]["name"]], ["web-stable", "web-canary"]);
    after(&shown, "Service", "web-stable");
    assert!(!titles(&shown).contains("pinned to the stable revision"));
}

#[test]
fn destination_rules_of_other_namespaces_are_not_read() {
    let route = virtual_service("{hosts: [web], http: [{route: [{destination: {host: web, subset: main}}]}]}");
    let elsewhere = destination_rule(
        "mesh-config",
        "{host: web.shop.svc.cluster.local, subsets: [{name: main, labels: {app: web}}]}",
    );
    let refused = preview(&[ROLLOUT, DEPLOYMENT, SERVICE, &route, &elsewhere]).unwrap_err();
    assert!(refused.contains("no DestinationRule has that host"), "{refused}");
    assert!(refused.contains("only those of namespace shop are read"), "{refused}");
}

#[test]
fn what_the_api_server_refuses_is_refused_in_its_words() {
    let route =
        virtual_service("{hosts: [web], http: [{route: [{weight: 90}, {destination: {host: web}, weight: 10}]}]}");
    let cases = [
        (rollout("service: web", "service: ''"), "spec.traffic.service is empty"),
        (
            rollout("service: web", "service: checkout-service-with-a-very-long-descriptive-name-production"),
            "spec.traffic.service has 61 characters; it can have at most 56",
        ),
        (rollout("[{weight: 5}, {weight: 25}]", "[{weight: 25}, {weight: 5}]"), "the weights of the steps must ascend"),
        (rollout("  strategy:", "  strategies:"), "spec.strategy is missing"),
        (rollout("canary:", "canari:"), "spec.strategy.canari is not a field that is known"),
    ];
    for (rollout, sentence) in cases {
        let refused = preview(&[&rollout, &route]).map(|shown| titles(&shown)).unwrap_err();
        assert!(refused.contains(sentence), "{refused}");
    }
}

#[test]
fn a_host_of_another_cluster_domain_is_the_service_and_keeps_its_domain() {
    let route = virtual_service(
        "{hosts: [web.example.org], gateways: [edge], http: [{match: [{port: 443}], route: [{destination: {host: web.shop.svc.pasta.local, port: {number: 80}}}]}]}",
    );
    let shown = preview(&[ROLLOUT, &route]).unwrap();
    let destinations = after(&shown, "VirtualService", "web")["spec"]["http"][0]["route"].clone();
    assert_eq!(destinations[1]["destination"]["host"], "web-canary.shop.svc.pasta.local");
}

#[test]
fn of_two_subsets_with_the_same_labels_the_one_without_traffic_does_not_count() {
    let route = virtual_service(
        "{hosts: [web], http: [{name: primary, route: [{destination: {host: web, subset: stable}, weight: 100}, {destination: {host: web, subset: canary}}]}]}",
    );
    let rule = destination_rule(
        "shop",
        "{host: web, subsets: [{name: stable, labels: {app: web}}, {name: canary, labels: {app: web}}]}",
    );
    let shown = preview(&[ROLLOUT, DEPLOYMENT, &route, &rule]).unwrap();
    let route = after(&shown, "VirtualService", "web")["spec"]["http"][0]["route"].clone();
    assert_eq!(
        route,
        json!([
            {"destination": {"host": "web", "subset": "siskin-stable"}, "weight": 95},
            {"destination": {"host": "web", "subset": "siskin-canary"}, "weight": 5},
            {"destination": {"host": "web", "subset": "canary"}},
        ])
    );
    let subsets = after(&shown, "DestinationRule", "web")["spec"]["subsets"].clone();
    assert_eq!(
        subsets[1]["labels"],
        json!({"app": "web", "pod-template-hash": "<stable>"}),
        "it would reach the canary too"
    );
}

#[test]
fn what_belongs_to_the_service_belongs_to_its_canary() {
    let route = virtual_service("{hosts: [web], http: [{route: [{destination: {host: web, port: {number: 443}}}]}]}");
    let rule = destination_rule(
        "shop",
        "{host: web.shop.svc.cluster.local, trafficPolicy: {tls: {mode: SIMPLE, sni: web.example.org}, outlierDetection: {consecutive5xxErrors: 5}}}",
    );
    let policy = "
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: web-tls, namespace: shop}
spec: {targetRefs: [{group: '', kind: Service, name: web}]}
";
    let shown = preview(&[ROLLOUT, DEPLOYMENT, SERVICE, &route, &rule, policy]).unwrap();
    let service = after(&shown, "Service", "web-canary");
    assert_eq!(service["metadata"]["labels"], json!({"app": "web", "siskin.dev/rollout": "web"}));
    assert_eq!(service["metadata"]["annotations"], json!({"prometheus.io/scrape": "true"}));
    let copy = after(&shown, "DestinationRule", "web-canary");
    assert_eq!(copy["spec"]["host"], "web-canary.shop.svc.cluster.local");
    assert_eq!(copy["spec"]["trafficPolicy"]["tls"]["mode"], "SIMPLE");
    assert!(shown.notes.iter().any(|note| note.contains("BackendTLSPolicy shop/web-tls")), "{:?}", shown.notes);
}

#[test]
fn what_would_not_start_is_refused() {
    let route = virtual_service(
        "{hosts: [web], http: [{route: [{destination: {host: web}, weight: 3}, {destination: {host: api}, weight: 97}]}]}",
    );
    let coarse = preview(&[&ROLLOUT.replace("{weight: 5}, ", ""), &route]).unwrap_err();
    assert!(coarse.contains("cannot be divided"), "{coarse}");
    let route = virtual_service("{hosts: [web], http: [{route: [{destination: {host: web}}]}]}");
    let other = SERVICE.replace("selector: {app: web}", "selector: {app: api}");
    let others = preview(&[ROLLOUT, DEPLOYMENT, &other, &route]).unwrap_err();
    assert!(others.contains("which the pods of Deployment web do not carry"), "{others}");
    let taken = SERVICE.replace("{name: web,", "{name: web-canary,");
    let refused = preview(&[ROLLOUT, &route, &taken]).unwrap_err();
    assert!(refused.contains("Service web-canary exists and is not this Rollout's"), "{refused}");
}
