//! A cache of what is named: what is left out, and what is wanted once a Rollout names it.

use serde_json::json;

use super::*;
use crate::observe::{Cluster, snapshot};

fn rollout(name: &str, version: u64, workload: &str) -> Value {
    json!({
        "metadata": {"namespace": "shop", "name": name, "uid": name, "resourceVersion": version.to_string()},
        "spec": {
            "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": workload},
            "traffic": {"service": workload, "routes": [{"kind": "HTTPRoute", "name": workload}]},
            "strategy": {"canary": {"steps": [{"weight": 10}]}},
        },
    })
}

fn deployment(name: &str) -> Value {
    json!({
        "metadata": {"namespace": "shop", "name": name, "uid": format!("{name}-uid"), "resourceVersion": "5", "annotations": {"a": "b"}},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": name}}, "strategy": {},
            "template": {"metadata": {"labels": {"app": name}, "annotations": {}}, "spec": {"containers": [{"name": "app"}]}}},
        "status": {"replicas": 3},
    })
}

fn replica_set(owner: &str) -> Value {
    json!({"metadata": {
        "namespace": "shop", "name": format!("{owner}-1"), "uid": format!("{owner}-1-uid"), "resourceVersion": "6",
        "ownerReferences": [{"kind": "Deployment", "name": owner, "uid": format!("{owner}-uid"), "controller": true}],
    }})
}

fn slice(service: &str) -> Value {
    json!({
        "metadata": {"namespace": "shop", "name": format!("{service}-x"), "uid": format!("{service}-x-uid"), "resourceVersion": "7",
            "labels": {"kubernetes.io/service-name": service}},
        "endpoints": [{"conditions": {"ready": true}, "targetRef": {"kind": "Pod", "name": format!("{service}-1-a")}}],
    })
}

fn service(name: &str) -> Value {
    json!({"metadata": {"namespace": "shop", "name": name, "uid": "s", "resourceVersion": "4"}, "spec": {"selector": {"app": name}}})
}

/// Everything that there is of an application, as the watches of all kinds deliver it.
fn put_application(cache: &Cache, name: &str) {
    cache.put(Kind::Service, service(name));
    cache.put(Kind::Deployment, deployment(name));
    cache.put(Kind::ReplicaSet, replica_set(name));
    cache.put(Kind::EndpointSlice, slice(name));
}

fn wanted_of(name: &str) -> [(Wanted, Vec<(Kind, Value)>); 2] {
    let (namespace, text) = ("shop".to_owned(), name.to_owned());
    [
        (
            Wanted::Deployment { namespace: namespace.clone(), name: text.clone() },
            vec![(Kind::Deployment, deployment(name)), (Kind::ReplicaSet, replica_set(name))],
        ),
        (Wanted::EndpointSlices { namespace, service: text }, vec![(Kind::EndpointSlice, slice(name))]),
    ]
}

fn count(cache: &Cache, kind: Kind) -> usize {
    cache.read().count(kind)
}

fn sees_all_of(cache: &Cache, rollout: &str) -> bool {
    snapshot(cache, "shop", rollout, &Cluster::default()).is_some_and(|observed| {
        observed.workload.is_some_and(|workload| workload.at("/spec/template/spec").is_some())
            && observed.replica_sets.len() == 1
            && observed.endpoints.service.len() == 1
    })
}

#[test]
fn of_what_nobody_names_only_an_outline_of_the_deployment_and_the_service_are_kept() {
    let cache = Cache::of_what_is_named();
    put_application(&cache, "other");
    assert_eq!((count(&cache, Kind::ReplicaSet), count(&cache, Kind::EndpointSlice)), (0, 0));
    let known = cache.read().get(Kind::Deployment, "shop", "other").expect("an outline");
    assert_eq!(
        *known.value(),
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"namespace": "shop", "name": "other", "uid": "other-uid", "resourceVersion": "5"},
            "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "other"}}, "template": {"metadata": {"labels": {"app": "other"}}}},
        })
    );
    let labels = [("app".to_owned(), "other".to_owned())].into();
    assert_eq!(cache.read().services_selecting("shop", &labels).len(), 1);
    assert_eq!(cache.read().deployments_selected("shop", &labels).len(), 1);
    assert_eq!(cache.wanted(), [], "nobody names it");
}

#[test]
fn what_a_known_rollout_names_is_kept_whole_and_nothing_is_read_twice() {
    let cache = Cache::of_what_is_named();
    cache.put(Kind::Rollout, rollout("web", 1, "web"));
    put_application(&cache, "web");
    assert!(sees_all_of(&cache, "web"));
    assert_eq!(cache.wanted(), []);
}

#[test]
fn a_rollout_that_comes_later_is_not_seen_until_what_it_names_was_read() {
    let cache = Cache::of_what_is_named();
    put_application(&cache, "web");
    put_application(&cache, "other");
    cache.put(Kind::Rollout, rollout("web", 1, "web"));
    let wanted = wanted_of("web");
    assert_eq!(cache.wanted(), wanted.clone().map(|(wanted, _)| wanted));
    assert_eq!(cache.wanted(), [], "each is given once");
    for (wanted, objects) in wanted {
        assert!(
            snapshot(&cache, "shop", "web", &Cluster::default()).is_none(),
            "it would say that something is missing"
        );
        assert!(cache.wants(&wanted));
        let woken = cache.answer(&wanted, objects);
        assert_eq!(woken.into_iter().map(|key| key.name).collect::<Vec<_>>(), ["web"]);
    }
    assert!(sees_all_of(&cache, "web"));
}

#[test]
fn parts_that_came_before_their_whole_are_wanted_too() {
    let cache = Cache::of_what_is_named();
    cache.put(Kind::ReplicaSet, replica_set("web"));
    cache.put(Kind::EndpointSlice, slice("web"));
    cache.put(Kind::Rollout, rollout("web", 1, "web"));
    cache.put(Kind::Deployment, deployment("web"));
    cache.put(Kind::Service, service("web"));
    assert_eq!(cache.wanted(), wanted_of("web").map(|(wanted, _)| wanted));
}

#[test]
fn a_rollout_that_names_what_does_not_exist_waits_for_nothing() {
    let cache = Cache::of_what_is_named();
    put_application(&cache, "other");
    cache.put(Kind::Rollout, rollout("web", 1, "web"));
    assert_eq!(cache.wanted(), []);
    assert!(snapshot(&cache, "shop", "web", &Cluster::default()).is_some_and(|observed| observed.workload.is_none()));
}

#[test]
fn what_was_deleted_before_it_could_be_read_is_missing() {
    let cache = Cache::of_what_is_named();
    put_application(&cache, "web");
    cache.put(Kind::Rollout, rollout("web", 1, "web"));
    for wanted in cache.wanted() {
        cache.answer(&wanted, Vec::new());
    }
    let observed = snapshot(&cache, "shop", "web", &Cluster::default()).expect("nothing is wanted any more");
    assert!(observed.workload.is_none() && observed.replica_sets.is_empty());
}

#[test]
fn a_watch_that_is_ahead_of_the_answer_wins() {
    let cache = Cache::of_what_is_named();
    put_application(&cache, "web");
    cache.put(Kind::Rollout, rollout("web", 1, "web"));
    let mut newer = deployment("web");
    newer["metadata"]["resourceVersion"] = "9".into();
    newer["spec"]["replicas"] = 4.into();
    cache.put(Kind::Deployment, newer);
    cache.delete(Kind::ReplicaSet, "shop", "web-1", "web-1-uid");
    for (wanted, objects) in wanted_of("web") {
        cache.answer(&wanted, objects);
    }
    let observed = snapshot(&cache, "shop", "web", &Cluster::default()).expect("all was read");
    assert_eq!(observed.workload.and_then(|workload| workload.number("/spec/replicas")), Some(4));
    assert!(observed.replica_sets.is_empty(), "it was deleted meanwhile");
}

#[test]
fn what_the_last_rollout_lets_go_is_left_out_and_wanted_again_by_the_next() {
    let cache = Cache::of_what_is_named();
    cache.put(Kind::Rollout, rollout("a", 1, "web"));
    cache.put(Kind::Rollout, rollout("b", 1, "web"));
    put_application(&cache, "web");
    cache.delete(Kind::Rollout, "shop", "a", "a");
    assert!(sees_all_of(&cache, "b"), "the other one still names it");

    cache.put(Kind::Rollout, rollout("b", 2, "api"));
    assert_eq!((count(&cache, Kind::ReplicaSet), count(&cache, Kind::EndpointSlice)), (0, 0));
    assert!(cache.read().get(Kind::Deployment, "shop", "web").expect("an outline").at("/spec/template/spec").is_none());
    cache.put(Kind::Rollout, rollout("b", 3, "web"));
    assert_eq!(cache.wanted(), wanted_of("web").map(|(wanted, _)| wanted));

    cache.delete(Kind::Rollout, "shop", "b", "b");
    assert!(wanted_of("web").iter().all(|(wanted, _)| !cache.wants(wanted)), "who waited for it is gone");
    cache.put(Kind::Rollout, rollout("c", 4, "web"));
    assert_eq!(cache.wanted(), wanted_of("web").map(|(wanted, _)| wanted));
}

#[test]
fn a_list_is_taken_in_by_the_same_rule_and_takes_out_what_it_does_not_show() {
    let cache = Cache::of_what_is_named();
    cache.put(Kind::Rollout, rollout("web", 1, "web"));
    for kind in [Kind::Service, Kind::Deployment, Kind::ReplicaSet, Kind::EndpointSlice] {
        let of = |name: &str| match kind {
            Kind::Deployment => deployment(name),
            Kind::ReplicaSet => replica_set(name),
            Kind::EndpointSlice => slice(name),
            _ => service(name),
        };
        let mut listing = cache.begin(kind);
        cache.list(&mut listing, of("web"));
        cache.list(&mut listing, of("other"));
        assert_eq!(cache.end(listing).len(), 1);
    }
    assert!(sees_all_of(&cache, "web"));
    assert_eq!((count(&cache, Kind::Deployment), count(&cache, Kind::ReplicaSet)), (2, 1));

    let unfinished = cache.begin(Kind::Deployment);
    drop(unfinished);
    assert_eq!(count(&cache, Kind::Deployment), 2, "a list that broke off takes nothing out");
    let mut listing = cache.begin(Kind::Deployment);
    cache.list(&mut listing, deployment("web"));
    cache.put(Kind::Deployment, deployment("canary-made-meanwhile"));
    assert_eq!(cache.end(listing), BTreeSet::new(), "nothing that a Rollout names has changed");
    assert_eq!(count(&cache, Kind::Deployment), 1);
}
