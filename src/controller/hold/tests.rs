//! When the policy is in force, and what is done when that changes.

use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Request, Response};
use kube::client::Body;
use serde_json::json;
use tower::service_fn;

use super::*;

fn policy() -> Value {
    json!({"metadata": {"name": "siskin-hold"}, "spec": {
        "matchConstraints": {"resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["deployments"]}]},
        "mutations": [{"patchType": "ApplyConfiguration"}]}})
}

fn binding() -> Value {
    json!({"metadata": {"name": "siskin-hold"}, "spec": {"policyName": "siskin-hold"}})
}

fn state(policy: Option<Seen>, binding: Option<Seen>) -> Option<Result<(), String>> {
    in_force("siskin-hold", &Parts { policy, binding })
}

#[test]
fn the_hold_is_in_force_where_the_policy_and_a_binding_of_it_are_there() {
    assert_eq!(state(Some(Ok(policy())), Some(Ok(binding()))), Some(Ok(())));
}

#[test]
fn a_policy_without_a_binding_or_a_binding_without_a_policy_holds_nothing() {
    let missing = || Some(Err("there is none".to_owned()));
    assert_eq!(state(Some(Ok(policy())), missing()), Some(Err("there is none".to_owned())));
    assert_eq!(state(missing(), Some(Ok(binding()))), Some(Err("there is none".to_owned())));
    assert_eq!(state(Some(Ok(policy())), None), None, "nothing is known before both were asked for");
}

#[test]
fn a_binding_of_another_policy_holds_nothing() {
    let mut other = binding();
    other["spec"]["policyName"] = json!("default-labels");
    let state = state(Some(Ok(policy())), Some(Ok(other)));
    assert!(state.is_some_and(|state| state.is_err_and(|why| why.contains("default-labels"))));
}

#[test]
fn a_policy_about_other_writes_holds_nothing() {
    let mut creations = policy();
    creations["spec"]["matchConstraints"]["resourceRules"][0]["operations"] = json!(["CREATE"]);
    let mut pods = policy();
    pods["spec"]["matchConstraints"]["resourceRules"][0]["resources"] = json!(["pods"]);
    let mut emptied = policy();
    emptied["spec"]["mutations"] = json!([]);
    for policy in [creations, pods, emptied] {
        assert!(state(Some(Ok(policy)), Some(Ok(binding()))).is_some_and(|state| state.is_err()));
    }
}

#[tokio::test(start_paused = true)]
async fn who_asks_is_told_each_time_the_policy_comes_or_goes() {
    let refuse = service_fn(|_: Request<Body>| async { Ok::<_, std::io::Error>(Response::new(Body::empty())) });
    let watch = HoldWatch {
        client: Client::new(refuse, "default"),
        name: "siskin-hold".to_owned(),
        cluster: SharedCluster::default(),
        answered: Arc::default(),
    };
    let (parts, seen) = watch::channel(Parts::default());
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let cluster = Arc::clone(&watch.cluster);
    tokio::spawn(async move {
        watch.tell(seen, move || _ = counter.fetch_add(1, Ordering::SeqCst)).await;
    });
    let in_force = || cluster.read().unwrap().admission_hold;
    let steps = [
        (Part::Policy, Ok(policy()), false, 0),
        (Part::Binding, Ok(binding()), true, 1),
        (Part::Policy, Ok(policy()), true, 1),
        (Part::Policy, Err("there is none".to_owned()), false, 2),
        (Part::Binding, Err("there is none".to_owned()), false, 2),
        (Part::Policy, Ok(policy()), false, 2),
        (Part::Binding, Ok(binding()), true, 3),
    ];
    for (number, (part, seen, holds, told)) in steps.into_iter().enumerate() {
        part.set(&parts, seen);
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!((in_force(), calls.load(Ordering::SeqCst)), (holds, told), "step {number}");
    }
}
