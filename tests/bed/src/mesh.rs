//! The mesh that all tests share: CRDs, one gateway pod for both APIs, and one client with a sidecar.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::Context;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::runtime::conditions::is_crd_established;

use crate::cluster::Cluster;
use crate::node::{GATEWAY_IMAGE, SIDECAR_IMAGE};
use crate::servers::istiod;
use crate::wait;

/// The namespace of the gateway; its Istio `Gateway` and its Gateway API `Gateway` are both called [`GATEWAY`].
pub(crate) const NAMESPACE: &str = "gateway";
/// The name of both gateways.
pub(crate) const GATEWAY: &str = "shared";
const ISTIO_PORT: u16 = 8000;
const GATEWAY_API_PORT: u16 = 8081;
/// Port 80 of every Service, as the client's sidecar offers it.
const MESH_CLIENT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 80);

/// Where traffic goes in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entrances {
    pub(crate) istio: SocketAddr,
    pub(crate) gateway_api: SocketAddr,
    pub(crate) mesh_client: SocketAddr,
}

/// Applies the CRDs of Istio and the Gateway API and waits until they are served.
pub(crate) async fn install_crds(cluster: &Cluster, folder: &Path) -> anyhow::Result<()> {
    let mut files = vec![folder.join("istio.yaml")];
    let gateway_api = folder.join("gateway-api");
    let entries = fs::read_dir(&gateway_api)
        .with_context(|| format!("could not read {}", gateway_api.display()))?;
    files.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
    for file in files {
        let text = fs::read_to_string(&file)
            .with_context(|| format!("could not read {}", file.display()))?;
        cluster
            .apply(&text, None)
            .await
            .with_context(|| format!("could not apply {}", file.display()))?;
    }
    let crds: Api<CustomResourceDefinition> = Api::all(cluster.client());
    let all = crds
        .list(&kube::api::ListParams::default())
        .await
        .context("could not list the CRDs")?;
    for crd in all {
        let name = crd.metadata.name.unwrap_or_default();
        let established =
            kube::runtime::wait::await_condition(crds.clone(), &name, is_crd_established());
        tokio::time::timeout(wait::LIMIT, established)
            .await
            .with_context(|| format!("the CRD {name} is not established"))?
            .with_context(|| format!("could not watch the CRD {name}"))?;
    }
    Ok(())
}

/// What istiod reads at its start.
pub(crate) async fn configure(cluster: &Cluster) -> anyhow::Result<()> {
    cluster
        .apply(&settings(), None)
        .await
        .context("could not apply the mesh's settings")
}

/// Starts the gateway and the client; istiod must run, or their first fetch takes many seconds.
pub(crate) async fn start(cluster: &Cluster) -> anyhow::Result<Entrances> {
    cluster
        .apply(&pods(), None)
        .await
        .context("could not apply the gateway")?;
    let gateway = address_of(cluster, NAMESPACE, "gateway").await?;
    address_of(cluster, "mesh-client", "mesh-client").await?;
    Ok(Entrances {
        istio: SocketAddr::new(gateway, ISTIO_PORT),
        gateway_api: SocketAddr::new(gateway, GATEWAY_API_PORT),
        mesh_client: MESH_CLIENT,
    })
}

/// The address of a Deployment's only pod, once it is ready.
async fn address_of(
    cluster: &Cluster,
    namespace: &str,
    application: &str,
) -> anyhow::Result<std::net::IpAddr> {
    let pods: Api<Pod> = Api::namespaced(cluster.client(), namespace);
    let selector = kube::runtime::watcher::Config::default().labels(&format!("app={application}"));
    let pod = wait::for_any(pods, selector, wait::is_pod_ready).await?;
    let address = pod
        .status
        .and_then(|status| status.pod_ip)
        .unwrap_or_default();
    address
        .parse()
        .with_context(|| format!("pod {application} has the address {address:?}"))
}

fn settings() -> String {
    let root = istiod::NAMESPACE;
    format!(
        "\
apiVersion: v1
kind: Namespace
metadata: {{name: {root}}}
---
# Without certificates on the bed, listeners would wait for them for ever.
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{name: default, namespace: {root}}}
spec: {{mtls: {{mode: DISABLE}}}}
---
apiVersion: v1
kind: Namespace
metadata: {{name: {NAMESPACE}}}
---
apiVersion: v1
kind: Service
metadata: {{name: gateway, namespace: {NAMESPACE}}}
spec:
  selector: {{app: gateway}}
  ports:
  - {{name: http, port: 80, targetPort: {ISTIO_PORT}}}
  - {{name: http-gateway-api, port: {GATEWAY_API_PORT}, targetPort: {GATEWAY_API_PORT}}}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: {GATEWAY}, namespace: {NAMESPACE}}}
spec:
  selector: {{istio: gateway}}
  servers: [{{port: {{number: 80, name: http, protocol: HTTP}}, hosts: [\"*\"]}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: {GATEWAY}, namespace: {NAMESPACE}}}
spec:
  gatewayClassName: istio
  addresses: [{{type: Hostname, value: gateway.{NAMESPACE}.svc.cluster.local}}]
  listeners: [{{name: http, port: {GATEWAY_API_PORT}, protocol: HTTP, allowedRoutes: {{namespaces: {{from: All}}}}}}]
---
apiVersion: v1
kind: Namespace
metadata: {{name: mesh-client}}
"
    )
}

fn pods() -> String {
    format!(
        "\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: gateway, namespace: {NAMESPACE}}}
spec:
  selector: {{matchLabels: {{app: gateway}}}}
  template:
    metadata: {{labels: {{app: gateway, istio: gateway, gateway.networking.k8s.io/gateway-name: {GATEWAY}}}}}
    spec: {{containers: [{{name: proxy, image: {GATEWAY_IMAGE}, ports: [{{containerPort: {ISTIO_PORT}}}]}}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: mesh-client, namespace: mesh-client}}
spec:
  selector: {{matchLabels: {{app: mesh-client}}}}
  template:
    metadata: {{labels: {{app: mesh-client}}}}
    spec: {{containers: [{{name: proxy, image: {SIDECAR_IMAGE}}}]}}
"
    )
}
