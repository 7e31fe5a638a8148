//! Waits by watches, with limits that a busy machine keeps.

use std::fmt::Debug;
use std::time::Duration;

use anyhow::{Context, bail};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::runtime::{WatchStreamExt, watcher};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How long a test waits for anything that should take seconds.
pub(crate) const LIMIT: Duration = Duration::from_mins(2);

/// Follows one object until `is_so` holds for it (`None`: it does not exist). `Err` has its last state.
pub(crate) async fn until<K>(
    api: Api<K>,
    name: &str,
    limit: Duration,
    is_so: impl Fn(Option<&K>) -> bool,
) -> Result<Option<K>, Option<K>>
where
    K: kube::Resource + Clone + Debug + DeserializeOwned + Send + 'static,
    K::DynamicType: Default,
{
    until_with(watcher::watch_object(api, name).boxed(), limit, is_so).await
}

/// As [`until`], on a stream that somebody else opened.
pub(crate) async fn until_with<K: Clone>(
    mut states: futures::stream::BoxStream<'static, watcher::Result<Option<K>>>,
    limit: Duration,
    is_so: impl Fn(Option<&K>) -> bool,
) -> Result<Option<K>, Option<K>> {
    let mut last = None;
    let follow = async {
        while let Some(state) = states.next().await {
            // The watch opens itself again after an error.
            let Ok(state) = state else {
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            };
            last.clone_from(&state);
            if is_so(state.as_ref()) {
                return;
            }
        }
    };
    match tokio::time::timeout(limit, follow).await {
        Ok(()) => Ok(last),
        Err(_) => Err(last),
    }
}

/// The first object of a selection for which `is_so` holds.
pub(crate) async fn for_any<K>(
    api: Api<K>,
    selection: watcher::Config,
    is_so: impl Fn(&K) -> bool,
) -> anyhow::Result<K>
where
    K: kube::Resource + Clone + Debug + DeserializeOwned + Send + 'static,
    K::DynamicType: Default,
{
    let objects = watcher::watcher(api, selection)
        .default_backoff()
        .applied_objects();
    let mut found = std::pin::pin!(objects.try_filter(|object| std::future::ready(is_so(object))));
    match tokio::time::timeout(LIMIT, found.next()).await {
        Ok(Some(object)) => object.context("a watch failed"),
        _ => bail!(
            "nothing of the wanted kind and state came to be within {} s",
            LIMIT.as_secs()
        ),
    }
}

pub(crate) fn is_pod_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions
        .into_iter()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Rolled out: the controller has seen this generation, and every pod is new and available.
pub(crate) fn is_rolled_out(deployment: &Deployment) -> bool {
    let wanted = deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.replicas)
        .unwrap_or(1);
    deployment.status.as_ref().is_some_and(|status| {
        status.observed_generation >= deployment.metadata.generation
            && status.replicas.unwrap_or(0) == wanted
            && status.updated_replicas.unwrap_or(0) == wanted
            && status.available_replicas.unwrap_or(0) == wanted
    })
}

/// Whether every parent of a Gateway API route has accepted its present generation and resolved its backends.
pub(crate) fn is_route_accepted(route: &Value) -> bool {
    let generation = &route["metadata"]["generation"];
    let parents = route["status"]["parents"].as_array();
    parents.is_some_and(|parents| {
        !parents.is_empty()
            && parents.iter().all(|parent| {
                ["Accepted", "ResolvedRefs"].iter().all(|kind| {
                    parent["conditions"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .any(|condition| {
                            condition["type"] == *kind
                                && condition["status"] == "True"
                                && condition["observedGeneration"] == *generation
                        })
                })
            })
    })
}
