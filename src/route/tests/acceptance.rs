//! Whether gateways and meshes have taken a route, as they report it.

use super::object;
use crate::route::{Acceptance, RouteKind, acceptance};

/// A route of generation 3 with two parents and these status entries.
fn http_route(parents: &str) -> Acceptance {
    let route = object(&format!(
        "
kind: HTTPRoute
metadata: {{name: web, namespace: shop, generation: 3}}
spec: {{parentRefs: [{{name: edge}}, {{group: '', kind: Service, name: web}}]}}
status: {{parents: {parents}}}
"
    ));
    acceptance(RouteKind::HttpRoute, &route)
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

const YES: (&str, i64) = ("True", 3);

#[test]
fn a_route_is_accepted_when_every_parent_says_so_of_this_generation() {
    let parents = [answer("edge", YES, YES), answer("web", YES, YES)].join(", ");
    assert_eq!(http_route(&format!("[{parents}]")), Acceptance::Accepted);
}

#[test]
fn an_answer_to_an_older_generation_is_waited_for() {
    let parents = [answer("edge", YES, ("False", 2)), answer("web", YES, YES)].join(", ");
    assert_eq!(http_route(&format!("[{parents}]")), Acceptance::Pending { parent: "Gateway edge".into() });
}

#[test]
fn a_parent_that_says_nothing_is_waited_for() {
    let parents = answer("edge", YES, YES);
    assert_eq!(http_route(&format!("[{parents}]")), Acceptance::Pending { parent: "Service web".into() });
}

#[test]
fn a_refusal_is_told_in_the_parents_own_words() {
    let parents = [answer("web", YES, ("False", 3))].join(", ");
    let refused = Acceptance::Refused { parent: "Service web".into(), reason: "Why".into(), message: "because".into() };
    assert_eq!(http_route(&format!("[{parents}]")), refused);
}

#[test]
fn a_route_without_parents_is_refused() {
    let route = object("{kind: HTTPRoute, metadata: {name: web, namespace: shop}, spec: {}}");
    assert!(
        matches!(acceptance(RouteKind::HttpRoute, &route), Acceptance::Refused { reason, .. } if reason == "NoParents")
    );
}

#[test]
fn a_virtual_service_is_accepted_unless_istio_speaks_against_its_present_text() {
    let with = |status: &str| {
        let route = object(&format!(
            "{{kind: VirtualService, metadata: {{name: web, namespace: shop, generation: 3}}, status: {status}}}"
        ));
        acceptance(RouteKind::VirtualService, &route)
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
    assert_eq!(with(reconciling), Acceptance::Pending { parent: "Istio".into() });
}
