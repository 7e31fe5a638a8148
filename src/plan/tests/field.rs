//! What was met in the field: objects that are missing, refused, made again, shared, or their user's own business. Each
//! is one decision on one snapshot; whole runs are driven in `tests/contract` and on real servers.

use super::*;
use crate::{
    act::Purpose,
    api::{OutcomeKind, Phase},
    model::Key,
    observe::{FailedWrite, SeenPod},
};

const NOW: &str = "2026-01-03T00:00:00Z";

/// A new template that the policy holds.
fn pushed() -> Shop {
    Shop::new()
        .set("Rollout", "/status", json!({"phase": "Idle", "stableRevision": "s", "runs": 0}))
        .set("Deployment", "/metadata/annotations", json!({"siskin.dev/held": "true"}))
        .set("Deployment", "/metadata/labels", json!({"siskin.dev/managed": "true"}))
        .set("Deployment", "/spec/paused", json!(true))
        .set("Deployment", "/spec/template/spec/containers/0/image", json!("v2"))
}

const CANARY: &str =
    "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web-canary, namespace: shop, uid: c, generation: 1,
      ownerReferences: [{apiVersion: siskin.dev/v1alpha1, kind: Rollout, name: web, uid: o, controller: true}]},
  spec: {replicas: 1, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web, tier: front, siskin.dev/variant: canary}},
    spec: {containers: [{name: app, image: v2}]}}}, status: {observedGeneration: 1, replicas: 1, updatedReplicas: 1, readyReplicas: 1}}";
const CANARY_SERVICE: &str = "{apiVersion: v1, kind: Service, metadata: {name: web-canary, namespace: shop, uid: cs,
      ownerReferences: [{apiVersion: siskin.dev/v1alpha1, kind: Rollout, name: web, uid: o, controller: true}]},
  spec: {selector: {app: web, siskin.dev/variant: canary}, ports: [{name: http, port: 80, targetPort: 8080}]}}";
const SECOND_ROUTE: &str = "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: two, namespace: shop, uid: h2, generation: 1},
  spec: {rules: [{backendRefs: [{name: web, port: 80, weight: 50}, {name: web-canary, port: 80, weight: 50}]}]}}";

/// A run at 50 %, on one route and a pinned Service.
fn running() -> Shop {
    pushed()
        .set("Service", "/spec/selector", json!({"app": "web", "pod-template-hash": "s"}))
        .set(
            "HTTPRoute",
            "/spec/rules/0/backendRefs",
            json!([{"name": "web", "port": 80, "weight": 50}, {"name": "web-canary", "port": 80, "weight": 50}]),
        )
        .set("Rollout", "/metadata/finalizers", json!(["siskin.dev/finalizer"]))
        .set(
            "Rollout",
            "/status",
            json!({
                "phase": "Progressing", "stableRevision": "s", "canaryRevision": "n", "runs": 1, "workloadUid": "d",
                "step": {"index": 1, "count": 2, "position": "2/2"}, "weight": {"desired": 50, "applied": 50},
                "run": {"startedAt": "2026-01-02T23:00:00.000000Z", "since": "2026-01-02T23:30:00.000000Z",
                    "reachedAt": "2026-01-02T23:30:10.000000Z", "pinned": true},
                "routes": [{"kind": "HTTPRoute", "name": "web", "before": {"entries": [{"ordinal": 0, "rule": "main", "port": 80, "alone": true}]}}],
            }),
        )
        .with(CANARY)
        .with(CANARY_SERVICE)
}

/// The same on two routes.
fn running_on_two_routes() -> Shop {
    let routes = json!([{"kind": "HTTPRoute", "name": "web"}, {"kind": "HTTPRoute", "name": "two"}]);
    running().set("Rollout", "/spec/traffic/routes", routes).with(SECOND_ROUTE)
}

fn asked(shop: Shop, verb: &str) -> Shop {
    let request = json!({"verb": verb, "id": "1", "by": "sre", "at": NOW}).to_string();
    shop.set("Rollout", "/metadata/annotations", json!({"siskin.dev/verb": request}))
}

/// What a plan writes, as `Purpose kind/name`.
fn writes(plan: &Plan) -> Vec<String> {
    let said = |effect: &Effect| {
        let target = effect.target()?;
        Some(format!("{:?} {}/{}", effect.purpose()?, target.kind, target.name))
    };
    plan.effects.iter().filter_map(said).collect()
}

fn ready(plan: &Plan) -> (String, String) {
    let status = status(plan);
    let ready = status.conditions.iter().find(|known| known.type_ == condition::READY).expect("Ready is said");
    (ready.reason.clone(), ready.message.clone())
}

#[test]
fn a_service_of_two_deployments_is_refused_before_the_pin_takes_pods_out_of_it() {
    let other = DEPLOYMENT.replace("name: web, namespace", "name: web-zone-b, namespace").replace("uid: d", "uid: e");
    let plan = pushed().with(&other).plan();
    let (reason, message) = ready(&plan);
    assert_eq!(reason, "ServiceShared");
    assert!(message.contains("Deployment web-zone-b"), "{message}");
    assert_eq!(writes(&plan), Vec::<String>::new());
}

#[test]
fn endpoints_of_pods_that_nobody_knows_are_a_reason_too() {
    let endpoint = |name: &str| json!({"conditions": {"ready": true}, "targetRef": {"kind": "Pod", "name": name}});
    let endpoints = ["a", "b", "c"].map(endpoint);
    let mut shop = pushed();
    shop.objects.push(json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": "web-x", "namespace": "shop", "uid": "es", "labels": {"kubernetes.io/service-name": "web"}},
        "endpoints": endpoints}));
    let (reason, message) = ready(&shop.plan());
    assert_eq!(reason, "ServiceShared");
    assert!(message.contains("3 ready endpoints") && message.contains("2 pods"), "{message}");
}

#[test]
fn another_service_of_the_same_pods_is_pinned_too_and_remembered() {
    let second = SERVICE.replace("name: web, namespace", "name: web-metrics, namespace").replace("uid: s}", "uid: s2}");
    let plan = pushed().with(&second).plan();
    assert!(writes(&plan).contains(&"Pin Service/web-metrics".to_owned()), "{:?}", writes(&plan));
    assert_eq!(status(&plan).run.expect("a run").pinned_services, ["web-metrics"]);
}

#[test]
fn a_rolling_update_that_may_end_all_pods_is_refused() {
    for strategy in [
        json!({"type": "Recreate"}),
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%", "maxSurge": 1}}),
    ] {
        let (reason, message) = ready(&Shop::new().set("Deployment", "/spec/strategy", strategy).plan());
        assert_eq!(reason, "CapacityWouldBeLost", "{message}");
    }
}

#[test]
fn without_replicas_there_is_no_canary_and_no_endless_run() {
    let plan = pushed().set("Deployment", "/spec/replicas", json!(0)).plan();
    assert_eq!(status(&plan).phase, Phase::Promoting);
    let canary = plan.effects.iter().any(|effect| matches!(effect, Effect::Create { .. }));
    assert!(!canary && writes(&plan).contains(&"Unhold Deployment/web".to_owned()), "{:?}", writes(&plan));
}

#[test]
fn a_pause_of_its_users_own_is_neither_the_beginning_of_a_run_nor_lifted_by_one() {
    let users = pushed().set("Deployment", "/metadata/annotations", json!({}));
    let plan = users.plan();
    assert_eq!((status(&plan).phase, status(&plan).runs), (Phase::Idle, 0));
    assert!(!writes(&plan).iter().any(|write| write.contains("old Deployment")), "{:?}", writes(&plan));
    let promoting = running()
        .set("Deployment", "/metadata/annotations", json!({}))
        .set("Rollout", "/status/phase", json!("Promoting"))
        .set("Service", "/spec/selector", json!({"app": "web"}));
    let plan = promoting.plan();
    assert!(!writes(&plan).contains(&"Unhold Deployment/web".to_owned()), "{:?}", writes(&plan));
    assert!(status(&plan).message.expect("a message").contains("paused by its user"));
}

#[test]
fn a_stable_revision_without_pods_ends_the_run_and_the_service_serves_what_there_is() {
    let plan = running().set("ReplicaSet", "/spec/replicas", json!(0)).plan();
    let status = status(&plan);
    assert_eq!(status.phase, Phase::RollingBack);
    let ending = status.run.and_then(|run| run.ending).expect("it ends");
    assert_eq!((ending.outcome, ending.reason.as_str()), (OutcomeKind::Superseded, "RolledOutUnjudged"));
    assert_eq!(writes(&plan), ["Lower HTTPRoute/web", "Unpin Service/web"]);
}

#[test]
fn a_workload_that_was_made_again_is_another_one() {
    let plan = running().set("Deployment", "/metadata/uid", json!("another")).plan();
    assert_eq!(writes(&plan), ["Lower HTTPRoute/web", "Unpin Service/web"]);
    assert_eq!(status(&plan).run.and_then(|run| run.ending).expect("it ends").reason, "WorkloadReplaced");
    let known = json!({"phase": "Idle", "stableRevision": "s", "workloadUid": "before"});
    let plan = Shop::new().set("Rollout", "/status", known).plan();
    assert_eq!(status(&plan).stable_revision, None, "what was known is of the other one");
}

#[test]
fn the_way_out_is_not_undone() {
    let released = running()
        .set("Deployment", "/metadata/labels", json!({}))
        .set("Deployment", "/metadata/annotations", json!({}))
        .set("Deployment", "/spec/paused", json!(false));
    let plan = released.set("Rollout", "/status/phase", json!("RolledBack")).plan();
    assert!(!writes(&plan).iter().any(|write| write.starts_with("Hold")), "{:?}", writes(&plan));
    assert!(writes(&plan).contains(&"CleanUp Deployment/web-canary".to_owned()), "{:?}", writes(&plan));
}

#[test]
fn a_service_whose_selector_left_the_stable_pods_behind_is_not_pinned_to_nothing() {
    let plan = pushed()
        .set("Service", "/spec/selector", json!({"app": "web", "zone": "b"}))
        .set("Deployment", "/spec/template/metadata/labels", json!({"app": "web", "tier": "front", "zone": "b"}))
        .plan();
    assert!(!writes(&plan).iter().any(|write| write.starts_with("Pin")), "{:?}", writes(&plan));
    assert_eq!(status(&plan).phase, Phase::Promoting);
}

#[test]
fn templates_that_server_side_apply_refuses_are_created_as_they_are() {
    let twice = json!([{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]);
    let plan = pushed().set("Deployment", "/spec/template/spec/containers/0/env", twice.clone()).plan();
    let created = plan.effects.iter().find_map(|effect| match effect {
        Effect::Create { object, .. } => object.pointer("/spec/template/spec/containers/0/env"),
        _ => None,
    });
    assert_eq!(created, Some(&twice), "{:?}", writes(&plan));
}

#[test]
fn what_a_tool_writes_on_the_canary_does_not_make_its_template_another_one() {
    let copied = pushed().plan().effects.into_iter().find_map(|effect| match effect {
        Effect::Create { object, .. } => Some(object),
        _ => None,
    });
    let mut canary = copied.expect("a canary is made");
    canary["metadata"]["uid"] = json!("c");
    canary["spec"]["template"]["metadata"]["annotations"] = json!({"checked": "yes"});
    canary["spec"]["template"]["metadata"]["labels"]["instance"] = json!("web-canary");
    let mut shop = running();
    shop.objects.retain(|object| object["metadata"]["name"] != "web-canary" || object["kind"] != "Deployment");
    shop.objects.push(canary);
    let plan = shop.plan();
    assert!(!writes(&plan).iter().any(|write| write.starts_with("Canary Deployment")), "{:?}", writes(&plan));
    let superseded = plan.effects.iter().any(|effect| matches!(effect, Effect::Status(status) if status.runs > 1));
    assert!(!superseded);
}

#[test]
fn an_abort_lowers_the_routes_that_are_there_though_another_is_gone() {
    let mut shop = asked(running_on_two_routes(), "abort");
    shop.objects.retain(|object| object["metadata"]["uid"] != "h");
    let plan = shop.plan();
    assert_eq!(writes(&plan), ["Lower HTTPRoute/two"]);
    let status = status(&plan);
    assert!(status.last_verb.expect("it is answered").accepted);
    assert_eq!(status.phase, Phase::RollingBack);
}

#[test]
fn a_missing_route_is_said_and_has_a_limit() {
    let mut shop = running_on_two_routes();
    shop.objects.retain(|object| object["metadata"]["uid"] != "h2");
    let plan = shop.plan();
    let (reason, message) = ready(&plan);
    assert_eq!(reason, "RouteNotFound");
    assert!(message.contains("HTTPRoute two"), "{message}");
    assert!(status(&plan).run.expect("it goes on").missing_since.is_some());
    let late = shop.set("Rollout", "/status/run/missingSince", json!("2026-01-02T12:00:00.000000Z"));
    assert_eq!(status(&late.plan()).phase, Phase::Paused, "onNoData says so");
}

#[test]
fn where_a_route_can_not_be_lowered_its_canary_means_the_stable_pods() {
    let mut observed = asked(running(), "abort").observe();
    let now = NOW.parse().expect("a time");
    let route = Key::new("gateway.networking.k8s.io/v1", "HTTPRoute", "shop", "web");
    observed.writes.refused(FailedWrite::new(
        route,
        "can't patch HTTPRoute shop/web: a policy says no",
        false,
        true,
        now,
    ));
    let plan = decide(&observed, now);
    assert_eq!(writes(&plan), ["Lower HTTPRoute/web", "Lower Service/web-canary"]);
    let status = status(&plan);
    let writable = status.conditions.iter().find(|known| known.type_ == condition::WRITABLE).expect("it is said");
    assert!(writable.status == "False" && writable.message.contains("a policy says no"), "{}", writable.message);
    let warned =
        plan.effects.iter().any(|effect| matches!(effect, Effect::Event(notice) if notice.reason == "WriteRefused"));
    assert!(warned);
}

#[test]
fn what_is_refused_for_too_long_ends_the_run_with_the_servers_words() {
    let shop = running().set("Rollout", "/status/run/refusedSince", json!("2026-01-02T12:00:00.000000Z"));
    let mut observed = shop.observe();
    let now = NOW.parse().expect("a time");
    let canary = Key::new("apps/v1", "Deployment", "shop", "web-canary");
    observed.writes.refused(FailedWrite::new(canary, "can't create Deployment: exceeded quota", false, false, now));
    let ending = status(&decide(&observed, now)).run.and_then(|run| run.ending).expect("it ends");
    assert_eq!(ending.reason, "WriteRefused");
    assert!(ending.message.contains("exceeded quota"), "{}", ending.message);
}

#[test]
fn a_deleted_rollout_unpins_the_service_whatever_else_is_missing_and_keeps_its_finalizer_until_then() {
    for gone in ["HTTPRoute", "Deployment"] {
        let shop = running().set("Rollout", "/metadata/deletionTimestamp", json!("2026-01-02T23:59:00Z"));
        let mut shop = shop.set("Rollout", "/status/run/restoredAt", json!("2026-01-02T23:59:00.000000Z"));
        shop.objects.retain(|object| object["kind"] != gone);
        let mut seen = Vec::new();
        // What is written comes to be, one plan after the other.
        for _ in 0..6 {
            let plan = shop.plan();
            seen.extend(writes(&plan));
            if writes(&plan).iter().any(|write| write == "Release Rollout/web") {
                break;
            }
            for effect in plan.effects {
                match effect {
                    Effect::Patch { target, patch, .. } => {
                        let found = shop.objects.iter_mut().find(|object| {
                            object["kind"] == target.kind.as_str() && object["metadata"]["name"] == target.name.as_str()
                        });
                        json_patch::patch(found.expect("it is there"), &patch).expect("it fits");
                    }
                    Effect::Delete { target, .. } => shop.objects.retain(|object| {
                        object["kind"] != target.kind.as_str() || object["metadata"]["name"] != target.name.as_str()
                    }),
                    _ => {}
                }
            }
        }
        let unpinned = seen.iter().position(|write| write == "Unpin Service/web");
        let released = seen.iter().position(|write| write == "Release Rollout/web");
        assert!(unpinned.is_some() && unpinned < released, "without {gone}: {seen:?}");
    }
}

#[test]
fn a_request_that_can_not_be_read_is_answered_once() {
    let shop = running().set("Rollout", "/metadata/annotations", json!({"siskin.dev/verb": "abort!"}));
    let plan = shop.plan();
    let told = |plan: &Plan| {
        plan.effects
            .iter()
            .any(|effect| matches!(effect, Effect::Event(notice) if notice.reason == "RequestNotUnderstood"))
    };
    assert!(told(&plan));
    let again = shop.set("Rollout", "/status/unreadableVerb", json!("abort!"));
    assert!(!told(&again.plan()));
}

#[test]
fn pods_of_a_promotion_are_known_by_their_owner_however_long_the_names_are() {
    let name = "w".repeat(56);
    let pod = |number: u32| format!("{}{number:05}", "w".repeat(58));
    let mut observed = running()
        .set("Rollout", "/status/phase", json!("Promoting"))
        .set("Deployment", "/spec/paused", json!(false))
        .set("Deployment", "/metadata/annotations", json!({}))
        .set("Service", "/spec/selector", json!({"app": "web"}))
        .set("ReplicaSet", "/metadata/name", json!(format!("{name}-abc")))
        .set("ReplicaSet", "/spec/template/spec/containers/0/image", json!("v2"))
        .observe();
    observed.endpoints.service = (0..2).map(pod).collect();
    let now = NOW.parse().expect("a time");
    assert_eq!(status(&decide(&observed, now)).phase, Phase::Promoting, "whose pods they are is not known yet");
    observed.pods = Some((0..2).map(|number| SeenPod { name: pod(number), controller: "r".into() }).collect());
    assert_eq!(status(&decide(&observed, now)).phase, Phase::Finishing);
}

#[test]
fn pods_that_can_not_even_be_made_are_told_in_the_servers_words() {
    let mut shop = running().set("Rollout", "/status/phase", json!("Preparing")).set(
        "Rollout",
        "/status/run/unreadySince",
        json!("2026-01-02T12:00:00.000000Z"),
    );
    let canary = shop.objects.iter_mut().find(|object| object["metadata"]["uid"] == "c").expect("it is there");
    canary["status"] = json!({"observedGeneration": 1, "conditions": [
        {"type": "ReplicaFailure", "status": "True", "message": "pods are forbidden: exceeded quota: small"},
    ]});
    let ending = status(&shop.plan()).run.and_then(|run| run.ending).expect("it ends");
    assert_eq!(ending.reason, "CanaryNotReady");
    assert!(ending.message.contains("exceeded quota: small"), "{}", ending.message);
}

#[test]
fn lowering_waits_for_nobodys_answer() {
    let plan = asked(running(), "abort").plan();
    let lowered = plan.effects.iter().any(|effect| effect.purpose() == Some(Purpose::Lower));
    assert!(lowered && status(&plan).phase == Phase::RollingBack);
}
