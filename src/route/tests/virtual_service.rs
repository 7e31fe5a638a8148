//! VirtualService, at host level and at subset level.

use super::{BY_SUBSET, PINNED, UNPINNED, after, object, split_all, yaml};
use crate::route::{RouteKind::VirtualService, canary_weight, restore, split};

const BY_HOST: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop, resourceVersion: '7'}
spec:
  hosts: [shop.example.com]
  gateways: [mesh, edge/public]
  http:
  - name: old
    match: [{uri: {prefix: /old}}]
    redirect: {uri: /}
  - match: [{headers: {x-tester: {exact: 'yes'}}}]
    delegate: {name: testers}
  - name: main
    retries: {attempts: 2}
    mirror: {host: web}
    route:
    - destination: {host: web.shop.svc.cluster.local, port: {number: 80}}
      headers: {response: {add: {x-served: web}}}
  tcp:
  - route: [{destination: {host: web, port: {number: 9000}}}]
";

const SUBSETS: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop, resourceVersion: '7'}
spec:
  hosts: [web]
  http:
  - route:
    - {destination: {host: web, subset: main}, weight: 80}
    - {destination: {host: web, subset: legacy}, weight: 20}
  - route: [{destination: {host: web, subset: main}}]
";

#[test]
fn at_host_level_the_canary_is_a_service_in_the_form_that_the_user_wrote() {
    let edit = split_all(VirtualService, &object(BY_HOST), &PINNED, None, 10);
    insta::assert_json_snapshot!("virtual_service_by_host", edit.patch);
    insta::assert_json_snapshot!("virtual_service_by_host_before", edit.before);
    let back = restore(VirtualService, &after(&edit), &PINNED, &edit.before);
    assert_eq!(after(&back), object(BY_HOST));
}

#[test]
fn a_weight_that_was_absent_is_absent_again() {
    let edit = split_all(VirtualService, &object(BY_HOST), &PINNED, None, 10);
    let lowered = split_all(VirtualService, &after(&edit), &PINNED, Some(&edit.before), 0);
    assert_eq!(after(&lowered), object(BY_HOST));
}

#[test]
fn rules_that_route_nowhere_and_tcp_are_left_alone() {
    let edit = split_all(VirtualService, &object(BY_HOST), &UNPINNED, None, 10);
    let (before, split) = (object(BY_HOST), after(&edit));
    for untouched in ["/spec/http/0", "/spec/http/1", "/spec/http/2/mirror", "/spec/tcp", "/spec/hosts"] {
        assert_eq!(split.at(untouched), before.at(untouched), "{untouched}");
    }
    assert_eq!(split.text("/spec/http/2/route/0/destination/host"), "web-stable.shop.svc.cluster.local");
    assert_eq!(split.text("/spec/http/2/route/1/destination/host"), "web-canary.shop.svc.cluster.local");
}

#[test]
fn at_subset_level_both_entries_name_subsets_of_ours() {
    let edit = split_all(VirtualService, &object(SUBSETS), &BY_SUBSET, None, 25);
    insta::assert_json_snapshot!("virtual_service_by_subset", edit.patch);
    insta::assert_json_snapshot!("virtual_service_by_subset_before", edit.before);
    assert_eq!(
        after(&edit).at("/spec/http"),
        Some(&yaml(
            "
- route:
  - {destination: {host: web, subset: siskin-stable}, weight: 60}
  - {destination: {host: web, subset: siskin-canary}, weight: 20}
  - {destination: {host: web, subset: legacy}, weight: 20}
- route:
  - {destination: {host: web, subset: siskin-stable}, weight: 75}
  - {destination: {host: web, subset: siskin-canary}, weight: 25}
"
        ))
    );
}

#[test]
fn at_subset_level_weight_0_still_names_the_stable_subset() {
    let edit = split_all(VirtualService, &object(SUBSETS), &BY_SUBSET, None, 25);
    let lowered = split_all(VirtualService, &after(&edit), &BY_SUBSET, Some(&edit.before), 0);
    assert_eq!(
        after(&lowered).at("/spec/http"),
        Some(&yaml(
            "
- route:
  - {destination: {host: web, subset: siskin-stable}, weight: 80}
  - {destination: {host: web, subset: legacy}, weight: 20}
- route: [{destination: {host: web, subset: siskin-stable}}]
"
        ))
    );
    assert_eq!(canary_weight(VirtualService, &after(&lowered), &[], &BY_SUBSET), Some(0));
    assert_eq!(after(&restore(VirtualService, &after(&lowered), &BY_SUBSET, &lowered.before)), object(SUBSETS));
}

#[test]
fn at_subset_level_a_destination_without_subset_is_foreign() {
    let route = object(
        "{kind: VirtualService, metadata: {name: web, namespace: shop}, spec: {http: [{route: [{destination: {host: web}}]}]}}",
    );
    assert_eq!(
        split(VirtualService, &route, &[], &BY_SUBSET, None, 5).unwrap_err().reason(),
        "RouteDoesNotSendToService"
    );
}

#[test]
fn a_destination_beside_others_without_weight_gets_no_traffic_and_is_left_alone() {
    let route = object(
        "
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  http:
  - route: [{destination: {host: web}}, {destination: {host: legacy}, weight: 100}]
  - route: [{destination: {host: web}, weight: 100}]
",
    );
    let edit = split_all(VirtualService, &route, &PINNED, None, 5);
    assert_eq!(after(&edit).at("/spec/http/0"), route.at("/spec/http/0"));
    assert_eq!(after(&edit).list("/spec/http/1/route").len(), 2);
}
