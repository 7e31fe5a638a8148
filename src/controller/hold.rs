//! Finds out whether the admission policy that holds workloads is in force, so that `hold: Auto` can choose.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use kube::{Api, Client, api::DynamicObject, core::ApiResource};
use tokio::time::timeout;

use super::cluster_world::SharedCluster;

/// How often a binding that is not there is looked for.
const SEARCH_INTERVAL: Duration = Duration::from_mins(5);
/// How long one look may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Looks for the `MutatingAdmissionPolicyBinding` of this name now and then, until it is there.
pub(super) struct HoldSearch {
    pub(super) client: Client,
    pub(super) binding: String,
    pub(super) cluster: SharedCluster,
}

impl HoldSearch {
    /// One look, with the reason in the log where there is no such policy.
    pub(super) async fn look(&self) -> bool {
        let resource = ApiResource {
            group: "admissionregistration.k8s.io".into(),
            version: "v1".into(),
            api_version: "admissionregistration.k8s.io/v1".into(),
            kind: "MutatingAdmissionPolicyBinding".into(),
            plural: "mutatingadmissionpolicybindings".into(),
        };
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource);
        let why = match timeout(CALL_TIMEOUT, api.get_opt(&self.binding)).await {
            Ok(Ok(Some(_))) => {
                tracing::info!(binding = self.binding, "the admission policy holds workloads");
                self.cluster.write().unwrap_or_else(PoisonError::into_inner).admission_hold = true;
                return true;
            }
            Ok(Ok(None)) => {
                "there is no such MutatingAdmissionPolicyBinding, or no such kind in this cluster".to_owned()
            }
            Ok(Err(kube::Error::Api(status))) if status.code == 403 => {
                format!("reading it is forbidden: {}", status.message)
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the API server does not answer".to_owned(),
        };
        tracing::info!(binding = self.binding, why, "no admission policy holds workloads; `hold: Auto` means `Always`");
        false
    }

    /// Looks again from time to time until there is one, and calls back then.
    pub(super) async fn search(self: Arc<Self>, found: impl Fn() + Send) {
        loop {
            tokio::time::sleep(SEARCH_INTERVAL).await;
            if self.look().await {
                return found();
            }
        }
    }
}
