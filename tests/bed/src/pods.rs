//! The pods of a namespace, and telling them to go bad or to get well while they run.

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;

use crate::bed::http_client;
use crate::namespace::Namespace;

/// The applications' port where a manifest says nothing else.
const PORT: u16 = 8080;

impl Namespace {
    /// The pods that a label selector matches and that are not ending.
    ///
    /// # Panics
    /// When the API server does not answer.
    pub async fn pods(&self, selector: &str) -> Vec<Pod> {
        let listed = self.api::<Pod>().list(&ListParams::default().labels(selector)).await;
        let listed = listed.unwrap_or_else(|error| panic!("the pods of {} could not be listed: {error}", self.name()));
        listed.items.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect()
    }

    /// Changes how the application in a pod answers from now on: `error_rate=0.3&latency_ms=20`.
    ///
    /// # Panics
    /// When the pod has no address, or its application refuses.
    pub async fn change(&self, pod: &Pod, to: &str) {
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        let address = pod.status.as_ref().and_then(|status| status.pod_ip.as_deref());
        let address = address.unwrap_or_else(|| panic!("the pod {name} has no address yet"));
        let url = format!("http://{address}:{PORT}/behaviour?{to}");
        let answer = http_client().put(&url).send().await.and_then(reqwest::Response::error_for_status);
        if let Err(error) = answer {
            panic!("the pod {name} did not take {to}: {error}");
        }
    }
}
