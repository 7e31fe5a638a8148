//! Tests of what keeps a Rollout from working: every reason of `Ready=False`, its sentence, and that nothing is touched.
//! Whole runs are driven in `tests/contract.rs` and, on real servers, in `tests/e2e`.

mod field;

use serde_json::{Value, json};

use super::*;
use crate::{
    api::{RolloutStatus, VerbAnswer, condition},
    model::VERB_ANNOTATION,
    observe::{Cache, Cluster, Kind, Refusal, snapshot},
};

const DEPLOYMENT: &str =
    "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop, uid: d, generation: 1},
  spec: {replicas: 2, selector: {matchLabels: {app: web}},
    template: {metadata: {labels: {app: web, tier: front}}, spec: {containers: [{name: app, image: v1}]}}},
  status: {observedGeneration: 1, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2}}";
const REPLICA_SET: &str = "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: web-s, namespace: shop, uid: r,
    labels: {app: web, tier: front, pod-template-hash: s},
    ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: d, controller: true}]},
  spec: {replicas: 2, template: {metadata: {labels: {app: web, tier: front, pod-template-hash: s}},
    spec: {containers: [{name: app, image: v1}]}}}, status: {replicas: 2, readyReplicas: 2}}";
const SERVICE: &str = "{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop, uid: s},
  spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}}";
const HTTP_ROUTE: &str = "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: web, namespace: shop, uid: h, generation: 1},
  spec: {rules: [{name: main, backendRefs: [{name: web, port: 80}]}]}}";
const VIRTUAL_SERVICE: &str =
    "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: web, namespace: shop, uid: v},
  spec: {hosts: [web], http: [{name: main, route: [{destination: {host: web, subset: front}}]}]}}";
const DESTINATION_RULE: &str =
    "{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: web, namespace: shop, uid: x},
  spec: {host: web, subsets: [{name: front, labels: {tier: front}}, {name: all, labels: {app: web}}]}}";
const TEMPLATE: &str =
    "{apiVersion: siskin.dev/v1alpha1, kind: AnalysisTemplate, metadata: {name: http, namespace: shop, uid: t},
  spec: {metrics: [{name: errors, errorRate: {requests: 'requests{hash=\"{{ revision }}\"}', errors: 'errors'}}]}}";
const ROLLOUT: &str = "{apiVersion: siskin.dev/v1alpha1, kind: Rollout,
  metadata: {name: web, namespace: shop, uid: o, generation: 1, creationTimestamp: '2026-01-02T00:00:00Z'},
  spec: {workloadRef: {apiVersion: apps/v1, kind: Deployment, name: web},
    traffic: {service: web, routes: [{kind: HTTPRoute, name: web}]},
    strategy: {canary: {steps: [{weight: 5}, {weight: 50}]}}, analysis: {templates: [{name: http}]}}}";

/// A shop where everything is as it must be, and that a test takes something from.
struct Shop {
    objects: Vec<Value>,
    cluster: Cluster,
    refusals: Vec<Refusal>,
}

impl Shop {
    fn new() -> Self {
        let texts =
            [DEPLOYMENT, REPLICA_SET, SERVICE, HTTP_ROUTE, VIRTUAL_SERVICE, DESTINATION_RULE, TEMPLATE, ROLLOUT];
        let objects = texts.map(|text| serde_saphyr::from_str(text).expect("the test's YAML is an object")).into();
        let kinds = [Kind::HttpRoute, Kind::VirtualService, Kind::DestinationRule].into();
        Self { objects, cluster: Cluster { admission_hold: true, verified_askers: true, kinds }, refusals: Vec::new() }
    }

    fn without(mut self, kind: &str) -> Self {
        self.objects.retain(|object| object["kind"] != kind);
        self
    }

    fn with(mut self, text: &str) -> Self {
        self.objects.push(serde_saphyr::from_str(text).expect("the test's YAML is an object"));
        self
    }

    /// Changes the object of a kind at a JSON pointer.
    fn set(mut self, kind: &str, pointer: &str, value: Value) -> Self {
        let object = self.objects.iter_mut().find(|object| object["kind"] == kind).expect("the kind is there");
        let (parent, field) = pointer.rsplit_once('/').expect("a pointer has a slash");
        object.pointer_mut(parent).expect("the parent is there")[field] = value;
        self
    }

    /// Splits by the VirtualService instead of the HTTPRoute.
    fn by_subsets(self) -> Self {
        self.set("Rollout", "/spec/traffic/routes", json!([{"kind": "VirtualService", "name": "web"}]))
    }

    fn observe(&self) -> Observed {
        let cache = Cache::new();
        for object in &self.objects {
            let text = |field: &str| object[field].as_str().expect("the object says what it is");
            cache.put(Kind::of(text("apiVersion"), text("kind")).expect("a kind that is watched"), object.clone());
        }
        let mut observed = snapshot(&cache, "shop", "web", &self.cluster).expect("the Rollout is there");
        observed.refusals.clone_from(&self.refusals);
        observed
    }

    fn plan(&self) -> Plan {
        decide(&self.observe(), "2026-01-03T00:00:00Z".parse().expect("a time"))
    }
}

fn status(plan: &Plan) -> RolloutStatus {
    let written = plan.effects.iter().find_map(|effect| match effect {
        Effect::Status(status) => Some(status.as_ref().clone()),
        _ => None,
    });
    written.expect("the status is written")
}

#[test]
fn a_shop_that_has_everything_is_ready() {
    for shop in [Shop::new(), Shop::new().by_subsets()] {
        let status = status(&shop.plan());
        let ready = status.conditions.iter().find(|known| known.type_ == condition::READY).expect("Ready is said");
        assert_eq!(ready.status, "True", "{}", ready.message);
        assert_eq!(status.stable_revision.as_deref(), Some("s"));
    }
}

#[test]
fn every_reason_has_a_sentence_that_says_what_to_do_and_nothing_is_touched() {
    let refusal = |address| Refusal { metric: "http/errors".into(), address, text: "its own words".into() };
    let rival = ROLLOUT.replace("name: web, namespace: shop, uid: o", "name: older, namespace: shop, uid: p");
    let rival = rival.replace("2026-01-02", "2026-01-01");
    let taken = DEPLOYMENT.replace("name: web, namespace", "name: web-canary, namespace");
    let second =
        VIRTUAL_SERVICE.replace("name: web, namespace", "name: two, namespace").replace("subset: front", "subset: all");
    let both = json!([{"kind": "VirtualService", "name": "web"}, {"kind": "VirtualService", "name": "two"}]);
    let route = |value| Shop::new().set("HTTPRoute", "/spec/rules", value);
    let virtual_service = |value| Shop::new().by_subsets().set("VirtualService", "/spec/http", value);
    let cases = [
        ("WorkloadNotFound", "create it", Shop::new().without("Deployment")),
        (
            "WorkloadUpdating",
            "when all its pods are available",
            Shop::new().set("Deployment", "/status/availableReplicas", json!(1)),
        ),
        ("WorkloadTaken", "delete one of the two", Shop::new().with(&rival)),
        ("ServiceNotFound", "create it", Shop::new().without("Service")),
        ("ServiceSelectsOthers", "app=other", Shop::new().set("Service", "/spec/selector/app", json!("other"))),
        ("ServiceWithoutSelector", "web", Shop::new().set("Service", "/spec/selector", json!({}))),
        ("ServiceIsExternalName", "web", Shop::new().set("Service", "/spec/type", json!("ExternalName"))),
        ("RouteNotFound", "create it", Shop::new().without("HTTPRoute")),
        (
            "RouteDoesNotSendToService",
            "web",
            route(json!([{"name": "main", "backendRefs": [{"name": "other", "port": 80}]}])),
        ),
        ("RuleNotFound", "gone", Shop::new().set("Rollout", "/spec/traffic/routes/0/rules", json!(["gone"]))),
        (
            "WeightTooCoarse",
            "weight",
            route(
                json!([{"name": "main", "backendRefs": [{"name": "web", "port": 80, "weight": 1}, {"name": "other", "port": 80, "weight": 1}]}]),
            ),
        ),
        ("DestinationRuleNotFound", "front", Shop::new().by_subsets().without("DestinationRule")),
        (
            "SubsetNotFound",
            "gone",
            virtual_service(json!([{"route": [{"destination": {"host": "web", "subset": "gone"}}]}])),
        ),
        (
            "MixedLevels",
            "subset",
            virtual_service(json!([
                {"name": "a", "route": [{"destination": {"host": "web", "subset": "front"}}]},
                {"name": "b", "route": [{"destination": {"host": "web"}}]}
            ])),
        ),
        ("SeveralSubsets", "all", Shop::new().set("Rollout", "/spec/traffic/routes", both).with(&second)),
        ("NameTaken", "rename or delete it", Shop::new().with(&taken)),
        ("TemplateNotFound", "create one", Shop::new().without("AnalysisTemplate")),
        (
            "TemplateInvalid",
            "revison",
            Shop::new().set(
                "AnalysisTemplate",
                "/spec/metrics/0/errorRate/requests",
                json!("requests{hash=\"{{ revison }}\"}"),
            ),
        ),
        (
            "TemplateInvalid",
            "spec.analysis.args",
            Shop::new().set("AnalysisTemplate", "/spec/args", json!([{"name": "port"}])),
        ),
        ("QueryRefused", "its own words", Shop { refusals: vec![refusal(false)], ..Shop::new() }),
        ("AddressNotAllowed", "its own words", Shop { refusals: vec![refusal(true)], ..Shop::new() }),
        (
            "RouteKindNotInstalled",
            "install its CRDs",
            Shop { cluster: Cluster { kinds: [].into(), ..Shop::new().cluster }, ..Shop::new().without("HTTPRoute") },
        ),
        (
            "HoldNotAvailable",
            "hold: Always",
            Shop {
                cluster: Cluster { admission_hold: false, ..Shop::new().cluster },
                ..Shop::new().set("Rollout", "/spec/hold", json!("Admission"))
            },
        ),
    ];
    for (reason, words, shop) in cases {
        let plan = shop.plan();
        let status = status(&plan);
        let ready = status.conditions.iter().find(|known| known.type_ == condition::READY).expect("Ready is said");
        assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("False", reason), "{}", ready.message);
        assert!(ready.message.contains(words), "{reason}: {}", ready.message);
        assert_eq!(plan.effects.len(), 1, "{reason}: nothing may be touched: {:?}", plan.effects);
    }
}

#[test]
fn a_template_that_would_leave_the_users_subset_empty_is_refused_before_anything_starts() {
    let known = json!({"phase": "Idle", "stableRevision": "s"});
    let shop = Shop::new().by_subsets().set("Rollout", "/status", known).set(
        "Deployment",
        "/spec/template/metadata/labels",
        json!({"app": "web"}),
    );
    let status = status(&shop.plan());
    let ready = status.conditions.iter().find(|known| known.type_ == condition::READY).expect("Ready is said");
    assert_eq!(ready.reason, "SubsetWouldBeEmpty", "{}", ready.message);
    assert_eq!(status.runs, 0);
}

/// The answer to a verb that is asked for while the Rollout is idle.
fn answered(shop: Shop, request: &Value) -> VerbAnswer {
    let known = json!({"phase": "Idle", "stableRevision": "s"});
    let annotations = json!({VERB_ANNOTATION: request.to_string()});
    let shop = shop.set("Rollout", "/status", known).set("Rollout", "/metadata/annotations", annotations);
    status(&shop.plan()).last_verb.expect("each request is answered")
}

#[test]
fn a_verb_for_another_revision_than_the_one_that_is_there_is_refused() {
    let asked = |revision: Value| {
        let request = json!({"verb": "promoteFull", "id": "1", "by": "alice", "at": "now", "revision": revision});
        let answer = answered(Shop::new(), &request);
        assert!(!answer.accepted);
        answer.message
    };
    let other = asked(json!("7d5c9f6b8"));
    assert!(other.contains("asked for canary revision 7d5c9f6b8, and there is no canary now"), "{other}");
    for same in [json!(""), Value::Null] {
        assert!(asked(same).contains("makes no sense now: the Rollout is idle"));
    }
}

#[test]
fn who_asked_is_called_a_claim_where_the_api_server_has_not_said_it() {
    let request = json!({"verb": "abort", "id": "1", "by": "alice", "at": "now"});
    assert_eq!(answered(Shop::new(), &request).request.by, "alice");
    let claimed = Shop { cluster: Cluster { verified_askers: false, ..Shop::new().cluster }, ..Shop::new() };
    assert_eq!(answered(claimed, &request).request.by, "alice (by their own word)");
}
