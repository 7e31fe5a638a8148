//! Whether gateways and meshes have taken a route, as they report it.

use super::{PINNED, object};
use crate::route::{Acceptance, RouteKind, acceptance};

/// A route of generation 3 with two parents and these status entries.
fn http_route(parents: &str) -> Acceptance {
    let route = object(&format!(
        "
kind: HTTPRoute
metadata: {{name: web, namespace: shop, generation: 3}}
spec: {{parentRefs: [{{name: edge}}, {{group: '', kind: Service, name: web}}], rules: [{{backendRefs: [{{name: web}}, {{name: web-canary}}]}}]}}
status: {{parents: {parents}}}
"
    ));
    acceptance(RouteKind::HttpRoute, &route, &PINNED)
}

/// A status entry; the gateway's has its defaults filled in.
fn answer(parent: &str, accepted: (&str, i64), resolved: (&str, i64)) -> String {
    let parent = match parent {
        "edge" => "{group: gateway.networking.k8s.io, kind: Gateway, name: edge, namespace: shop}",
        _ => "{group: '', kind: Service, name: web}",
    };
    let condition = |kind, (status, generation): (&str, i64)| {
        format!("{{type: {kind}, status: '{status}', observedGeneration: {generation}, reason: Why, message: because}}")
    };
    format!(
        "{{parentRef: {parent}, conditions: [{}, {}]}}",
        condition("Accepted", accepted),
        condition("ResolvedRefs", resolved)
    )
}

fn pending(parent: &str, why: &str) -> Acceptance {
    Acceptance::Pending { parent: parent.into(), why: why.into() }
}

const YES: (&str, i64) = ("True", 3);

#[test]
fn a_route_is_accepted_when_every_parent_says_so_of_this_generation() {
    let parents = [answer("edge", YES, YES), answer("web", YES, YES)].join(", ");
    assert_eq!(http_route(&format!("[{parents}]")), Acceptance::Accepted);
}

#[test]
fn an_answer_to_an_older_generation_is_waited_for() {
    let parents = [answer("edge", YES, ("False", 2)), answer("web", YES, YES)].join(", ");
    assert_eq!(
        http_route(&format!("[{parents}]")),
        pending("Gateway edge", "what it says is about generation 2 of the route, which is at generation 3")
    );
}

#[test]
fn a_parent_that_says_nothing_is_waited_for() {
    let parents = answer("edge", YES, YES);
    assert_eq!(http_route(&format!("[{parents}]")), pending("Service web", "it has not said anything about the route"));
}

#[test]
fn a_refusal_is_told_in_the_parents_own_words() {
    let parents = [answer("web", YES, ("False", 3))].join(", ");
    let refused = Acceptance::Refused { parent: "Service web".into(), reason: "Why".into(), message: "because".into() };
    assert_eq!(http_route(&format!("[{parents}]")), refused);
}

#[test]
fn a_parent_that_says_no_generation_is_taken_by_its_word() {
    let linkerd = |accepted: &str, resolved: &str| {
        let route = object(&format!(
            "
kind: HTTPRoute
metadata: {{name: web, namespace: shop, generation: 3}}
spec:
  parentRefs: [{{group: core, kind: Service, name: web, port: 80}}]
  rules: [{{backendRefs: [{{name: web, port: 80, weight: 95}}, {{name: web-canary, port: 80, weight: 5}}]}}]
status:
  parents:
  - controllerName: linkerd.io/policy-controller
    parentRef: {{group: '', kind: Service, name: web, namespace: shop, port: 80}}
    conditions:
    - {{type: Accepted, status: '{accepted}', reason: Why, message: because}}
    - {{type: ResolvedRefs, status: '{resolved}', reason: Why, message: because}}
"
        ));
        acceptance(RouteKind::HttpRoute, &route, &PINNED)
    };
    assert_eq!(linkerd("True", "True"), Acceptance::Accepted);
    assert!(matches!(linkerd("False", "True"), Acceptance::Refused { .. }));
    assert!(matches!(linkerd("True", "False"), Acceptance::Refused { .. }));
    assert_eq!(linkerd("Unknown", "True"), pending("Service web", "it has not accepted the route yet"));
}

#[test]
fn a_parent_that_says_nothing_of_backends_has_nothing_against_them() {
    let only = |kind: &str, status: &str, generation: i64| {
        let route = object(&format!(
            "
kind: HTTPRoute
metadata: {{name: web, namespace: shop, generation: 2}}
spec: {{parentRefs: [{{name: edge}}], rules: [{{backendRefs: [{{name: web, port: 80}}]}}]}}
status:
  parents:
  - parentRef: {{name: edge}}
    conditions: [{{type: {kind}, status: '{status}', reason: Why, message: '', observedGeneration: {generation}}}]
"
        ));
        acceptance(RouteKind::HttpRoute, &route, &PINNED)
    };
    assert_eq!(only("Accepted", "True", 2), Acceptance::Accepted);
    assert!(matches!(only("Accepted", "True", 1), Acceptance::Pending { .. }));
    assert_eq!(only("ResolvedRefs", "True", 2), pending("Gateway edge", "it has not accepted the route yet"));
}

#[test]
fn the_answer_of_a_dead_controller_beside_a_living_ones_is_waited_for() {
    let parents =
        [answer("edge", YES, YES), answer("edge", ("True", 1), ("True", 1)), answer("web", YES, YES)].join(", ");
    assert!(
        matches!(http_route(&format!("[{parents}]")), Acceptance::Pending { parent, .. } if parent == "Gateway edge")
    );
}

/// A route of two rules, one to our Services and one to others, whose gateway can't resolve something.
fn complaint(message: &str) -> Acceptance {
    let route = object(&format!(
        "
kind: HTTPRoute
metadata: {{name: web, namespace: shop, generation: 2}}
spec:
  parentRefs: [{{name: edge}}]
  rules:
  - backendRefs: [{{name: web, port: 80}}, {{name: web-canary, port: 80}}]
    filters: [{{type: RequestMirror, requestMirror: {{backendRef: {{name: shadow, port: 80}}}}}}]
  - backendRefs: [{{name: web-legacy, port: 80}}, {{name: web, namespace: other, port: 80}}]
status:
  parents:
  - parentRef: {{name: edge}}
    conditions:
    - {{type: Accepted, status: 'True', observedGeneration: 2}}
    - {{type: ResolvedRefs, status: 'False', reason: BackendNotFound, message: '{message}', observedGeneration: 2}}
"
    ));
    acceptance(RouteKind::HttpRoute, &route, &PINNED)
}

#[test]
fn a_complaint_about_somebody_elses_backend_does_not_stop_ours() {
    for message in [
        "backend(web-legacy.shop.svc.cluster.local) not found",
        "Service shop/web-legacy not found",
        "the mirror shadow:80 does not exist",
    ] {
        assert_eq!(complaint(message), Acceptance::Accepted, "{message}");
    }
}

#[test]
fn a_complaint_about_our_backend_is_a_refusal() {
    for message in ["backend(web-canary.shop.svc.cluster.local) not found", "Service \"shop/web-canary\" not found."] {
        assert!(
            matches!(complaint(message), Acceptance::Refused { reason, .. } if reason == "BackendNotFound"),
            "{message}"
        );
    }
}

#[test]
fn a_complaint_that_does_not_say_about_what_is_waited_for() {
    assert_eq!(complaint(""), pending("Gateway edge", "it says BackendNotFound: "));
    assert_eq!(
        complaint("Services web and web-legacy not found"),
        pending("Gateway edge", "it says BackendNotFound: Services web and web-legacy not found")
    );
}

#[test]
fn a_status_of_any_shape_is_read_without_harm() {
    for parents in
        ["{}", "[1, null, {}]", "[{parentRef: {name: edge}, conditions: 7}]", "[{parentRef: [], conditions: [{}]}]"]
    {
        assert!(matches!(http_route(parents), Acceptance::Pending { .. }), "{parents}");
    }
}

#[test]
fn a_route_without_parents_is_refused() {
    let route = object("{kind: HTTPRoute, metadata: {name: web, namespace: shop}, spec: {}}");
    assert!(
        matches!(acceptance(RouteKind::HttpRoute, &route, &PINNED), Acceptance::Refused { reason, .. } if reason == "NoParents")
    );
}

#[test]
fn a_virtual_service_is_accepted_unless_istio_speaks_against_its_present_text() {
    let with = |status: &str| {
        let route = object(&format!(
            "{{kind: VirtualService, metadata: {{name: web, namespace: shop, generation: 3}}, status: {status}}}"
        ));
        acceptance(RouteKind::VirtualService, &route, &PINNED)
    };
    assert_eq!(with("{}"), Acceptance::Accepted);
    let error = "validationMessages: [{level: ERROR, type: {code: IST0101, name: ReferencedResourceNotFound}}]";
    assert_eq!(with(&format!("{{observedGeneration: '2', {error}}}")), Acceptance::Accepted);
    assert_eq!(
        with(&format!("{{observedGeneration: '3', {error}}}")),
        Acceptance::Refused {
            parent: "Istio".into(),
            reason: "ReferencedResourceNotFound".into(),
            message: "IST0101".into()
        }
    );
    let reconciling = "{observedGeneration: 3, conditions: [{type: Reconciled, status: 'False'}]}";
    assert_eq!(with(reconciling), pending("Istio", "it has not reached every proxy yet"));
}
