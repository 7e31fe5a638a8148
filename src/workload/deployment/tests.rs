//! Tests of what is changed on a Deployment.

use super::*;

fn deployment(yaml: &str) -> Object {
    Object::new(serde_saphyr::from_str(yaml).expect("the test's YAML is an object"))
}

fn web() -> Object {
    deployment(
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop, uid: u1, generation: 3, labels: {team: a}},
          spec: {replicas: 4, selector: {matchLabels: {app: web}},
                 template: {metadata: {labels: {app: web}}, spec: {containers: [{name: app, image: 'v2', future: 1}]}}},
          status: {observedGeneration: 3, replicas: 4, updatedReplicas: 4, readyReplicas: 4, availableReplicas: 4}}",
    )
}

fn patched(object: &Object, patch: Option<Patch>) -> Object {
    let mut value = object.value().clone();
    json_patch::patch(&mut value, &patch.expect("there is something to change")).expect("the patch applies");
    Object::new(value)
}

#[test]
fn a_hold_and_its_end_leave_the_deployment_as_it_was() {
    let before = web();
    let held_now = patched(&before, hold(&before));
    assert!(held(&held_now));
    assert_eq!(hold(&held_now), None);
    let after = patched(&held_now, unhold(&held_now));
    assert_eq!(after.value()["spec"], before.value()["spec"]);
    assert!(after.annotation(HELD_ANNOTATION).is_none());
    assert_eq!(unhold(&before), None);
}

#[test]
fn the_end_of_a_hold_fails_when_the_template_changed_meanwhile() {
    let before = web();
    let held_now = patched(&before, hold(&before));
    let patch = unhold(&held_now).expect("it is held");
    let mut changed = held_now.value().clone();
    changed["metadata"]["generation"] = json!(4);
    assert!(json_patch::patch(&mut changed, &patch).is_err());
}

#[test]
fn an_adopted_deployment_released_is_the_users_again() {
    let before = web();
    let adopted = patched(&before, adopt(&before));
    assert_eq!(adopted.label(MANAGED_LABEL), Some("true"));
    assert_eq!(adopt(&adopted), None);
    assert_eq!(patched(&adopted, release(&adopted, None)), before);
}

#[test]
fn a_release_in_mid_run_keeps_the_deployment_paused_and_says_why() {
    let adopted = patched(&web(), adopt(&web()));
    let held_now = patched(&adopted, hold(&adopted));
    let released = patched(&held_now, release(&held_now, Some("because")));
    assert!(paused(&released) && !held(&released));
    assert_eq!(released.annotation(HELD_BECAUSE_ANNOTATION), Some("because"));
    assert_eq!(released.label(MANAGED_LABEL), None);
    let taken_up = patched(&released, adopt(&released));
    assert_eq!(taken_up.annotation(HELD_BECAUSE_ANNOTATION), None);
}

#[test]
fn canary_pods_are_rounded_up_and_never_none() {
    let cases = [(10, 5, 1), (10, 10, 1), (10, 25, 3), (10, 50, 5), (1, 1, 1), (3, 34, 2), (0, 50, 1), (100, 100, 100)];
    for (stable, weight, expected) in cases {
        assert_eq!(canary_replicas(stable, weight), expected, "{weight} % of {stable}");
    }
}

#[test]
fn the_canary_is_the_new_template_with_one_more_label() {
    let canary = Object::new(canary(&web(), "web-canary", "web", &json!({"uid": "r"}), 2));
    assert!(same_template(&canary.value()["spec"]["template"], &web().value()["spec"]["template"]));
    assert_eq!(canary.text("/spec/selector/matchLabels/siskin.dev~1variant"), "canary");
    assert_eq!(canary.text("/spec/template/metadata/labels/siskin.dev~1variant"), "canary");
    assert_eq!(canary.label("team"), None);
    assert_eq!(canary.at("/spec/template/spec/containers/0/future"), Some(&json!(1)));
}

#[test]
fn the_templates_version_is_found_by_comparing_with_what_the_server_keeps() {
    let stable = deployment(
        "{spec: {template: {metadata: {labels: {app: web, pod-template-hash: s}}, spec: {containers: [{name: app, image: 'v1'}]}}}}",
    );
    let canary = Object::new(canary(&web(), "web-canary", "web", &json!({}), 1));
    assert_eq!(template_is(&web(), Some(&stable), Some(&canary)), TemplateIs::Canary);
    assert_eq!(template_is(&web(), Some(&stable), None), TemplateIs::New);
    assert_eq!(template_is(&web(), Some(&web()), Some(&canary)), TemplateIs::Stable);
}

#[test]
fn a_rollout_is_over_when_every_pod_is_of_the_template_and_available() {
    assert!(rolled_out(&web()));
    for (field, value) in [("replicas", 5), ("updatedReplicas", 3), ("availableReplicas", 3), ("observedGeneration", 2)]
    {
        let mut other = web().value().clone();
        other["status"][field] = json!(value);
        assert!(!rolled_out(&Object::new(other)), "{field} = {value}");
    }
}
