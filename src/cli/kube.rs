//! Which cluster and namespace a command is about, as `kubectl` would choose them.

use std::path::PathBuf;

use anyhow::Context;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

/// The options by which a cluster and a namespace are chosen.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct ClusterArgs {
    /// Namespace [default: that of the kubeconfig's context]
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Context of the kubeconfig [default: its current one]
    #[arg(long, value_name = "CONTEXT")]
    context: Option<String>,
    /// Path of the kubeconfig [default: $KUBECONFIG, else ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

/// A cluster, and the namespace that is meant.
pub(super) struct Connection {
    /// The cluster. Does not retry by itself.
    pub(super) client: Client,
    /// The namespace.
    pub(super) namespace: String,
}

impl ClusterArgs {
    /// Whether anything was said.
    pub(super) fn is_given(&self) -> bool {
        self.namespace.is_some() || self.context.is_some() || self.kubeconfig.is_some()
    }

    /// The cluster's configuration.
    pub(super) async fn config(&self) -> anyhow::Result<Config> {
        let options = KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        let mut config = match (&self.kubeconfig, &self.context) {
            (Some(path), _) => {
                let kubeconfig =
                    Kubeconfig::read_from(path).with_context(|| format!("can't read {}", path.display()))?;
                Config::from_custom_kubeconfig(kubeconfig, &options).await?
            }
            (None, Some(context)) => {
                Config::from_kubeconfig(&options).await.with_context(|| format!("can't use the context `{context}`"))?
            }
            (None, None) => Config::infer().await.context("no cluster to talk to")?,
        };
        config.default_retry = false;
        if let Some(namespace) = &self.namespace {
            config.default_namespace.clone_from(namespace);
        }
        Ok(config)
    }

    /// A client for the cluster.
    pub(super) async fn connect(&self) -> anyhow::Result<Connection> {
        let config = self.config().await?;
        let namespace = config.default_namespace.clone();
        Ok(Connection { client: Client::try_from(config)?, namespace })
    }
}
