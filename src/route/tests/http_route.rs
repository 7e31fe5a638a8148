//! HTTPRoute: what is patched, and what is left alone.

use super::{PINNED, UNPINNED, after, object, split_all, yaml};
use crate::route::{RouteBefore, RouteKind::HttpRoute, RouteProblem, canary_weight, restore, split};

const ROUTE: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop, resourceVersion: '41', generation: 3}
spec:
  parentRefs: [{name: edge}]
  hostnames: [shop.example.com]
  rules:
  - name: api
    matches: [{path: {type: PathPrefix, value: /api}}]
    backendRefs: [{name: api, port: 80, weight: 1}]
  - name: main
    matches: [{path: {type: PathPrefix, value: /}}]
    filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-edge, value: '1'}]}}]
    timeouts: {request: 10s}
    backendRefs:
    - name: web
      port: 80
      weight: 1
      filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {remove: [x-internal]}}]
  - name: shared
    backendRefs:
    - {name: legacy, port: 80, weight: 60}
    - {name: web, port: 80, weight: 40}
";

#[test]
fn a_first_split_is_a_small_patch() {
    let edit = split_all(HttpRoute, &object(ROUTE), &PINNED, None, 25);
    insta::assert_json_snapshot!("http_route_first_split", edit.patch);
    insta::assert_json_snapshot!("http_route_before", edit.before);
}

#[test]
fn a_later_step_replaces_weights_only() {
    let first = split_all(HttpRoute, &object(ROUTE), &PINNED, None, 25);
    let second = split_all(HttpRoute, &after(&first), &PINNED, Some(&first.before), 50);
    insta::assert_json_snapshot!("http_route_later_step", second.patch);
    assert_eq!(second.before, first.before);
}

#[test]
fn a_rollback_takes_the_canary_out_and_gives_the_weights_back() {
    let first = split_all(HttpRoute, &object(ROUTE), &PINNED, None, 25);
    let back = restore(HttpRoute, &after(&first), &PINNED, &first.before);
    insta::assert_json_snapshot!("http_route_restore", back.patch);
    assert_eq!(after(&back), object(ROUTE));
}

#[test]
fn the_canary_is_a_copy_of_the_users_entry() {
    let edit = split_all(HttpRoute, &object(ROUTE), &PINNED, None, 25);
    let filters = "[{type: ResponseHeaderModifier, responseHeaderModifier: {remove: [x-internal]}}]";
    assert_eq!(
        after(&edit).at("/spec/rules/1/backendRefs"),
        Some(&yaml(&format!(
            "[{{name: web, port: 80, weight: 75, filters: {filters}}}, \
              {{name: web-canary, port: 80, weight: 25, filters: {filters}}}]"
        )))
    );
}

#[test]
fn beside_other_destinations_the_services_own_weight_is_divided() {
    let edit = split_all(HttpRoute, &object(ROUTE), &PINNED, None, 25);
    assert_eq!(
        after(&edit).at("/spec/rules/2/backendRefs"),
        Some(&yaml(
            "[{name: legacy, port: 80, weight: 60}, {name: web, port: 80, weight: 30}, \
              {name: web-canary, port: 80, weight: 10}]"
        ))
    );
}

#[test]
fn without_a_pin_the_stable_entry_names_a_service_of_its_own_even_at_weight_0() {
    let first = split_all(HttpRoute, &object(ROUTE), &UNPINNED, None, 25);
    let lowered = split_all(HttpRoute, &after(&first), &UNPINNED, Some(&first.before), 0);
    assert_eq!(
        after(&lowered).at("/spec/rules/2/backendRefs"),
        Some(&yaml("[{name: legacy, port: 80, weight: 60}, {name: web-stable, port: 80, weight: 40}]"))
    );
    assert_eq!(after(&restore(HttpRoute, &after(&lowered), &UNPINNED, &lowered.before)), object(ROUTE));
}

#[test]
fn with_a_pin_weight_0_is_the_users_text() {
    let first = split_all(HttpRoute, &object(ROUTE), &PINNED, None, 25);
    let lowered = split_all(HttpRoute, &after(&first), &PINNED, Some(&first.before), 0);
    assert_eq!(after(&lowered), object(ROUTE));
    assert_eq!(split_all(HttpRoute, &object(ROUTE), &PINNED, None, 0).patch, None);
}

#[test]
fn all_traffic_leaves_the_stable_entry_in_place_without_weight() {
    let edit = split_all(HttpRoute, &object(ROUTE), &PINNED, None, 100);
    let route = after(&edit);
    assert_eq!(route.number("/spec/rules/1/backendRefs/0/weight"), Some(0));
    assert_eq!(route.number("/spec/rules/1/backendRefs/1/weight"), Some(100));
    assert_eq!(canary_weight(HttpRoute, &route, &[], &PINNED), Some(100));
}

#[test]
fn only_named_rules_are_split_and_the_others_restored() {
    let everywhere = split_all(HttpRoute, &object(ROUTE), &PINNED, None, 25);
    let narrowed =
        split(HttpRoute, &after(&everywhere), &["main".into()], &PINNED, Some(&everywhere.before), 25).unwrap();
    assert_eq!(after(&narrowed).at("/spec/rules/2"), object(ROUTE).at("/spec/rules/2"));
    assert_eq!(after(&narrowed).at("/spec/rules/1"), after(&everywhere).at("/spec/rules/1"));

    // Its patch may be lost after what it returned was recorded.
    assert_eq!(after(&restore(HttpRoute, &after(&everywhere), &PINNED, &narrowed.before)), object(ROUTE));
}

#[test]
fn a_backend_of_another_kind_or_namespace_is_foreign() {
    let route = object(
        "
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  rules:
  - backendRefs:
    - {name: web, namespace: other, port: 80}
    - {name: web, group: example.com, kind: Service, port: 80}
    - {name: web, kind: ServiceImport, group: multicluster.x-k8s.io, port: 80}
",
    );
    let problem = split(HttpRoute, &route, &[], &PINNED, None, 10).unwrap_err();
    assert_eq!(problem.reason(), "RouteDoesNotSendToService");
    assert_eq!(canary_weight(HttpRoute, &route, &[], &PINNED), None);
    assert_eq!(restore(HttpRoute, &route, &PINNED, &RouteBefore::default()).patch, None);
}

#[test]
fn a_backend_that_spells_out_every_default_is_ours() {
    let route = object(
        "
kind: HTTPRoute
metadata: {name: web, namespace: edge}
spec: {rules: [{backendRefs: [{group: '', kind: Service, name: web, namespace: shop, port: 80, weight: 1}]}]}
",
    );
    let edit = split_all(HttpRoute, &route, &PINNED, None, 10);
    assert_eq!(
        after(&edit).at("/spec/rules/0/backendRefs/1"),
        Some(&yaml("{group: '', kind: Service, name: web-canary, namespace: shop, port: 80, weight: 10}"))
    );
}

#[test]
fn a_weight_that_is_too_coarse_says_which_would_do() {
    let route = object(
        "
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec: {rules: [{name: main, backendRefs: [{name: web, port: 80, weight: 1}, {name: legacy, port: 80, weight: 1}]}]}
",
    );
    let problem = split(HttpRoute, &route, &[], &PINNED, None, 5).unwrap_err();
    assert!(matches!(problem, RouteProblem::WeightTooCoarse { factor: 17, .. }), "{problem:?}");
    insta::assert_snapshot!("weight_too_coarse", problem);
}

#[test]
fn a_destination_without_traffic_does_not_make_a_weight_coarse() {
    let route = object(
        "
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec: {rules: [{backendRefs: [{name: web, port: 80, weight: 1}, {name: legacy, port: 80, weight: 0}]}]}
",
    );
    let edit = split_all(HttpRoute, &route, &PINNED, None, 5);
    assert_eq!(
        after(&edit).at("/spec/rules/0/backendRefs"),
        Some(&yaml(
            "[{name: web, port: 80, weight: 95}, {name: web-canary, port: 80, weight: 5}, \
              {name: legacy, port: 80, weight: 0}]"
        ))
    );
    assert_eq!(after(&restore(HttpRoute, &after(&edit), &PINNED, &edit.before)), route);
}

#[test]
fn an_entry_without_traffic_is_left_as_it_is() {
    let route = object(
        "
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  rules:
  - backendRefs: [{name: web, port: 80, weight: 0}, {name: legacy, port: 80, weight: 1}]
  - backendRefs: [{name: web, port: 80}]
",
    );
    for backends in [PINNED, UNPINNED] {
        let edit = split_all(HttpRoute, &route, &backends, None, 50);
        assert_eq!(after(&edit).at("/spec/rules/0"), route.at("/spec/rules/0"));
    }
}

#[test]
fn a_route_on_the_service_itself_is_split_like_one_on_a_gateway() {
    let route = object(
        "
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  parentRefs: [{group: '', kind: Service, name: web, port: 80}]
  rules: [{backendRefs: [{name: web, port: 80, weight: 1}]}]
",
    );
    let edit = split_all(HttpRoute, &route, &PINNED, None, 30);
    assert_eq!(
        after(&edit).at("/spec/rules/0/backendRefs"),
        Some(&yaml("[{name: web, port: 80, weight: 70}, {name: web-canary, port: 80, weight: 30}]"))
    );
    assert_eq!(after(&edit).at("/spec/parentRefs"), route.at("/spec/parentRefs"));
}
