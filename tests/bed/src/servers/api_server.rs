//! The Kubernetes API server, with its audit log, and the files that clients need to reach it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::json;

use super::etcd;
use crate::process::Server;
use crate::run_directory::RunDirectory;
use crate::tools::Tools;

/// Where the API server listens.
pub(crate) const URL: &str = "https://127.0.0.1:16443";
/// The administrator's token; only processes inside the bed's network namespace can use it.
pub(crate) const ADMIN_TOKEN: &str = "bed-administrator";

/// Everything but watches' and requests' bodies: who asked what, when, with which answer.
const AUDIT_POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules: [{level: Metadata}]
";

pub(crate) fn audit_log(run: &RunDirectory) -> PathBuf {
    run.logs().join("audit.jsonl")
}

pub(crate) fn certificates(run: &RunDirectory) -> PathBuf {
    run.file("certificates")
}

pub(crate) fn service_account_key(run: &RunDirectory) -> PathBuf {
    run.file("service-account.key")
}

pub(crate) async fn start(
    tools: &Tools,
    run: &RunDirectory,
    http: &reqwest::Client,
) -> anyhow::Result<Server> {
    let key = service_account_key(run);
    let public_key = run.file("service-account.pub");
    openssl(&["genrsa", "-out", path(&key)?, "2048"])?;
    openssl(&[
        "rsa",
        "-in",
        path(&key)?,
        "-pubout",
        "-out",
        path(&public_key)?,
    ])?;
    let tokens = run.write(
        "tokens.csv",
        format!("{ADMIN_TOKEN},admin,admin,\"system:masters\"\n"),
    )?;
    let audit_policy = run.write("audit-policy.yaml", AUDIT_POLICY)?;

    let mut command = Command::new(tools.path("kube-apiserver"));
    command
        .arg(format!("--etcd-servers={}", etcd::URL))
        .arg(format!("--cert-dir={}", certificates(run).display()))
        .args([
            "--bind-address=127.0.0.1",
            "--secure-port=16443",
            "--advertise-address=127.0.0.1",
        ])
        // Wide enough for hundreds of canaries with Services of their own.
        .arg("--service-cluster-ip-range=10.96.0.0/16")
        .arg("--service-account-issuer=https://kubernetes.default.svc")
        .arg(format!(
            "--service-account-key-file={}",
            public_key.display()
        ))
        .arg(format!(
            "--service-account-signing-key-file={}",
            key.display()
        ))
        .arg("--authorization-mode=RBAC")
        .arg(format!("--token-auth-file={}", tokens.display()))
        // Pods of the bed mount no token volumes.
        .arg("--disable-admission-plugins=ServiceAccount")
        .args(["--allow-privileged=true", "--endpoint-reconciler-type=none"])
        .arg(format!("--audit-policy-file={}", audit_policy.display()))
        .arg(format!("--audit-log-path={}", audit_log(run).display()))
        // It would rotate at 100 MB, and a rotated log cannot be counted.
        .arg("--audit-log-maxsize=10000");
    let server = Server::start("kube-apiserver", command, &run.logs())?;
    let readiness = format!("{URL}/readyz");
    let is_ready = || async {
        let answer = http.get(&readiness).bearer_auth(ADMIN_TOKEN).send().await;
        answer.is_ok_and(|response| response.status().is_success())
    };
    server.ready(super::START_LIMIT, is_ready).await?;
    Ok(server)
}

/// A kubeconfig for the bearer of `token`, as JSON (which is YAML too).
pub(crate) fn kubeconfig(token: &str, user: &str) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "bed",
        // The certificate is self-signed, and nothing else can listen on this namespace's loopback.
        "clusters": [{"name": "bed", "cluster": {"server": URL, "insecure-skip-tls-verify": true}}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "bed", "context": {"cluster": "bed", "user": user}}],
    })
    .to_string()
}

fn openssl(arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("openssl")
        .args(arguments)
        .output()
        .context("could not run openssl")?;
    if !output.status.success() {
        bail!(
            "`openssl {}` failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(())
}

fn path(path: &Path) -> anyhow::Result<&str> {
    path.to_str().with_context(|| {
        format!(
            "the path {} is not UTF-8: set SISKIN_BED_DIR to one that is",
            path.display()
        )
    })
}
