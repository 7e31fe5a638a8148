//! etcd: the API server's store.

use std::process::Command;

use crate::process::Server;
use crate::run_directory::RunDirectory;
use crate::tools::Tools;

pub(crate) const URL: &str = "http://127.0.0.1:12379";
const PEER_URL: &str = "http://127.0.0.1:12380";

pub(crate) async fn start(
    tools: &Tools,
    run: &RunDirectory,
    http: &reqwest::Client,
) -> anyhow::Result<Server> {
    let mut command = Command::new(tools.path("etcd"));
    command
        .arg("--data-dir")
        .arg(run.file("etcd"))
        .args(["--listen-client-urls", URL, "--advertise-client-urls", URL])
        .args([
            "--listen-peer-urls",
            PEER_URL,
            "--initial-advertise-peer-urls",
            PEER_URL,
        ])
        .arg(format!("--initial-cluster=default={PEER_URL}"))
        // A run's data is thrown away: no write has to reach the disk.
        .args(["--unsafe-no-fsync", "--logger=zap", "--log-level=warn"]);
    let server = Server::start("etcd", command, &run.logs())?;
    let health = format!("{URL}/health");
    server
        .ready(super::START_LIMIT, || super::answers(http, &health))
        .await?;
    Ok(server)
}
