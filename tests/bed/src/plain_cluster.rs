//! etcd and the API server alone: for measuring what many objects cost. Nothing acts on the objects.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use kube::Client;

use crate::cluster::Cluster;
use crate::mesh;
use crate::process::Server;
use crate::run_directory::RunDirectory;
use crate::servers::{api_server, etcd};
use crate::tools::Tools;

/// A cluster that only stores.
pub struct PlainCluster {
    cluster: Cluster,
    run: RunDirectory,
    kubeconfig: PathBuf,
    /// Kept for their logs; they end with this process.
    _servers: [Server; 2],
}

impl PlainCluster {
    /// Starts both servers, with the kinds of Istio and of the Gateway API. The process must be inside the bed's
    /// namespace ([`crate::isolation::enter`]).
    ///
    /// # Errors
    /// When a server does not start.
    pub async fn start(run: RunDirectory) -> anyhow::Result<Self> {
        // Somebody else may have chosen the same provider first, which is just as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tools = Tools::ensure()?;
        let http = crate::bed::http_client();
        let kubeconfig = run.write("kubeconfig", api_server::kubeconfig(api_server::ADMIN_TOKEN, "admin"))?;
        let servers = [etcd::start(&tools, &run, &http).await?, api_server::start(&tools, &run, &http).await?];
        let cluster = Cluster::default();
        mesh::install_crds(&cluster, &tools.crds()).await?;
        Ok(Self { cluster, run, kubeconfig, _servers: servers })
    }

    /// A client with all rights.
    pub fn client(&self) -> Client {
        self.cluster.client()
    }

    /// Server-side applies all objects of a YAML text.
    ///
    /// # Errors
    /// When one is refused.
    pub async fn apply(&self, yaml: &str) -> anyhow::Result<()> {
        self.cluster.apply(yaml, None).await.context("a manifest was refused")
    }

    /// Starts a program with the administrator's rights and its output in a log of that name.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn spawn(&self, name: &str, mut command: Command) -> anyhow::Result<Server> {
        command.env("KUBECONFIG", &self.kubeconfig);
        Server::start(name, command, &self.run.logs())
    }
}
