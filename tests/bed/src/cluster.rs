//! Reaches the API server: clients, and manifests of any kind applied as a user would.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail};
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::config::AuthInfo;
use kube::discovery::{Scope, pinned_kind};
use kube::{Client, Config};
use serde_json::Value;

use crate::servers::api_server;

/// Who the bed is to server-side apply.
const FIELD_MANAGER: &str = "bed";

/// The API server as the administrator sees it.
#[derive(Default)]
pub(crate) struct Cluster {
    kinds: Mutex<HashMap<GroupVersionKind, (ApiResource, Scope)>>,
}

impl Cluster {
    /// A new client. Its connections belong to the runtime that calls, so tests must not share one.
    #[expect(
        clippy::unused_self,
        reason = "clients exist only once there is a cluster"
    )]
    pub(crate) fn client(&self) -> Client {
        client_with_token(api_server::ADMIN_TOKEN)
    }

    /// Server-side applies every document of `yaml`, in order; a namespaced object without a namespace gets `namespace`.
    pub(crate) async fn apply(&self, yaml: &str, namespace: Option<&str>) -> anyhow::Result<()> {
        let client = self.client();
        for document in documents(yaml)? {
            let api_version = document["apiVersion"].as_str().unwrap_or_default();
            let kind = document["kind"].as_str().unwrap_or_default();
            let name = document["metadata"]["name"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            if api_version.is_empty() || kind.is_empty() || name.is_empty() {
                bail!("a manifest lacks apiVersion, kind or metadata.name: {document}");
            }
            let of = document["metadata"]["namespace"]
                .as_str()
                .map(str::to_owned);
            let api = self
                .api(&client, api_version, kind, of.as_deref().or(namespace))
                .await?;
            let parameters = PatchParams::apply(FIELD_MANAGER).force();
            api.patch(&name, &parameters, &Patch::Apply(&document))
                .await
                .with_context(|| format!("could not apply {kind} {name}"))?;
        }
        Ok(())
    }

    /// The API of any kind that the server knows.
    pub(crate) async fn api(
        &self,
        client: &Client,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
    ) -> anyhow::Result<Api<DynamicObject>> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let wanted = GroupVersionKind::gvk(group, version, kind);
        let known = self
            .kinds
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&wanted)
            .cloned();
        let (resource, scope) = if let Some(known) = known {
            known
        } else {
            let (resource, capabilities) = pinned_kind(client, &wanted)
                .await
                .with_context(|| format!("the API server does not know {kind} of {api_version}"))?;
            let found = (resource, capabilities.scope);
            self.kinds
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(wanted, found.clone());
            found
        };
        match (scope, namespace) {
            (Scope::Cluster, _) => Ok(Api::all_with(client.clone(), &resource)),
            (Scope::Namespaced, Some(namespace)) => {
                Ok(Api::namespaced_with(client.clone(), namespace, &resource))
            }
            (Scope::Namespaced, None) => {
                bail!("{kind} is a namespaced kind, and its manifest names no namespace")
            }
        }
    }
}

/// A client for the bearer of `token`.
pub(crate) fn client_with_token(token: &str) -> Client {
    let mut config = Config::new(api_server::URL.parse().expect("the constant is a URL"));
    config.accept_invalid_certs = true;
    config.auth_info = AuthInfo {
        token: Some(token.to_owned().into()),
        ..AuthInfo::default()
    };
    Client::try_from(config)
        .expect("a client without certificates needs nothing that can be missing")
}

/// The objects of a YAML text with any number of documents; empty ones are left out.
fn documents(yaml: &str) -> anyhow::Result<Vec<Value>> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(yaml).with_context(|| format!("not YAML:\n{yaml}"))?;
    Ok(documents
        .into_iter()
        .filter(|document| !document.is_null())
        .collect())
}
