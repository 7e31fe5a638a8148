//! Tests of the simulated API server: what decisions depend on is as it is on a real one.

use serde_json::json;

use super::*;
use crate::model::{HELD_ANNOTATION, MANAGED_LABEL};

fn store() -> Store {
    let mut store = Store { policy: true, ..Store::default() };
    store.create(
        Kind::Deployment,
        json!({
            "metadata": {"name": "web", "labels": {MANAGED_LABEL: "true"}},
            "spec": {"template": {"spec": {"image": "v1"}}},
        }),
    );
    store
}

fn key() -> Key {
    Key::new("apps/v1", "Deployment", NAMESPACE, "web")
}

fn patch(operations: Value) -> json_patch::Patch {
    serde_json::from_value(operations).unwrap()
}

#[test]
fn versions_grow_with_every_change_and_generations_with_those_of_the_spec() {
    let mut store = store();
    let made = store.get(Kind::Deployment, "web").unwrap().clone();
    let status =
        store.update(Writer::System, Kind::Deployment, "web", |web| web["status"] = json!({"replicas": 1})).unwrap();
    let spec = store.update(Writer::User, Kind::Deployment, "web", |web| web["spec"]["replicas"] = json!(3)).unwrap();
    let same = store.update(Writer::User, Kind::Deployment, "web", |_| {}).unwrap();
    let version = |object: &Object| object.resource_version().parse::<u64>().unwrap();
    assert!(version(&made) < version(&status) && version(&status) < version(&spec));
    assert_eq!([made.generation(), status.generation(), spec.generation()], [1, 1, 2]);
    assert_eq!(same, spec);
}

#[test]
fn a_patch_whose_test_fails_changes_nothing() {
    let mut store = store();
    let stale = patch(json!([
        {"op": "replace", "path": "/spec/replicas", "value": 9},
        {"op": "test", "path": "/metadata/generation", "value": 7},
    ]));
    assert!(matches!(store.patch(Writer::Siskin, &key(), &stale), Err(Refused::Conflict(_))));
    assert_eq!(store.get(Kind::Deployment, "web").unwrap().number("/spec/replicas"), Some(1));
}

#[test]
fn a_status_is_written_only_to_the_version_that_was_seen() {
    let mut store = store();
    let seen = store.get(Kind::Deployment, "web").unwrap().clone();
    assert!(store.write_status(&seen, Kind::Deployment, json!({"replicas": 1})).is_ok());
    assert!(matches!(store.write_status(&seen, Kind::Deployment, json!({})), Err(Refused::Conflict(_))));
}

#[test]
fn an_object_goes_with_its_last_finalizer_and_takes_what_it_owns_along() {
    let mut store = store();
    store.update(Writer::User, Kind::Deployment, "web", |web| web["metadata"]["finalizers"] = json!(["a"]));
    let uid = store.get(Kind::Deployment, "web").unwrap().uid().to_owned();
    store.create(
        Kind::ReplicaSet,
        json!({"metadata": {"name": "web-1", "ownerReferences": [{"uid": uid, "controller": true}]}}),
    );
    assert!(store.delete(&key(), &uid).unwrap().unwrap().deleting());
    store.patch(Writer::Siskin, &key(), &patch(json!([{"op": "remove", "path": "/metadata/finalizers/0"}]))).unwrap();
    store.collect_garbage();
    assert_eq!(store.everything().count(), 0);
}

#[test]
fn another_object_by_the_same_name_is_not_deleted() {
    assert!(matches!(store().delete(&key(), "uid-99"), Err(Refused::Conflict(_))));
}

#[test]
fn the_policy_holds_a_new_template_and_keeps_the_hold_against_all_but_siskin() {
    let mut store = store();
    let pushed = store
        .update(Writer::User, Kind::Deployment, "web", |web| web["spec"]["template"]["spec"]["image"] = json!("v2"));
    assert!(
        pushed.is_some_and(
            |web| web.at("/spec/paused") == Some(&json!(true)) && web.annotation(HELD_ANNOTATION).is_some()
        )
    );
    let resumed =
        store.update(Writer::User, Kind::Deployment, "web", |web| web["spec"]["paused"] = json!(false)).unwrap();
    assert_eq!(resumed.at("/spec/paused"), Some(&json!(true)));
    let unhold = patch(json!([{"op": "remove", "path": "/spec/paused"}]));
    assert_eq!(store.patch(Writer::Siskin, &key(), &unhold).unwrap().at("/spec/paused"), None);
}
