//! The controller-manager and the scheduler: what makes a Deployment become pods.

use std::path::Path;
use std::process::Command;

use super::api_server;
use crate::process::Server;
use crate::run_directory::RunDirectory;
use crate::tools::Tools;

/// The controllers that workloads, Services and namespaces need; nodes and volumes have none here.
const CONTROLLERS: &[&str] = &[
    "deployment-controller",
    "replicaset-controller",
    "statefulset-controller",
    "daemonset-controller",
    "job-controller",
    "namespace-controller",
    "garbage-collector-controller",
    "endpointslice-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "pod-garbage-collector-controller",
    "disruption-controller",
    "horizontal-pod-autoscaler-controller",
];

pub(crate) fn start_controller_manager(
    tools: &Tools,
    run: &RunDirectory,
    kubeconfig: &Path,
) -> anyhow::Result<Server> {
    let mut command = Command::new(tools.path("kube-controller-manager"));
    let certificates = api_server::certificates(run);
    for flag in [
        "kubeconfig",
        "authentication-kubeconfig",
        "authorization-kubeconfig",
    ] {
        command.arg(format!("--{flag}={}", kubeconfig.display()));
    }
    command
        .args(["--bind-address=127.0.0.1", "--secure-port=16257"])
        .args(["--leader-elect=false", "--authentication-skip-lookup=true"])
        .arg(format!("--cert-dir={}", certificates.display()))
        .arg(format!(
            "--service-account-private-key-file={}",
            api_server::service_account_key(run).display()
        ))
        .arg(format!(
            "--root-ca-file={}",
            certificates.join("apiserver.crt").display()
        ))
        .arg(format!("--controllers={}", CONTROLLERS.join(",")))
        // By default it throttles itself to 20 requests a second, and hundreds of pods would take minutes.
        .args(["--kube-api-qps=500", "--kube-api-burst=1000"])
        .args([
            "--concurrent-deployment-syncs=10",
            "--concurrent-replicaset-syncs=10",
        ])
        .args([
            "--concurrent-service-endpoint-syncs=10",
            "--concurrent-namespace-syncs=10",
        ]);
    Server::start("kube-controller-manager", command, &run.logs())
}

pub(crate) fn start_scheduler(
    tools: &Tools,
    run: &RunDirectory,
    kubeconfig: &Path,
) -> anyhow::Result<Server> {
    let mut command = Command::new(tools.path("kube-scheduler"));
    for flag in [
        "kubeconfig",
        "authentication-kubeconfig",
        "authorization-kubeconfig",
    ] {
        command.arg(format!("--{flag}={}", kubeconfig.display()));
    }
    command
        .args(["--bind-address=127.0.0.1", "--secure-port=16259"])
        .args(["--leader-elect=false", "--authentication-skip-lookup=true"])
        .args(["--kube-api-qps=500", "--kube-api-burst=1000"]);
    Server::start("kube-scheduler", command, &run.logs())
}
