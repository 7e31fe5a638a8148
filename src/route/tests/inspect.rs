//! What is found in a route before anything starts, and each reason to refuse it.

use std::collections::BTreeMap;

use super::{BY_SUBSET, PINNED, after, object, split_all};
use crate::{
    model::Object,
    route::{Inspection, Level, RouteKind, RouteProblem, inspect},
};

const DESTINATION_RULE: &str = "
kind: DestinationRule
metadata: {name: web-subsets, namespace: shop}
spec:
  host: web.shop.svc.cluster.local
  subsets:
  - {name: main, labels: {app: web}}
  - {name: also, labels: {app: web, tier: front}}
  - {name: legacy, labels: {app: web-legacy}}
";

fn virtual_service(http: &str) -> Object {
    object(&format!("{{kind: VirtualService, metadata: {{name: web, namespace: shop}}, spec: {{http: {http}}}}}"))
}

fn http_route(rules: &str) -> Object {
    object(&format!("{{kind: HTTPRoute, metadata: {{name: web, namespace: shop}}, spec: {{rules: {rules}}}}}"))
}

fn look(kind: RouteKind, live: &Object, rules: &[&str]) -> Result<Inspection, RouteProblem> {
    let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
    let labels = [("app", "web"), ("tier", "front"), ("pod-template-hash", "1")];
    let labels: BTreeMap<_, _> = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    inspect(kind, live, &rules, &PINNED, &[object(DESTINATION_RULE)], &labels)
}

#[test]
fn a_route_by_hosts_is_at_host_level() {
    let found =
        look(RouteKind::VirtualService, &virtual_service("[{route: [{destination: {host: web}}]}]"), &[]).unwrap();
    assert_eq!(found, Inspection { level: Level::Host, rules: vec!["rule 1".into()], split: false });
}

#[test]
fn a_route_by_a_subset_of_the_stable_pods_is_at_subset_level() {
    let route = virtual_service(
        "[{name: a, route: [{destination: {host: web, subset: main}, weight: 100}, {destination: {host: web, subset: legacy}, weight: 0}]}]",
    );
    let found = look(RouteKind::VirtualService, &route, &["a"]).unwrap();
    assert_eq!(found.subset(), Some("main"));
    let Level::Subset { destination_rule, destination_rule_namespace, .. } = found.level else { panic!("{found:?}") };
    assert_eq!((destination_rule.as_str(), destination_rule_namespace.as_str()), ("web-subsets", "shop"));
}

#[test]
fn a_subset_of_other_pods_beside_the_plain_host_is_foreign() {
    let route = virtual_service(
        "[{route: [{destination: {host: web}, weight: 90}, {destination: {host: web, subset: legacy}, weight: 10}]}]",
    );
    assert_eq!(look(RouteKind::VirtualService, &route, &[]).unwrap().level, Level::Host);
}

#[test]
fn a_route_in_mid_run_is_judged_by_what_its_user_wrote() {
    let user = virtual_service("[{route: [{destination: {host: web, subset: main}}]}]");
    let split = split_all(RouteKind::VirtualService, &user, &BY_SUBSET, None, 30);
    let labels = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
    let found =
        inspect(RouteKind::VirtualService, &after(&split), &[], &BY_SUBSET, &[object(DESTINATION_RULE)], &labels)
            .unwrap();
    assert_eq!((found.subset(), found.split), (Some("main"), true));
}

#[test]
fn each_problem_is_a_sentence_that_says_what_to_do() {
    use RouteKind::{HttpRoute, VirtualService};
    let named = "[{name: main, backendRefs: [{name: web}]}, {name: api, backendRefs: [{name: api}]}]";
    let cases = [
        (HttpRoute, http_route("[{backendRefs: [{name: api}]}]"), vec![], "RouteDoesNotSendToService"),
        (HttpRoute, http_route("[{backendRefs: [{name: web, weight: 0}]}]"), vec![], "RouteDoesNotSendToService"),
        (HttpRoute, http_route(named), vec!["mian"], "RuleNotFound"),
        (HttpRoute, http_route("[{backendRefs: [{name: web}]}]"), vec!["main"], "RuleNotFound"),
        (HttpRoute, http_route(named), vec!["main", "api"], "RuleDoesNotSendToService"),
        (
            VirtualService,
            virtual_service("[{route: [{destination: {host: api}}]}]"),
            vec![],
            "RouteDoesNotSendToService",
        ),
        (
            VirtualService,
            virtual_service("[{route: [{destination: {host: web, subset: v9}}]}]"),
            vec![],
            "SubsetNotFound",
        ),
        (
            VirtualService,
            virtual_service("[{route: [{destination: {host: web, subset: legacy}}]}]"),
            vec![],
            "SubsetsSelectOtherPods",
        ),
        (
            VirtualService,
            virtual_service(
                "[{route: [{destination: {host: web, subset: main}}]}, {route: [{destination: {host: web, subset: also}}]}]",
            ),
            vec![],
            "SeveralSubsets",
        ),
        (
            VirtualService,
            virtual_service(
                "[{route: [{destination: {host: web, subset: main}}]}, {route: [{destination: {host: web}}]}]",
            ),
            vec![],
            "MixedLevels",
        ),
    ];
    let mut sentences = Vec::new();
    for (kind, route, rules, reason) in cases {
        let problem = look(kind, &route, &rules).unwrap_err();
        assert_eq!(problem.reason(), reason, "{problem}");
        sentences.push(problem.to_string());
    }
    let route = virtual_service("[{route: [{destination: {host: web, subset: main}}]}]");
    let problem = inspect(VirtualService, &route, &[], &PINNED, &[], &BTreeMap::new()).unwrap_err();
    assert_eq!(problem.reason(), "DestinationRuleNotFound");
    sentences.push(problem.to_string());
    insta::assert_snapshot!("route_problems", sentences.join("\n"));
}
