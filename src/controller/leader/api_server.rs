//! The lease on an API server.

use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client, api::PostParams};

use super::{LeaseStore, StoreError};
use crate::act::FIELD_MANAGER;

/// A Lease by its name.
pub(in crate::controller) struct ApiServerLease {
    api: Api<Lease>,
    name: String,
}

impl ApiServerLease {
    pub(in crate::controller) fn new(client: Client, namespace: &str, name: &str) -> Self {
        Self { api: Api::namespaced(client, namespace), name: name.to_owned() }
    }
}

impl LeaseStore for ApiServerLease {
    async fn get(&self) -> Result<Option<Lease>, StoreError> {
        self.api.get_opt(&self.name).await.map_err(sort)
    }

    async fn create(&self, lease: &Lease) -> Result<Lease, StoreError> {
        self.api.create(&parameters(), lease).await.map_err(sort)
    }

    async fn replace(&self, lease: &Lease) -> Result<Lease, StoreError> {
        self.api.replace(&self.name, &parameters(), lease).await.map_err(sort)
    }
}

fn parameters() -> PostParams {
    PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() }
}

fn sort(error: kube::Error) -> StoreError {
    match error {
        kube::Error::Api(status) if status.code == 409 => StoreError::Conflict,
        kube::Error::Api(status) => StoreError::Other(status.message),
        error => StoreError::Other(error.to_string()),
    }
}
