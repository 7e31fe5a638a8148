//! Every weight that a route ever had, from a watch that never ends before the test does.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::StreamExt;
use kube::{
    Api,
    api::{ApiResource, DynamicObject},
    runtime::{WatchStreamExt, watcher},
};
use serde_json::Value;
use siskin_bed::{AuditEvent, AuditMark};
use tokio::task::JoinHandle;

use super::shop::Shop;

/// How long a repaired route may take: a second, and a second for a busy machine.
const REPAIR: Duration = Duration::from_secs(2);

/// A watch on a route.
pub struct Weights {
    seen: Arc<Mutex<BTreeSet<i64>>>,
    task: JoinHandle<()>,
}

impl Weights {
    /// Every share of the canary that the route ever had, in percent.
    pub fn stop(self) -> BTreeSet<i64> {
        self.task.abort();
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Shop {
    /// Follows the shop's HTTPRoute.
    pub fn watch_route_weights(&self) -> Weights {
        let routes = self.routes();
        let seen = Arc::new(Mutex::new(BTreeSet::new()));
        let kept = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let mut events = watcher(routes, watcher::Config::default()).default_backoff().applied_objects().boxed();
            while let Some(event) = events.next().await {
                if let Ok(route) = event {
                    kept.lock().unwrap_or_else(PoisonError::into_inner).insert(canary_weight(&route.data));
                }
            }
        });
        Weights { seen, task }
    }

    /// Waits until the route has the split again after somebody wrote it, which must not take longer than a moment.
    pub async fn split_is_back(&self, percent: i64) {
        let mut events = watcher(self.routes(), watcher::Config::default()).default_backoff().applied_objects().boxed();
        let repaired = async {
            while let Some(event) = events.next().await {
                if event.is_ok_and(|route| canary_weight(&route.data) == percent) {
                    return;
                }
            }
        };
        assert!(
            tokio::time::timeout(REPAIR, repaired).await.is_ok(),
            "the route was not repaired to {percent} % within {REPAIR:?}"
        );
    }

    /// How many writes of Siskin the shop's routes have had since then.
    pub fn patches_of_routes(&self, mark: AuditMark) -> usize {
        let events = self.namespace.bed().audit_since(mark).into_iter();
        let ours = |event: &AuditEvent| {
            event.is_write()
                && event.resource == "httproutes"
                && event.namespace == self.namespace.name()
                && event.user.contains("siskin")
        };
        events.filter(ours).count()
    }

    fn routes(&self) -> Api<DynamicObject> {
        let resource = ApiResource {
            group: "gateway.networking.k8s.io".to_owned(),
            version: "v1".to_owned(),
            api_version: "gateway.networking.k8s.io/v1".to_owned(),
            kind: "HTTPRoute".to_owned(),
            plural: "httproutes".to_owned(),
        };
        Api::namespaced_with(self.namespace.client(), self.namespace.name(), &resource)
    }
}

/// The canary's share in the rule named `main`, in percent.
fn canary_weight(route: &Value) -> i64 {
    let rules = route["spec"]["rules"].as_array().map(Vec::as_slice).unwrap_or_default();
    let main = rules.iter().find(|rule| rule["name"] == "main");
    let backends = main.and_then(|rule| rule["backendRefs"].as_array()).map(Vec::as_slice).unwrap_or_default();
    backends
        .iter()
        .find(|backend| backend["name"] == "web-canary")
        .and_then(|backend| backend["weight"].as_i64())
        .unwrap_or(0)
}
