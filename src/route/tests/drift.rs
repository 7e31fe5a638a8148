//! What users and their tools do to a route in mid-run.

use serde_json::json;

use super::{PINNED, UNPINNED, after, object, split_all, yaml};
use crate::{
    model::Object,
    route::{
        RouteKind::{HttpRoute, VirtualService},
        canary_weight, restore,
    },
};

fn route(rules: &str) -> Object {
    object(&format!(
        "{{kind: HTTPRoute, metadata: {{name: web, namespace: shop, resourceVersion: '1'}}, spec: {{rules: {rules}}}}}"
    ))
}

fn edited(live: &Object, edit: impl FnOnce(&mut serde_json::Value)) -> Object {
    let mut value = live.value().clone();
    edit(&mut value);
    Object::new(value)
}

const ALONE: &str = "[{name: main, backendRefs: [{name: web, port: 80, weight: 1}]}]";
const SHARED: &str =
    "[{name: main, backendRefs: [{name: web, port: 80, weight: 100}, {name: legacy, port: 80, weight: 300}]}]";

#[test]
fn a_reapplied_manifest_is_split_again_to_the_same_step() {
    for (rules, backends) in [(ALONE, PINNED), (ALONE, UNPINNED), (SHARED, PINNED), (SHARED, UNPINNED)] {
        let first = split_all(HttpRoute, &route(rules), &backends, None, 25);
        let again = split_all(HttpRoute, &route(rules), &backends, Some(&first.before), 25);
        assert_eq!((again.object, again.before), (first.object, first.before));
    }
}

#[test]
fn a_manifest_reapplied_with_another_weight_has_that_weight_at_the_end() {
    let first = split_all(HttpRoute, &route(SHARED), &PINNED, None, 25);
    let newer = route(&SHARED.replace("weight: 100", "weight: 200"));
    let again = split_all(HttpRoute, &newer, &PINNED, Some(&first.before), 25);
    assert_eq!(after(&again).number("/spec/rules/0/backendRefs/0/weight"), Some(150));
    assert_eq!(after(&restore(HttpRoute, &after(&again), &PINNED, &again.before)), newer);
}

#[test]
fn weights_of_the_pair_that_someone_changed_are_repaired() {
    let first = split_all(HttpRoute, &route(SHARED), &PINNED, None, 25);
    let drifted = edited(&after(&first), |route| {
        route["spec"]["rules"][0]["backendRefs"][0]["weight"] = json!(10);
        route["spec"]["rules"][0]["backendRefs"][1]["weight"] = json!(90);
    });
    assert_eq!(canary_weight(HttpRoute, &drifted, &[], &PINNED), Some(90));
    assert_eq!(split_all(HttpRoute, &drifted, &PINNED, Some(&first.before), 25).object, first.object);
}

#[test]
fn a_rule_a_filter_and_a_match_that_were_added_in_mid_run_stay() {
    let first = split_all(HttpRoute, &route(ALONE), &PINNED, None, 25);
    let touched = edited(&after(&first), |route| {
        let rules = route["spec"]["rules"].as_array_mut().unwrap();
        rules[0]["filters"] = json!([{"type": "RequestMirror"}]);
        rules[0]["backendRefs"][0]["filters"] = json!([{"type": "X"}]);
        rules[0]["matches"] = json!([{"path": {"value": "/new"}}]);
        rules.insert(0, json!({"name": "first", "backendRefs": [{"name": "api", "port": 80, "weight": 1}]}));
        rules.push(json!({"backendRefs": [{"name": "web", "port": 80, "weight": 7}]}));
    });
    let second = split_all(HttpRoute, &touched, &PINNED, Some(&first.before), 50);
    assert_eq!(
        after(&second).at("/spec/rules"),
        Some(&yaml(
            "
- {name: first, backendRefs: [{name: api, port: 80, weight: 1}]}
- name: main
  filters: [{type: RequestMirror}]
  matches: [{path: {value: /new}}]
  backendRefs:
  - {name: web, port: 80, weight: 50, filters: [{type: X}]}
  - {name: web-canary, port: 80, weight: 50, filters: [{type: X}]}
- backendRefs: [{name: web, port: 80, weight: 50}, {name: web-canary, port: 80, weight: 50}]
"
        ))
    );
    assert_eq!(
        after(&restore(HttpRoute, &after(&second), &PINNED, &second.before)).at("/spec/rules"),
        Some(&yaml(
            "
- {name: first, backendRefs: [{name: api, port: 80, weight: 1}]}
- name: main
  filters: [{type: RequestMirror}]
  matches: [{path: {value: /new}}]
  backendRefs: [{name: web, port: 80, weight: 1, filters: [{type: X}]}]
- backendRefs: [{name: web, port: 80, weight: 7}]
"
        ))
    );
}

#[test]
fn a_rule_without_name_is_found_by_its_matches_and_then_by_its_position() {
    let rules = "
- {matches: [{path: {value: /a}}], backendRefs: [{name: web, port: 80, weight: 11}]}
- {matches: [{path: {value: /b}}], backendRefs: [{name: web, port: 80, weight: 22}]}
- {matches: [{path: {value: /c}}], backendRefs: [{name: web, port: 80, weight: 33}]}
";
    let user = object("{kind: HTTPRoute, metadata: {name: web, namespace: shop}}");
    let user = edited(&user, |route| route["spec"]["rules"] = yaml(rules));
    let first = split_all(HttpRoute, &user, &PINNED, None, 25);
    let touched = edited(&after(&first), |route| {
        route["spec"]["rules"].as_array_mut().unwrap().swap(0, 1);
        route["spec"]["rules"][2]["matches"] = json!([{"path": {"value": "/d"}}]);
    });
    let restored = after(&restore(HttpRoute, &touched, &PINNED, &first.before));
    let weights = [0, 1, 2].map(|rule| restored.number(&format!("/spec/rules/{rule}/backendRefs/0/weight")));
    assert_eq!(weights, [Some(22), Some(11), Some(33)]);
}

#[test]
fn a_destination_added_beside_a_pair_keeps_the_share_that_was_seen() {
    let first = split_all(HttpRoute, &route(ALONE), &PINNED, None, 20);
    let touched = edited(&after(&first), |route| {
        let entries = route["spec"]["rules"][0]["backendRefs"].as_array_mut().unwrap();
        entries.push(json!({"name": "legacy", "port": 80, "weight": 50}));
    });
    let second = split_all(HttpRoute, &touched, &PINNED, Some(&first.before), 20);
    assert_eq!(second.patch, None);
    let third = split_all(HttpRoute, &after(&second), &PINNED, Some(&second.before), 40);
    let restored = restore(HttpRoute, &after(&third), &PINNED, &third.before);
    assert_eq!(
        after(&restored).at("/spec/rules/0/backendRefs"),
        Some(&yaml("[{name: web, port: 80, weight: 100}, {name: legacy, port: 80, weight: 50}]"))
    );
}

#[test]
fn what_is_left_of_a_pair_is_cleaned_up() {
    let first = split_all(HttpRoute, &route(SHARED), &PINNED, None, 25);
    let without_stable = edited(&after(&first), |route| {
        route["spec"]["rules"][0]["backendRefs"].as_array_mut().unwrap().remove(0);
    });
    let restored = restore(HttpRoute, &without_stable, &PINNED, &first.before);
    assert_eq!(
        after(&restored).at("/spec/rules/0/backendRefs"),
        Some(&yaml("[{name: legacy, port: 80, weight: 300}]"))
    );

    let only_canary = edited(&without_stable, |route| {
        route["spec"]["rules"][0]["backendRefs"].as_array_mut().unwrap().pop();
    });
    assert_eq!(canary_weight(HttpRoute, &only_canary, &[], &PINNED), Some(100));
    let restored = restore(HttpRoute, &only_canary, &PINNED, &first.before);
    assert_eq!(after(&restored).at("/spec/rules/0/backendRefs"), Some(&yaml("[{name: web, port: 80, weight: 100}]")));
}

#[test]
fn a_second_canary_entry_is_taken_out() {
    let first = split_all(HttpRoute, &route(ALONE), &PINNED, None, 25);
    let doubled = edited(&after(&first), |route| {
        let entries = route["spec"]["rules"][0]["backendRefs"].as_array_mut().unwrap();
        entries.push(json!({"name": "web-canary", "port": 80, "weight": 60}));
    });
    assert_eq!(split_all(HttpRoute, &doubled, &PINNED, Some(&first.before), 25).object, first.object);
}

#[test]
fn a_patch_made_from_an_older_version_fails() {
    let live = route(ALONE);
    let patch = split_all(HttpRoute, &live, &PINNED, None, 25).patch.unwrap();
    let newer = edited(&live, |route| route["metadata"]["resourceVersion"] = json!("2"));
    assert!(json_patch::patch(&mut newer.value().clone(), &patch).is_err());
    let renamed = edited(&live, |route| route["spec"]["rules"][0]["backendRefs"][0]["name"] = json!("other"));
    assert!(json_patch::patch(&mut renamed.value().clone(), &patch).is_err());
}

#[test]
fn lowering_to_0_never_fails() {
    let gone = route("[{backendRefs: [{name: api, port: 80}]}]");
    let first = split_all(HttpRoute, &route(ALONE), &PINNED, None, 25);
    assert_eq!(split_all(HttpRoute, &gone, &PINNED, Some(&first.before), 0).patch, None);
    for odd in ["{}", "[]", "[1, {}, {backendRefs: 3}, {backendRefs: [null, web, {name: web, weight: many}]}]"] {
        let live = route(odd);
        assert_eq!(split_all(HttpRoute, &live, &PINNED, Some(&first.before), 0).patch, None, "{odd}");
        assert_eq!(restore(HttpRoute, &live, &PINNED, &first.before).patch, None, "{odd}");
    }
}

#[test]
fn an_edit_says_whether_it_raises_the_canarys_share_anywhere() {
    let two = "[{name: a, backendRefs: [{name: web, weight: 1}]}, {name: b, backendRefs: [{name: web, weight: 1}]}]";
    let first = split_all(HttpRoute, &route(two), &PINNED, None, 25);
    assert!(first.raises);
    assert!(!split_all(HttpRoute, &after(&first), &PINNED, Some(&first.before), 25).raises);
    assert!(!split_all(HttpRoute, &after(&first), &PINNED, Some(&first.before), 10).raises);
    let drifted = edited(&after(&first), |live| {
        live["spec"]["rules"][1]["backendRefs"] = json!([{"name": "web", "weight": 1}]);
    });
    assert_eq!(canary_weight(HttpRoute, &drifted, &[], &PINNED), Some(25));
    assert!(split_all(HttpRoute, &drifted, &PINNED, Some(&first.before), 25).raises);
}

#[test]
fn a_destination_without_traffic_beside_an_istio_pair_keeps_the_pairs_traffic() {
    let user = object(
        "{kind: VirtualService, metadata: {name: web, namespace: shop}, spec: {http: [{route: [{destination: {host: web}}]}]}}",
    );
    let first = split_all(VirtualService, &user, &PINNED, None, 25);
    let touched = edited(&after(&first), |live| {
        let entries = live["spec"]["http"][0]["route"].as_array_mut().unwrap();
        entries.push(json!({"destination": {"host": "legacy"}, "weight": 0}));
    });
    let restored = restore(VirtualService, &touched, &PINNED, &first.before);
    assert_eq!(
        after(&restored).at("/spec/http/0/route"),
        Some(&yaml("[{destination: {host: web}, weight: 100}, {destination: {host: legacy}, weight: 0}]"))
    );
}
