//! The bed itself: starts every server in order and knows where each is.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Instant;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

use crate::cluster::{self, Cluster};
use crate::isolation;
use crate::mesh::{self, Entrances};
use crate::node::NodeAgent;
use crate::process::{Server, last_lines};
use crate::run_directory::RunDirectory;
use crate::servers::{api_server, controllers, etcd, istiod, prometheus};
use crate::tools::Tools;

/// The bed's own tasks run here, apart from the tests' runtimes, which come and go.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("bed")
        .enable_all()
        .build()
        .expect("a runtime can be made at the beginning of a run")
});

static SHARED: OnceCell<Result<Bed, String>> = OnceCell::const_new();

/// All servers, running. It lives until the process ends; the kernel then ends the servers.
pub struct Bed {
    tools: Tools,
    run: RunDirectory,
    kubeconfig: PathBuf,
    cluster: Cluster,
    entrances: Entrances,
    /// Kept for their names and logs.
    servers: Vec<Server>,
    prometheus: Mutex<Option<Arc<Server>>>,
    /// What tests started beside the bed: shown first when one fails.
    watched_logs: Mutex<Vec<PathBuf>>,
}

impl Bed {
    /// The one bed of this process, started by the first call.
    ///
    /// In a process that is not inside the bed's namespace yet, the first call runs the program again inside and never
    /// returns ([`isolation::enter`]).
    ///
    /// # Panics
    /// When a server does not start; every later call panics with the same text.
    pub async fn shared() -> &'static Self {
        let bed = SHARED
            .get_or_init(|| async {
                let start = async { Self::start(isolation::enter()?).await };
                RUNTIME.spawn(start).await.map_err(|error| error.to_string())?.map_err(|error| format!("{error:#}"))
            })
            .await;
        match bed {
            Ok(bed) => bed,
            Err(error) => panic!("the bed could not be started: {error}"),
        }
    }

    async fn start(run: RunDirectory) -> anyhow::Result<Self> {
        // Somebody else may have chosen the same provider first, which is just as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let started = Instant::now();
        let progress = |what: &str| tracing::info!("{what} ({:.1} s)", started.elapsed().as_secs_f64());
        let tools = Tools::ensure()?;
        let http = http_client();
        let kubeconfig = run.write("kubeconfig", api_server::kubeconfig(api_server::ADMIN_TOKEN, "admin"))?;
        let etcd = etcd::start(&tools, &run, &http).await?;
        let api_server = api_server::start(&tools, &run, &http).await?;
        let controller_manager = controllers::start_controller_manager(&tools, &run, &kubeconfig)?;
        let scheduler = controllers::start_scheduler(&tools, &run, &kubeconfig)?;
        progress("etcd and the Kubernetes control plane run");

        let cluster = Cluster::default();
        mesh::install_crds(&cluster, &tools.crds()).await?;
        mesh::configure(&cluster).await?;
        progress("the kinds of Istio and of the Gateway API are served");
        let istiod = istiod::start(&tools, &run, &kubeconfig, &http).await?;
        progress("istiod runs");

        let agent = NodeAgent::new(cluster.client(), run.clone(), tools.path("envoy"));
        agent.register().await?;
        tokio::spawn(agent.follow());
        let prometheus = prometheus::start(&tools, &run, &http).await?;
        progress("the node agent and Prometheus run");
        let entrances = mesh::start(&cluster).await?;
        progress("the gateway's Envoy runs, and the bed is up");
        Ok(Self {
            tools,
            run,
            kubeconfig,
            cluster,
            entrances,
            servers: vec![etcd, api_server, controller_manager, scheduler, istiod],
            prometheus: Mutex::new(Some(Arc::new(prometheus))),
            watched_logs: Mutex::default(),
        })
    }

    /// A new client with all rights. Its connections belong to the calling runtime: make one in each test.
    pub fn client(&self) -> Client {
        self.cluster.client()
    }

    /// A new client for the bearer of `token`.
    pub fn client_with_token(&self, token: &str) -> Client {
        cluster::client_with_token(token)
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The API server's URL; its certificate is self-signed.
    pub fn api_server(&self) -> &'static str {
        api_server::URL
    }

    /// Prometheus's URL.
    pub fn prometheus_url(&self) -> &'static str {
        prometheus::URL
    }

    /// The gateway that Istio's `Gateway` `gateway/shared` opens for every host.
    pub fn istio_gateway(&self) -> SocketAddr {
        self.entrances.istio
    }

    /// The gateway that the Gateway API's `Gateway` `shared` of namespace `gateway` opens for routes of all namespaces.
    pub fn gateway_api(&self) -> SocketAddr {
        self.entrances.gateway_api
    }

    /// Port 80 of every Service as a client's sidecar offers it; the Host header names the Service.
    pub fn mesh_client(&self) -> SocketAddr {
        self.entrances.mesh_client
    }

    /// Where this run keeps all its files.
    pub fn run_directory(&self) -> &Path {
        self.run.path()
    }

    /// The folder with the servers' logs.
    pub fn logs(&self) -> PathBuf {
        self.run.logs()
    }

    /// The programs that the bed runs.
    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    /// Server-side applies all objects of a YAML text.
    ///
    /// # Panics
    /// When one is refused.
    pub async fn apply(&self, yaml: &str) {
        if let Err(error) = self.cluster.apply(yaml, None).await {
            panic!("{error:#}\n{yaml}");
        }
    }

    /// Starts a program of the test's own (the controller, say) with its output in a log of that name, which is shown
    /// when a test fails. It ends with the bed, if not before.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn spawn(&self, name: &str, command: Command) -> Server {
        let server = match Server::start(name, command, &self.run.logs()) {
            Ok(server) => server,
            Err(error) => panic!("{error:#}"),
        };
        self.watch_log(server.log());
        server
    }

    /// Adds a file to those whose last lines are shown when a test fails.
    pub fn watch_log(&self, log: &Path) {
        let mut watched = self.watched_logs.lock().unwrap_or_else(PoisonError::into_inner);
        if !watched.iter().any(|known| known == log) {
            watched.push(log.to_owned());
        }
    }

    /// A token of a `ServiceAccount`, good for a day.
    ///
    /// # Panics
    /// When there is no such account.
    pub async fn token(&self, namespace: &str, service_account: &str) -> String {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client(), namespace);
        let spec = TokenRequestSpec { expiration_seconds: Some(24 * 3600), ..TokenRequestSpec::default() };
        let request = TokenRequest { spec, ..TokenRequest::default() };
        let answer = accounts.create_token_request(service_account, &PostParams::default(), &request).await;
        match answer {
            Ok(TokenRequest { status: Some(status), .. }) => status.token,
            Ok(_) => panic!("the API server gave no token for {namespace}/{service_account}"),
            Err(error) => {
                panic!("no token for the service account {namespace}/{service_account}: {error}")
            }
        }
    }

    /// A kubeconfig that acts as a `ServiceAccount`.
    ///
    /// # Panics
    /// When there is no such account.
    pub async fn kubeconfig_for(&self, namespace: &str, service_account: &str) -> PathBuf {
        let token = self.token(namespace, service_account).await;
        let text = api_server::kubeconfig(&token, service_account);
        match self.run.write(&format!("kubeconfig-{namespace}-{service_account}"), text) {
            Ok(path) => path,
            Err(error) => panic!("{error:#}"),
        }
    }

    /// Ends Prometheus in good order; its data stays.
    pub async fn stop_prometheus(&self) {
        let server = self.prometheus.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(server) = server {
            server.terminate();
            server.wait().await;
        }
    }

    /// Starts Prometheus again with the data it had, unless it is running.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_prometheus(&self) {
        if self.prometheus.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            return;
        }
        match prometheus::start(&self.tools, &self.run, &http_client()).await {
            Ok(server) => {
                *self.prometheus.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(server));
            }
            Err(error) => panic!("{error:#}"),
        }
    }

    /// A failure's text with what helps to understand it: the watched logs' last lines and where all logs are.
    pub fn explain(&self, what: &str) -> String {
        let watched = self.watched_logs.lock().unwrap_or_else(PoisonError::into_inner);
        let tails: Vec<String> = watched.iter().map(|log| format!("{}\n\n", last_lines(log, 30))).collect();
        let names: Vec<&str> = self.servers.iter().map(Server::name).collect();
        format!(
            "{what}\n\n{}the logs of {} and the Envoys are in {}",
            tails.concat(),
            names.join(", "),
            self.logs().display()
        )
    }

    pub(crate) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    pub(crate) fn run(&self) -> &RunDirectory {
        &self.run
    }

    /// Runs something that must not end with the test that asked for it.
    pub(crate) fn spawn_task(task: impl Future<Output = ()> + Send + 'static) {
        RUNTIME.spawn(task);
    }
}

/// A client for the bed's own plain requests; certificates are self-signed here.
pub(crate) fn http_client() -> reqwest::Client {
    reqwest::Client::builder()
        .danger_accept_invalid_certs(true)
        .timeout(std::time::Duration::from_secs(30))
        .no_proxy()
        .build()
        .expect("a client without certificates needs nothing that can be missing")
}
