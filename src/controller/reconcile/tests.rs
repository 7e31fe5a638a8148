//! Reconciles on tokio's paused clock, in a world whose Prometheus hangs.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    act::Effect,
    analysis::HistoryRequest,
    api::Phase,
    controller::{
        Memory, Queue, WriteError,
        queue::{Ended, Failure},
        slots::Slots,
        turn::{QueuedTurn, Room, Undisturbed},
    },
    measure::MeasureRequest,
    model::{Key, SystemClock, VERB_ANNOTATION},
    observe::{Cache, Cluster, Kind, snapshot},
    plan::QueryToCheck,
};

const OBJECTS: &str = "
- {apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: NS, uid: NS-d, generation: 1, resourceVersion: '1', labels: {siskin.dev/managed: 'true'}},
    spec: {replicas: 2, paused: true, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: app, image: v2}]}}},
    status: {observedGeneration: 1, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2}}
- {apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: web-s, namespace: NS, uid: NS-r, resourceVersion: '1', labels: {app: web, pod-template-hash: s},
      ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: NS-d, controller: true}]},
    spec: {replicas: 2, template: {metadata: {labels: {app: web, pod-template-hash: s}}, spec: {containers: [{name: app, image: v1}]}}}, status: {replicas: 2, readyReplicas: 2}}
- {apiVersion: apps/v1, kind: Deployment, metadata: {name: web-canary, namespace: NS, uid: NS-c, generation: 1, resourceVersion: '1',
      ownerReferences: [{apiVersion: siskin.dev/v1alpha1, kind: Rollout, name: web, uid: NS-o, controller: true}]},
    spec: {replicas: 1, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: app, image: v2}]}}},
    status: {observedGeneration: 1, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1}}
- {apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: web-canary-n, namespace: NS, uid: NS-n, resourceVersion: '1', labels: {app: web, pod-template-hash: new},
      ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web-canary, uid: NS-c, controller: true}]},
    spec: {replicas: 1, template: {metadata: {labels: {app: web, pod-template-hash: new}}, spec: {containers: [{name: app, image: v2}]}}}, status: {replicas: 1, readyReplicas: 1}}
- {apiVersion: v1, kind: Service, metadata: {name: web, namespace: NS, uid: NS-s, resourceVersion: '1'}, spec: {selector: {app: web, pod-template-hash: s}, ports: [{name: http, port: 80}]}}
- {apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: web, namespace: NS, uid: NS-h, generation: 1, resourceVersion: '1'},
    spec: {rules: [{name: main, backendRefs: [{name: web, port: 80, weight: 90}, {name: web-canary, port: 80, weight: 10}]}]}}
- {apiVersion: siskin.dev/v1alpha1, kind: AnalysisTemplate, metadata: {name: http, namespace: NS, uid: NS-t, resourceVersion: '1'},
    spec: {metrics: [{name: errors, errorRate: {requests: 'requests{hash=\"{{ revision }}\"}', errors: 'errors'}}]}}
- {apiVersion: siskin.dev/v1alpha1, kind: Rollout, metadata: {name: web, namespace: NS, uid: NS-o, generation: 1, resourceVersion: '1', creationTimestamp: '2026-01-02T00:00:00Z', finalizers: [siskin.dev/finalizer]},
    spec: {workloadRef: {apiVersion: apps/v1, kind: Deployment, name: web}, traffic: {service: web, routes: [{kind: HTTPRoute, name: web}]},
      strategy: {canary: {steps: [{weight: 10}, {weight: 50}]}}, analysis: {templates: [{name: http}]}},
    status: {phase: Progressing, stableRevision: s, canaryRevision: new, runs: 1, step: {index: 0, count: 2, position: 1/2}, weight: {desired: 10, applied: 10},
      run: {startedAt: '2026-01-03T00:00:00.000000Z', since: '2026-01-03T00:01:00.000000Z', reachedAt: '2026-01-03T00:01:10.000000Z', pinned: true},
      routes: [{kind: HTTPRoute, name: web, before: {}}]}}
";

/// A cluster of shops in mid-run, and a Prometheus that never answers.
#[derive(Clone, Default)]
struct HangingPrometheus {
    cache: Arc<Cache>,
    memory: Arc<Memory>,
    /// When the canary of a namespace was taken off the route.
    lowered: Arc<Mutex<BTreeMap<String, Instant>>>,
    asked: Arc<Mutex<HashMap<String, usize>>>,
}

#[derive(Debug, thiserror::Error)]
#[error("nothing fails here")]
struct Nothing;

impl HangingPrometheus {
    fn shop(&self, namespace: &str) {
        let objects: Vec<Value> =
            serde_saphyr::from_str(&OBJECTS.replace("NS", namespace)).expect("the test's YAML is a list");
        for object in objects {
            let text = |field: &str| object[field].as_str().expect("the object says what it is").to_owned();
            let kind = Kind::of(&text("apiVersion"), &text("kind")).expect("a kind that is watched");
            self.cache.put(kind, object);
        }
    }

    fn change(&self, namespace: &str, change: impl FnOnce(&mut Value)) {
        let rollout = self.cache.read().get(Kind::Rollout, namespace, "web").expect("the Rollout is there");
        let mut rollout = rollout.value().clone();
        change(&mut rollout);
        let version: u64 =
            rollout["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok()).expect("a number");
        rollout["metadata"]["resourceVersion"] = json!((version + 1).to_string());
        self.cache.put(Kind::Rollout, rollout);
    }

    fn abort(&self, namespace: &str) {
        let request = json!({"id": "1", "verb": "abort", "by": "mia", "at": "2026-01-03T00:02:00Z"}).to_string();
        self.change(namespace, |rollout| rollout["metadata"]["annotations"] = json!({VERB_ANNOTATION: request}));
    }

    fn asked(&self, namespace: &str) -> usize {
        self.asked.lock().unwrap().get(namespace).copied().unwrap_or(0)
    }
}

impl WriteError for Nothing {
    fn is_conflict(&self) -> bool {
        false
    }
}

impl World for HangingPrometheus {
    type Error = Nothing;

    fn memory(&self) -> &Memory {
        &self.memory
    }

    fn observe(&self, key: &RolloutKey) -> Option<Observed> {
        let kinds = [Kind::HttpRoute, Kind::VirtualService, Kind::DestinationRule].into();
        let cluster = Cluster { admission_hold: true, kinds, ..Cluster::default() };
        let mut observed = snapshot(&self.cache, &key.namespace, &key.name, &cluster)?;
        observed.endpoints.service = ["web-s-1".to_owned(), "web-s-2".to_owned()].into();
        observed.endpoints.canary = ["web-canary-n-1".to_owned()].into();
        Some(observed)
    }

    async fn measure(&self, key: &RolloutKey, _: &MeasureRequest) -> Measurement {
        *self.asked.lock().unwrap().entry(key.namespace.clone()).or_default() += 1;
        std::future::pending().await
    }

    async fn history(&self, _: &HistoryRequest) -> Vec<Measurement> {
        std::future::pending().await
    }

    fn checked(&self, _: &[QueryToCheck]) -> Option<Vec<Refusal>> {
        None
    }

    async fn check(&self, queries: &[QueryToCheck]) -> Vec<Refusal> {
        if queries.is_empty() { Vec::new() } else { std::future::pending().await }
    }

    async fn troubles(&self, _: &str, _: &str) -> Vec<String> {
        Vec::new()
    }

    async fn pods(&self, _: &str, _: &BTreeMap<String, String>) -> Option<Vec<SeenPod>> {
        None
    }

    async fn refresh(&self, _: &[Key]) {}

    async fn perform(&self, key: &RolloutKey, effect: &Effect) -> Result<(), Nothing> {
        match effect {
            Effect::Patch { target, .. } if target.kind == "HTTPRoute" => {
                self.lowered.lock().unwrap().insert(key.namespace.clone(), Instant::now());
            }
            Effect::Status(status) => {
                let status = serde_json::to_value(status).expect("a status is JSON");
                self.change(&key.namespace, |rollout| rollout["status"] = status);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Runs a queue over this world for as long as `story` lasts.
async fn with_queue<T>(world: &HangingPrometheus, queue: &Queue, asking: usize, story: impl Future<Output = T>) -> T {
    let stop = CancellationToken::new();
    let room = Room { asking: Slots::new(asking), acting: Slots::new(2) };
    let working = queue.run(2, &stop, |key, running| {
        let (world, room) = (world.clone(), room.clone());
        async move {
            let turn = QueuedTurn { running, room, namespace: key.namespace.clone() };
            match reconcile(&world, &key, &SystemClock, &turn).await {
                Ok(Some(again)) => Ended::Again(again),
                Ok(None) => Ended::Gone,
                Err(_) => Ended::Failed(Failure::default()),
            }
        }
    });
    tokio::select! {
        () = working => unreachable!("nobody stops it"),
        result = story => result,
    }
}

fn key(namespace: &str) -> RolloutKey {
    RolloutKey::new(namespace, "web")
}

#[tokio::test(start_paused = true)]
async fn an_abort_is_done_within_a_second_while_forty_rollouts_hang_in_prometheus() {
    let (world, queue) = (HangingPrometheus::default(), Queue::new());
    let namespaces: Vec<String> = (0..40).map(|number| format!("shop-{number}")).collect();
    for namespace in &namespaces {
        world.shop(namespace);
        queue.wake(key(namespace));
    }
    // Both one that has a slot, and one that waits for a slot.
    with_queue(&world, &queue, 8, async {
        sleep(Duration::from_secs(3)).await;
        let asking = namespaces.iter().filter(|namespace| world.asked(namespace) > 0).count();
        assert_eq!(asking, 8, "as many hang as there are slots");
        assert!(world.lowered.lock().unwrap().is_empty());
        for namespace in &namespaces {
            let said = Instant::now();
            world.abort(namespace);
            queue.wake(key(namespace));
            sleep(Duration::from_secs(1)).await;
            let lowered = world.lowered.lock().unwrap().get(namespace).copied();
            assert!(lowered.is_some_and(|at| at - said < Duration::from_secs(1)), "{namespace}: {lowered:?}");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_deleted_rollout_is_cleaned_up_while_prometheus_hangs() {
    let (world, queue) = (HangingPrometheus::default(), Queue::new());
    world.shop("shop");
    queue.wake(key("shop"));
    with_queue(&world, &queue, 1, async {
        sleep(Duration::from_secs(3)).await;
        world.change("shop", |rollout| rollout["metadata"]["deletionTimestamp"] = json!("2026-01-03T00:02:00Z"));
        queue.wake(key("shop"));
        sleep(Duration::from_secs(1)).await;
        assert!(world.lowered.lock().unwrap().contains_key("shop"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_weight_is_lowered_while_prometheus_hangs_and_the_look_goes_on() {
    let (world, queue) = (HangingPrometheus::default(), Queue::new());
    world.shop("shop");
    queue.wake(key("shop"));
    with_queue(&world, &queue, 1, async {
        sleep(Duration::from_secs(3)).await;
        assert!(world.lowered.lock().unwrap().is_empty());
        // Somebody writes more weight into the route than the step has.
        let route = world.cache.read().get(Kind::HttpRoute, "shop", "web").expect("the route is there");
        let mut route = route.value().clone();
        route["metadata"]["resourceVersion"] = json!("2");
        route["spec"]["rules"][0]["backendRefs"] =
            json!([{"name": "web", "port": 80, "weight": 20}, {"name": "web-canary", "port": 80, "weight": 80}]);
        world.cache.put(Kind::HttpRoute, route);
        queue.wake(key("shop"));
        sleep(Duration::from_secs(1)).await;
        assert!(world.lowered.lock().unwrap().contains_key("shop"), "the route is repaired");
        assert_eq!(world.asked("shop"), 1, "the look under way was not given up for that");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_decided_before_prometheus_has_answered() {
    let world = HangingPrometheus::default();
    world.shop("shop");
    let reconciled = timeout(Duration::from_mins(1), reconcile(&world, &key("shop"), &SystemClock, &Undisturbed)).await;
    assert!(reconciled.is_err(), "it waits for the look that is due");
    let rollout = world.observe(&key("shop")).expect("the Rollout is there").rollout;
    assert_eq!(rollout.status.expect("a status").phase, Phase::Progressing);
}

#[test]
fn a_reconcile_that_waits_for_a_slot_is_small() {
    let world = HangingPrometheus::default();
    let rollout = key("shop");
    let waiting = reconcile(&world, &rollout, &SystemClock, &Undisturbed);
    let size = size_of_val(&waiting);
    assert!(size < 4_096, "{size} bytes, times 10,000 Rollouts");
}
