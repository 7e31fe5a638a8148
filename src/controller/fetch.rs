//! Reads what the cache had left out because no Rollout named it, once a Rollout does.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::{Api, Client, api::ListParams, core::Selector};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::{Queue, RolloutKey, watched::Watched};
use crate::{
    act::resource,
    observe::{Cache, Kind, Wanted},
};

/// How many are read at once: a thousand Rollouts that come at once must not keep the API server busy.
const AT_ONCE: usize = 8;
/// How long one may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long until one that failed is read again, at first and at most.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

/// Reads what is wanted.
#[derive(Clone)]
pub(super) struct Fetcher {
    client: Client,
    cache: Arc<Cache>,
    queue: Queue<RolloutKey>,
    slots: Arc<Semaphore>,
}

impl Fetcher {
    pub(super) fn new(client: Client, cache: Arc<Cache>, queue: Queue<RolloutKey>) -> Self {
        Self { client, cache, queue, slots: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Begins to read what is wanted by now.
    pub(super) fn fetch_wanted(&self) {
        for wanted in self.cache.wanted() {
            let fetcher = self.clone();
            tokio::spawn(async move { fetcher.fetch(&wanted).await });
        }
    }

    /// Reads something until it could be read or nobody wants it any more, and wakes the Rollouts that have waited.
    async fn fetch(&self, wanted: &Wanted) {
        let [mut pause, longest] = PAUSES;
        while self.cache.wants(wanted) {
            let read = async {
                let _slot = self.slots.acquire().await;
                tokio::time::timeout(TIMEOUT, self.read(wanted)).await.context("the API server does not answer")?
            };
            match read.await {
                Ok(objects) => {
                    for rollout in self.cache.answer(wanted, objects) {
                        self.queue.wake(rollout);
                    }
                    return;
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::warn!(?wanted, error, "what a Rollout names can't be read; it waits");
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }

    async fn read(&self, wanted: &Wanted) -> anyhow::Result<Vec<(Kind, Value)>> {
        match wanted {
            Wanted::Deployment { namespace, name } => {
                let Some(deployment) = self.api(Kind::Deployment, namespace).get_opt(name).await? else {
                    return Ok(Vec::new());
                };
                // The API server refuses a Deployment without a selector.
                let selector: Selector =
                    LabelSelector::deserialize(&deployment.json["spec"]["selector"])?.try_into()?;
                let mut objects = vec![(Kind::Deployment, deployment.json)];
                let parameters = ListParams::default().labels_from(&selector);
                objects.extend(self.list(Kind::ReplicaSet, namespace, &parameters).await?);
                Ok(objects)
            }
            Wanted::EndpointSlices { namespace, service } => {
                let parameters = ListParams::default().labels(&format!("kubernetes.io/service-name={service}"));
                self.list(Kind::EndpointSlice, namespace, &parameters).await
            }
        }
    }

    async fn list(&self, kind: Kind, namespace: &str, parameters: &ListParams) -> anyhow::Result<Vec<(Kind, Value)>> {
        let list = self.api(kind, namespace).list(parameters).await?;
        Ok(list.items.into_iter().map(|object| (kind, object.json)).collect())
    }

    fn api(&self, kind: Kind, namespace: &str) -> Api<Watched> {
        Api::namespaced_with(self.client.clone(), namespace, &resource(kind))
    }
}
