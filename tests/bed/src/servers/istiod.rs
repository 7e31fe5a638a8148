//! istiod: reads Istio's and the Gateway API's kinds, and feeds the Envoys.

use std::path::Path;
use std::process::Command;

use crate::process::Server;
use crate::run_directory::RunDirectory;
use crate::tools::Tools;

/// Where Envoys get their configuration (plain gRPC).
pub(crate) const XDS_PORT: u16 = 15010;
/// istiod's own namespace, which is also the mesh's root namespace.
pub(crate) const NAMESPACE: &str = "istio-system";

/// There are no certificates on the bed, so no mutual TLS; and no telemetry providers.
const MESH: &str = "\
enableAutoMtls: false
defaultProviders: {}
enableTracing: false
rootNamespace: istio-system
defaultConfig: {discoveryAddress: \"127.0.0.1:15010\"}
";

pub(crate) async fn start(
    tools: &Tools,
    run: &RunDirectory,
    kubeconfig: &Path,
    http: &reqwest::Client,
) -> anyhow::Result<Server> {
    let mesh = run.write("mesh.yaml", MESH)?;
    let mut command = Command::new(tools.path("pilot-discovery"));
    command
        .env("POD_NAMESPACE", NAMESPACE)
        .env("PILOT_CERT_PROVIDER", "none")
        .env("ENABLE_CA_SERVER", "false")
        .env("ENABLE_LEADER_ELECTION", "false")
        .env("INJECT_ENABLED", "false")
        .env("VALIDATION_WEBHOOK_CONFIG_NAME", "")
        .env("INJECTION_WEBHOOK_CONFIG_NAME", "")
        // Both need filters that only Istio's own build of Envoy has.
        .env("PILOT_ENABLE_METADATA_EXCHANGE", "false")
        .env("PILOT_ENABLE_ALPN_FILTER", "false")
        // The bed brings its own gateway pod.
        .env("PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER", "false")
        .args(["discovery", "--kubeconfig"])
        .arg(kubeconfig)
        .arg("--meshConfig")
        .arg(mesh)
        // Every address defaults to all interfaces. Port 8080 is left to the applications.
        .args(["--httpAddr", "127.0.0.1:15080", "--httpsAddr", ""])
        .args([
            "--grpcAddr",
            &format!("127.0.0.1:{XDS_PORT}"),
            "--secureGRPCAddr",
            "",
        ])
        .args(["--monitoringAddr", "127.0.0.1:15014"]);
    let server = Server::start("istiod", command, &run.logs())?;
    server
        .ready(super::START_LIMIT, || {
            super::answers(http, "http://127.0.0.1:15080/ready")
        })
        .await?;
    Ok(server)
}
