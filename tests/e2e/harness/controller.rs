//! The controller under test: the real binary, with the arguments that the chart gives it, and with the rights of the
//! chart's ServiceAccount and no others.

use std::{path::PathBuf, process::Command, time::Duration};

use k8s_openapi::api::{apps::v1::Deployment, coordination::v1::Lease};
use kube::{Api, runtime::wait::await_condition};
use siskin_bed::{Bed, Server};
use tokio::{sync::OnceCell, time::Instant};

/// Where the chart is installed.
pub const SYSTEM: &str = "siskin-system";

static INSTALLED: OnceCell<Installed> = OnceCell::const_new();

/// What the installed chart gives a controller.
pub struct Installed {
    /// The arguments of its Deployment.
    arguments: Vec<String>,
    /// Access with the token of its ServiceAccount. One file for all, written once: a controller may read it any time.
    kubeconfig: PathBuf,
}

/// A running `siskin run` that watches one namespace.
pub struct Controller {
    bed: &'static Bed,
    namespace: String,
    name: String,
    server: Server,
}

impl Controller {
    /// Installs the chart, once, by the real Helm. Its own Deployment has no replicas: tests start the binary themselves.
    pub async fn install(bed: &'static Bed) -> &'static Installed {
        let install = || async {
            let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/siskin");
            let values = format!("replicas=0,log.format=text,prometheus.url={}", bed.prometheus_url());
            bed.helm(&[
                "install",
                "siskin",
                chart,
                "--namespace",
                SYSTEM,
                "--create-namespace",
                "--set",
                &values,
                "--wait",
            ])
            .await;
            let deployments = Api::<Deployment>::namespaced(bed.client(), SYSTEM);
            let installed = deployments.get("siskin").await.expect("the chart has a Deployment");
            let pod = installed.spec.and_then(|spec| spec.template.spec).expect("a Deployment has pods");
            let arguments = pod.containers.into_iter().next().and_then(|container| container.args);
            let kubeconfig = bed.kubeconfig_for(SYSTEM, "siskin").await;
            Installed { arguments: arguments.expect("the chart gives arguments"), kubeconfig }
        };
        INSTALLED.get_or_init(install).await
    }

    /// Starts a controller for `namespace`; `name` tells replicas apart.
    pub async fn start(bed: &'static Bed, namespace: &str, name: &str) -> Self {
        let server = Self::spawn(bed, namespace, name).await;
        Self { bed, namespace: namespace.to_owned(), name: name.to_owned(), server }
    }

    async fn spawn(bed: &'static Bed, namespace: &str, name: &str) -> Server {
        // Many controllers share the host here, so each has a port and a lease of its own.
        let Installed { arguments, kubeconfig } = Self::install(bed).await;
        let arguments = arguments
            .iter()
            .filter(|argument| !argument.starts_with("--listen") && !argument.starts_with("--lease-name"));
        let mut command: Command = bed.command(env!("CARGO_BIN_EXE_siskin"));
        command
            .env("KUBECONFIG", kubeconfig)
            .env("POD_NAME", name)
            .env("POD_NAMESPACE", SYSTEM)
            .args(arguments)
            .args(["--namespace", namespace, "--listen", "127.0.0.1:0", "--lease-name", namespace]);
        bed.spawn(&format!("siskin-{namespace}-{name}"), command)
    }

    /// Ends the controller without any warning, as a lost node would.
    pub fn kill(&self) {
        self.server.kill();
    }

    /// Starts the controller again under the same name, as the kubelet restarts a container.
    pub async fn restart(&mut self) {
        self.server.kill();
        self.server.wait().await;
        self.server = Self::spawn(self.bed, &self.namespace, &self.name).await;
    }

    /// Who holds the lease of a namespace's controllers.
    pub async fn leader(bed: &'static Bed, namespace: &str) -> String {
        let leases = Api::<Lease>::namespaced(bed.client(), SYSTEM);
        let lease = leases.get(namespace).await.expect("the lease is there");
        lease.spec.and_then(|spec| spec.holder_identity).unwrap_or_default()
    }

    /// Waits until a replica leads; says how long that took.
    pub async fn await_leader(bed: &'static Bed, namespace: &str, name: &str, limit: Duration) -> Duration {
        let began = Instant::now();
        let leases = Api::<Lease>::namespaced(bed.client(), SYSTEM);
        let leads = await_condition(leases, namespace, |lease: Option<&Lease>| {
            let holder = lease.and_then(|lease| lease.spec.as_ref()).and_then(|spec| spec.holder_identity.as_deref());
            holder == Some(name)
        });
        tokio::time::timeout(limit, leads)
            .await
            .expect("the other replica takes over in time")
            .expect("the watch goes on");
        began.elapsed()
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.server.kill();
    }
}
