//! `siskin run`: the controller's options.

use std::net::SocketAddr;

use super::{credentials::CredentialArgs, kube::ClusterArgs};
use crate::controller::{LeaseName, LogFormat, Settings, run as run_controller, start_logging};

/// Arguments of `siskin run`.
#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    /// Base URL of the Prometheus that metrics are read from
    #[arg(long, env = "SISKIN_PROMETHEUS_URL", value_name = "URL")]
    prometheus_url: String,
    /// Another base URL that a template's metric may name; repeatable
    #[arg(long, env = "SISKIN_ALLOW_PROMETHEUS", value_name = "URL", value_delimiter = ',')]
    allow_prometheus: Vec<String>,
    #[command(flatten)]
    credentials: CredentialArgs,
    /// Ask Prometheus only for series that have the namespace of the Rollout or AnalysisRun in this label
    #[arg(long, env = "SISKIN_ENFORCE_NAMESPACE_LABEL", value_name = "LABEL")]
    enforce_namespace_label: Option<String>,
    /// Watch this namespace only [default: all]
    #[arg(long, env = "SISKIN_NAMESPACE", value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// How many rollouts are worked on at once
    #[arg(long, env = "SISKIN_CONCURRENCY", value_name = "NUMBER", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,
    /// Address for /healthz, /readyz and /metrics
    #[arg(long, env = "SISKIN_LISTEN", value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    listen: SocketAddr,
    /// Let one of several replicas work at a time, chosen by a Lease
    #[arg(long, env = "SISKIN_LEADER_ELECT", value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    leader_elect: bool,
    /// Name of the Lease
    #[arg(long, env = "SISKIN_LEASE_NAME", value_name = "NAME", default_value = "siskin")]
    lease_name: String,
    /// Namespace of the Lease [default: the controller's own]
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAMESPACE")]
    lease_namespace: Option<String>,
    /// Admission policy (and its binding of the same name) that holds workloads until they may roll out
    #[arg(long, env = "SISKIN_HOLD_POLICY", value_name = "NAME", default_value = "siskin-hold")]
    hold_policy: String,
    /// An admission policy writes into each verb who asked for it; without one that is called their own word
    #[arg(long, env = "SISKIN_VERIFIED_ASKERS", value_name = "BOOL", default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    verified_askers: bool,
    /// What is logged: error, warn, info, debug, trace, or directives
    #[arg(long, env = "RUST_LOG", value_name = "FILTER", default_value = "info")]
    log: String,
    /// How log lines look
    #[arg(long, env = "SISKIN_LOG_FORMAT", value_name = "FORMAT", value_enum, default_value_t)]
    log_format: LogFormat,
    /// Name of this process in the Lease and in Events [default: the pod's, else the host's and the process id]
    #[arg(long, env = "POD_NAME", value_name = "NAME")]
    identity: Option<String>,
}

/// Runs the controller.
pub(super) async fn run(args: RunArgs) -> anyhow::Result<()> {
    let RunArgs {
        prometheus_url,
        allow_prometheus,
        credentials,
        enforce_namespace_label,
        namespace,
        concurrency,
        listen,
        leader_elect,
        lease_name,
        lease_namespace,
        hold_policy,
        verified_askers,
        log,
        log_format,
        identity,
    } = args;
    start_logging(&log, log_format)?;
    let config = ClusterArgs::default().config().await?;
    let settings = Settings {
        prometheus_url,
        allow_prometheus,
        credentials: credentials.files(),
        enforce_namespace_label,
        namespace,
        concurrency: concurrency.into(),
        listen,
        lease: leader_elect.then_some(LeaseName { namespace: lease_namespace, name: lease_name }),
        hold_policy,
        verified_askers,
        identity: identity.unwrap_or_else(own_identity),
    };
    run_controller(config, settings).await
}

/// A name that no other process has at this moment.
fn own_identity() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}_{}", host.trim(), std::process::id())
}
