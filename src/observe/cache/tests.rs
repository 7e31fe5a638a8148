//! The cache: what replaces what, and who is told.

use serde_json::json;

use super::*;
use crate::observe::{Cluster, snapshot};

fn object(name: &str, version: u64) -> Value {
    json!({"metadata": {"namespace": "shop", "name": name, "uid": format!("{name}-uid"), "resourceVersion": version.to_string()}})
}

fn rollout(name: &str, workload: &str, created: &str) -> Value {
    json!({
        "metadata": {"namespace": "shop", "name": name, "uid": name, "resourceVersion": "1", "creationTimestamp": created},
        "spec": {
            "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": workload},
            "traffic": {"service": workload, "routes": [{"kind": "HTTPRoute", "name": "front"}]},
            "strategy": {"canary": {"steps": [{"weight": 10}]}},
            "analysis": {"templates": [{"name": "http"}]},
        },
    })
}

fn names(keys: &BTreeSet<RolloutKey>) -> Vec<&str> {
    keys.iter().map(|key| key.name.as_str()).collect()
}

fn version(cache: &Cache, name: &str) -> Option<String> {
    cache.read().get(Kind::Service, "shop", name).map(|object| object.resource_version().to_owned())
}

#[test]
fn an_older_object_never_replaces_a_newer_one() {
    let cache = Cache::new();
    cache.put(Kind::Service, object("web", 10));
    cache.put(Kind::Service, object("web", 9));
    assert_eq!(version(&cache, "web").as_deref(), Some("10"));
    cache.put(Kind::Service, object("web", 11));
    assert_eq!(version(&cache, "web").as_deref(), Some("11"));
}

#[test]
fn a_late_answer_does_not_bring_a_deleted_object_back() {
    let cache = Cache::new();
    cache.put(Kind::Service, object("web", 10));
    cache.delete(Kind::Service, "shop", "web", "web-uid");
    cache.put(Kind::Service, object("web", 12));
    assert_eq!(version(&cache, "web"), None);

    let mut successor = object("web", 13);
    successor["metadata"]["uid"] = "another".into();
    cache.put(Kind::Service, successor);
    cache.delete(Kind::Service, "shop", "web", "web-uid");
    assert_eq!(version(&cache, "web").as_deref(), Some("13"), "the late deletion is of its predecessor");
}

#[test]
fn a_list_takes_out_what_is_gone_and_keeps_what_was_written_since() {
    let cache = Cache::new();
    cache.put(Kind::Service, object("web", 10));
    cache.put(Kind::Service, object("old", 5));
    cache.replace_all(Kind::Service, vec![object("web", 8), object("new", 9)]);
    assert_eq!(version(&cache, "web").as_deref(), Some("10"));
    assert_eq!(version(&cache, "new").as_deref(), Some("9"));
    assert_eq!(version(&cache, "old"), None);
}

#[test]
fn a_change_concerns_the_rollouts_that_name_or_generate_the_object() {
    let cache = Cache::new();
    cache.put(Kind::Rollout, rollout("web", "web", "2026-01-01T00:00:00Z"));
    cache.put(Kind::Rollout, rollout("api", "api", "2026-01-01T00:00:00Z"));
    let concerned = |kind, object: Value| cache.put(kind, object).into_iter().map(|key| key.name).collect::<Vec<_>>();

    assert_eq!(concerned(Kind::Deployment, object("web", 2)), ["web"]);
    assert_eq!(concerned(Kind::Deployment, object("web-canary", 3)), ["web"]);
    assert_eq!(concerned(Kind::Service, object("web-stable", 4)), ["web"]);
    assert_eq!(concerned(Kind::HttpRoute, object("front", 5)), ["api", "web"]);
    assert_eq!(concerned(Kind::VirtualService, object("front", 6)), [""; 0]);
    assert_eq!(concerned(Kind::AnalysisTemplate, object("http", 7)), ["api", "web"]);
    let template = json!({"metadata": {"name": "http", "uid": "c", "resourceVersion": "8"}});
    assert_eq!(concerned(Kind::ClusterAnalysisTemplate, template), ["api", "web"]);

    let mut replica_set = object("web-canary-1", 9);
    replica_set["metadata"]["ownerReferences"] =
        json!([{"kind": "Deployment", "name": "web-canary", "uid": "web-canary-uid", "controller": true}]);
    assert_eq!(concerned(Kind::ReplicaSet, replica_set), ["web"]);
    let mut slice = object("web-x", 10);
    slice["metadata"]["labels"] = json!({"kubernetes.io/service-name": "web-canary"});
    assert_eq!(concerned(Kind::EndpointSlice, slice), ["web"]);
    let mut rule = object("rule", 11);
    rule["spec"] = json!({"host": "web.shop.svc.cluster.local"});
    assert_eq!(concerned(Kind::DestinationRule, rule), ["web"]);
    assert_eq!(concerned(Kind::Deployment, object("foreign", 12)), [""; 0]);
}

#[test]
fn a_rollout_that_lets_go_of_its_workload_wakes_the_next_one() {
    let cache = Cache::new();
    cache.put(Kind::Rollout, rollout("first", "web", "2026-01-01T00:00:00Z"));
    cache.put(Kind::Rollout, rollout("second", "web", "2026-01-02T00:00:00Z"));
    assert_eq!(names(&cache.delete(Kind::Rollout, "shop", "first", "first")), ["first", "second"]);
    assert_eq!(names(&cache.put(Kind::Deployment, object("web", 3))), ["second"]);
}

#[test]
fn the_older_rollout_of_a_workload_is_the_others_rival() {
    let cache = Cache::new();
    cache.put(Kind::Rollout, rollout("b", "web", "2026-01-01T00:00:00Z"));
    cache.put(Kind::Rollout, rollout("a", "web", "2026-01-02T00:00:00Z"));
    cache.put(Kind::Rollout, rollout("canary-of-web", "web-canary", "2025-01-01T00:00:00Z"));
    let rival = |name: &str| snapshot(&cache, "shop", name, &Cluster::default()).unwrap().rival;
    assert_eq!(rival("a").as_deref(), Some("b"));
    assert_eq!(rival("b"), None);
}

#[test]
fn a_snapshot_holds_the_revisions_and_ready_pods_of_its_own_objects_only() {
    let cache = Cache::new();
    cache.put(Kind::Rollout, rollout("web", "web", "2026-01-01T00:00:00Z"));
    cache.put(Kind::Deployment, object("web", 2));
    for (name, owner) in [("web-1", "web-uid"), ("other-1", "other-uid")] {
        let mut replica_set = object(name, 3);
        replica_set["metadata"]["ownerReferences"] = json!([{"uid": owner, "controller": true}]);
        cache.put(Kind::ReplicaSet, replica_set);
    }
    let mut slice = object("web-x", 4);
    slice["metadata"]["labels"] = json!({"kubernetes.io/service-name": "web"});
    slice["endpoints"] = json!([
        {"conditions": {"ready": true}, "targetRef": {"kind": "Pod", "name": "web-1-a"}},
        {"conditions": {"ready": false}, "targetRef": {"kind": "Pod", "name": "web-1-b"}},
    ]);
    cache.put(Kind::EndpointSlice, slice);

    let observed = snapshot(&cache, "shop", "web", &Cluster::default()).unwrap();
    assert_eq!(observed.replica_sets.iter().map(Object::name).collect::<Vec<_>>(), ["web-1"]);
    assert_eq!(observed.endpoints.service.iter().collect::<Vec<_>>(), ["web-1-a"]);
    assert!(observed.endpoints.canary.is_empty() && observed.canary.is_none());
    assert_eq!(observed.routes.len(), 1);
}

#[test]
fn a_rollout_that_cannot_be_read_is_not_seen_and_says_why() {
    let cache = Cache::new();
    let mut broken = rollout("web", "web", "2026-01-01T00:00:00Z");
    broken["spec"]["traffic"]["service"] = json!(5);
    cache.put(Kind::Rollout, broken.clone());
    assert!(snapshot(&cache, "shop", "web", &Cluster::default()).is_none());
    let error = crate::observe::parse_rollout(&Object::new(broken)).unwrap_err().to_string();
    assert!(error.starts_with("rollout shop/web can't be read"), "{error}");
}
