//! The world of production: the cache, an API server and Prometheus.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use k8s_openapi::{api::core::v1::Pod, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{Api, Client, api::ListParams};

use super::{Memory, World, WriteError, checks::Checks, looks::Looks, metrics::Metrics, troubles};
use crate::{
    act::{Effect, EffectError, Performer},
    analysis::HistoryRequest,
    measure::{self, MeasureRequest, Measurement},
    model::{Clock, Key, Object, RolloutKey},
    observe::{Cache, Cluster, Kind, Observed, Refusal, SeenPod, snapshot},
    plan::QueryToCheck,
};

/// Enough pods to see what is wrong with a Deployment.
const MOST_PODS: u32 = 50;
/// How long the list of them may take.
const LIST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long history may take: a canary waits for it.
const HISTORY_TIMEOUT: Duration = Duration::from_secs(20);

/// What the cluster offers, as far as is known; the watches and the search for the admission policy keep it.
pub(super) type SharedCluster = Arc<RwLock<Cluster>>;

/// A cluster and its Prometheus.
pub(super) struct ClusterWorld {
    pub(super) cache: Arc<Cache>,
    pub(super) cluster: SharedCluster,
    pub(super) client: Client,
    pub(super) performer: Performer,
    pub(super) prometheus: measure::Client,
    pub(super) checks: Checks,
    pub(super) looks: Looks<RolloutKey>,
    pub(super) analysis_looks: Looks<Key>,
    pub(super) memory: Memory,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Arc<dyn Clock>,
}

impl World for ClusterWorld {
    type Error = EffectError;

    fn memory(&self) -> &Memory {
        &self.memory
    }

    fn observe(&self, key: &RolloutKey) -> Option<Observed> {
        let cluster = self.cluster.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut observed = snapshot(&self.cache, &key.namespace, &key.name, &cluster);
        match &mut observed {
            Some(observed) => observed.looked_at = self.looks.last(key),
            None => self.looks.forget(key),
        }
        observed
    }

    async fn measure(&self, key: &RolloutKey, request: &MeasureRequest) -> Measurement {
        let measurement = self.ask(request).await;
        self.looks.took(key, request.at);
        measurement
    }

    async fn history(&self, request: &HistoryRequest) -> Vec<Measurement> {
        let ask = |asked: HistoryRequest| async move {
            measure::history(&self.prometheus, &asked.metrics, asked.window).await
        };
        let answer = tokio::time::timeout(HISTORY_TIMEOUT, request.clone().told(ask)).await;
        answer.unwrap_or_else(|_| {
            tracing::warn!("Prometheus did not tell the history within {} s", HISTORY_TIMEOUT.as_secs());
            Vec::new()
        })
    }

    fn checked(&self, queries: &[QueryToCheck]) -> Option<Vec<Refusal>> {
        self.checks.remembered_refusals(&self.prometheus, queries)
    }

    async fn check(&self, queries: &[QueryToCheck]) -> Vec<Refusal> {
        self.checks.refusals(&self.prometheus, queries, self.clock.now()).await
    }

    async fn troubles(&self, namespace: &str, deployment: &str) -> Vec<String> {
        let Some(deployment) = self.cache.read().get(Kind::Deployment, namespace, deployment) else {
            return vec![format!("the Deployment {deployment} does not exist")];
        };
        match self.pods_of(&deployment).await {
            Ok(pods) => troubles::reasons(&pods),
            Err(error) => vec![format!("the pods of the Deployment {} can't be read: {error}", deployment.name())],
        }
    }

    async fn pods(&self, namespace: &str, labels: &BTreeMap<String, String>) -> Option<Vec<SeenPod>> {
        let selector: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let parameters = ListParams::default().labels(&selector.join(","));
        match tokio::time::timeout(LIST_TIMEOUT, pods.list_metadata(&parameters)).await {
            Ok(Ok(list)) => Some(list.items.iter().map(|pod| seen_pod(&pod.metadata)).collect()),
            Ok(Err(error)) => {
                tracing::warn!(namespace, selector = selector.join(","), %error, "pods can't be read");
                None
            }
            Err(_) => None,
        }
    }

    async fn refresh(&self, targets: &[Key]) {
        for target in targets {
            if let Err(error) = self.performer.refresh(target).await {
                tracing::warn!(object = %target, %error, "what is compared could not be read again");
            }
        }
    }

    async fn perform(&self, key: &RolloutKey, effect: &Effect) -> Result<(), EffectError> {
        let performed = self.performer.perform(key, effect).await;
        let result = performed.as_ref().map_or_else(|error| error.problem.word(), |()| "Ok");
        self.metrics.performed(purpose(effect), result);
        match &performed {
            Ok(()) => log(key, effect),
            Err(error) if error.conflict() => tracing::debug!(rollout = %key, %error, "something changed meanwhile"),
            Err(error) => tracing::warn!(rollout = %key, %error, "an effect failed"),
        }
        performed
    }
}

impl WriteError for EffectError {
    fn is_conflict(&self) -> bool {
        self.conflict()
    }

    fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl ClusterWorld {
    /// Asks Prometheus for a look, whosever it is.
    pub(super) async fn ask(&self, request: &MeasureRequest) -> Measurement {
        let measurement = measure::measure(&self.prometheus, request).await;
        self.metrics.measured(&measurement);
        measurement
    }

    /// The pods of a Deployment as JSON, by the labels of its template: of a canary, only its own.
    async fn pods_of(&self, deployment: &Object) -> anyhow::Result<Vec<serde_json::Value>> {
        let labels = deployment.strings("/spec/template/metadata/labels");
        let selector: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let parameters = ListParams::default().labels(&selector.join(",")).limit(MOST_PODS);
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), deployment.namespace());
        let list = tokio::time::timeout(LIST_TIMEOUT, pods.list(&parameters)).await??;
        Ok(list.items.iter().map(serde_json::to_value).collect::<Result<_, _>>()?)
    }
}

fn seen_pod(metadata: &ObjectMeta) -> SeenPod {
    let owners = metadata.owner_references.iter().flatten();
    let controller = owners.filter(|owner| owner.controller == Some(true)).map(|owner| owner.uid.clone()).next();
    SeenPod { name: metadata.name.clone().unwrap_or_default(), controller: controller.unwrap_or_default() }
}

/// The metric's label for an effect.
fn purpose(effect: &Effect) -> String {
    match effect {
        Effect::Patch { purpose, .. }
        | Effect::Create { purpose, .. }
        | Effect::Apply { purpose, .. }
        | Effect::Delete { purpose, .. } => purpose.to_string(),
        Effect::Status(_) => "Status".to_owned(),
        Effect::AnalysisStatus { .. } => "AnalysisStatus".to_owned(),
        Effect::Event(_) => "Event".to_owned(),
    }
}

/// What was written, for the log. Statuses are many, so only what they tell people is logged, as their Event.
fn log(key: &RolloutKey, effect: &Effect) {
    match effect {
        Effect::Patch { target, purpose, .. } => tracing::info!(rollout = %key, %purpose, object = %target, "patched"),
        Effect::Create { object, purpose } => {
            let object = Object::new(object.clone()).key();
            tracing::info!(rollout = %key, %purpose, %object, "created");
        }
        Effect::Apply { object, purpose } => {
            let object = Object::new(object.clone()).key();
            tracing::info!(rollout = %key, %purpose, %object, "applied");
        }
        Effect::Delete { target, purpose, .. } => tracing::info!(rollout = %key, %purpose, object = %target, "deleted"),
        Effect::Status(status) => tracing::debug!(rollout = %key, phase = ?status.phase, "wrote the status"),
        Effect::AnalysisStatus { target, status } => {
            tracing::debug!(rollout = %key, object = %target, phase = ?status.phase, "wrote the status");
        }
        Effect::Event(notice) if notice.warning => {
            tracing::warn!(rollout = %key, reason = notice.reason, "{}", notice.message);
        }
        Effect::Event(notice) => tracing::info!(rollout = %key, reason = notice.reason, "{}", notice.message),
    }
}
