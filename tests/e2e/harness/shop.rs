//! A shop in a namespace of its own: workload, Service, route, Rollout, traffic, and a controller that watches it.

use std::time::Duration;

use serde_json::Value;
use siskin_bed::{Bed, Namespace, Report, RunningTraffic, Traffic};

use super::{
    controller::Controller,
    manifests::{self, Mesh},
};

/// Steps that a healthy version passes in about half a minute.
pub const STEPS: &str = "[{weight: 10, hold: {min: 5s}}, {weight: 25, hold: {min: 5s}}, {weight: 50, hold: {min: 5s}}]";
/// The analysis that goes with them.
pub const ANALYSIS: &str = "{templates: [{name: http}], interval: 2s}";

/// A shop.
pub struct Shop {
    pub namespace: Namespace,
    pub controller: Controller,
    pub mesh: Mesh,
    replicas: u32,
}

impl Shop {
    /// A shop at `v1`, with a Rollout that is idle, and no traffic yet.
    pub async fn open(mesh: Mesh, name: &str) -> Self {
        Self::open_with(mesh, name, STEPS, ANALYSIS, "").await
    }

    /// A shop with other steps, another analysis, or more lines under the Rollout's spec.
    pub async fn open_with(mesh: Mesh, name: &str, steps: &str, analysis: &str, more: &str) -> Self {
        Self::open_as(mesh, name, &manifests::rollout(mesh, steps, analysis, more)).await
    }

    /// A shop with a Rollout of its own.
    pub async fn open_as(mesh: Mesh, name: &str, rollout: &str) -> Self {
        Self::open_serving(mesh, name, rollout, "", &[]).await
    }

    /// A shop whose first version has an environment of its own, and more templates.
    pub async fn open_serving(mesh: Mesh, name: &str, rollout: &str, environment: &str, templates: &[&str]) -> Self {
        let bed = Bed::shared().await;
        Controller::install(bed).await;
        let namespace = bed.namespace_called(name).await;
        let controller = Controller::start(bed, namespace.name(), "one").await;
        let shop = Self { namespace, controller, mesh, replicas: 4 };
        shop.ship("v1", environment).await;
        shop.namespace.apply(manifests::service()).await;
        shop.namespace.apply(&manifests::route(mesh, &shop.namespace)).await;
        shop.namespace.deployment_ready("web").await;
        shop.namespace.apply(manifests::template()).await;
        shop.namespace.apply(manifests::limit()).await;
        for template in templates {
            shop.namespace.apply(template).await;
        }
        shop.namespace.apply(rollout).await;
        shop.phase("Idle").await;
        shop
    }

    /// Pushes a version as its team would: the same manifest with another image.
    pub async fn ship(&self, version: &str, environment: &str) {
        self.namespace.apply(&manifests::deployment(version, self.replicas, environment)).await;
    }

    /// Requests to the shop, through the gateway or a client's sidecar, at a rate.
    pub fn traffic(&self, per_second: f64) -> RunningTraffic {
        let bed = self.namespace.bed();
        let traffic = match self.mesh {
            Mesh::HttpRoute => Traffic::to(bed.gateway_api()).host(&self.namespace.host()),
            Mesh::Gamma => Traffic::to(bed.mesh_client()).host(&self.namespace.service_host("web")),
            Mesh::VirtualServiceHosts | Mesh::VirtualServiceSubsets => {
                Traffic::to(bed.istio_gateway()).host(&self.namespace.host())
            }
        };
        traffic.at(per_second).start()
    }

    /// Traffic from the moment on in which the proxies know the shop: a new Deployment that is ready is not known to them
    /// yet, and what fails before that is nobody's doing.
    pub async fn customers(&self, per_second: f64) -> RunningTraffic {
        Self::settled(self.traffic(50.0)).await;
        self.traffic(per_second)
    }

    /// Traffic from other workloads of the mesh, through a client's sidecar.
    pub async fn neighbours(&self, per_second: f64) -> RunningTraffic {
        let start = |rate: f64| {
            Traffic::to(self.namespace.bed().mesh_client()).host(&self.namespace.service_host("web")).at(rate).start()
        };
        Self::settled(start(50.0)).await;
        start(per_second)
    }

    /// Waits until the proxies know the shop.
    async fn settled(first: RunningTraffic) {
        let known = |report: &Report| {
            let latest: Vec<_> = report.records().iter().rev().take(100).collect();
            latest.len() == 100 && latest.iter().all(|record| record.version.as_deref() == Some("v1"))
        };
        first.wait_until("a hundred requests in a row were answered by v1", known).await;
        first.stop().await;
    }

    /// The Rollout as it is.
    pub async fn rollout(&self) -> Value {
        self.namespace.object("siskin.dev/v1alpha1", "Rollout", "web").await
    }

    /// Waits until the Rollout is in a phase.
    pub async fn phase(&self, phase: &str) -> Value {
        self.until(&format!("phase {phase}"), |rollout| rollout["status"]["phase"] == phase).await
    }

    /// Waits longer for a phase.
    pub async fn phase_within(&self, phase: &str, limit: Duration) -> Value {
        let is_in = |rollout: &Value| rollout["status"]["phase"] == phase;
        let what = format!("phase {phase}");
        self.namespace.wait_for_object_within("siskin.dev/v1alpha1", "Rollout", "web", &what, limit, is_in).await
    }

    /// Waits until something is true of the Rollout.
    pub async fn until(&self, what: &str, is: impl Fn(&Value) -> bool + Send) -> Value {
        self.namespace.wait_for_object("siskin.dev/v1alpha1", "Rollout", "web", what, is).await
    }

    /// Waits until the canary has this share of the traffic, as the Rollout says.
    pub async fn weight(&self, percent: u32) -> Value {
        self.until(&format!("weight {percent}"), |rollout| rollout["status"]["weight"]["applied"] == percent).await
    }

    /// Waits for the end of a run, and gives its outcome.
    pub async fn outcome(&self, run: u64) -> Value {
        let rollout = self
            .until(&format!("the outcome of run {run}"), |rollout| rollout["status"]["outcomes"][0]["run"] == run)
            .await;
        rollout["status"]["outcomes"][0].clone()
    }

    /// Waits longer for the end of a run.
    pub async fn outcome_within(&self, run: u64, limit: Duration) -> Value {
        let is_over = |rollout: &Value| rollout["status"]["outcomes"][0]["run"] == run;
        let what = format!("the outcome of run {run}");
        let rollout =
            self.namespace.wait_for_object_within("siskin.dev/v1alpha1", "Rollout", "web", &what, limit, is_over).await;
        rollout["status"]["outcomes"][0].clone()
    }

    /// What the users wrote, as the server keeps it: everything that must be the same after a run. The pod template is
    /// left out, since it is what a run changes.
    pub async fn users_objects(&self) -> Vec<(String, Value)> {
        let (version, kind) = self.mesh.kind();
        let mut objects = vec![(version, kind, "web"), ("v1", "Service", "web"), ("apps/v1", "Deployment", "web")];
        if self.mesh == Mesh::VirtualServiceSubsets {
            objects.push((version, "DestinationRule", "web"));
        }
        let mut specs = Vec::new();
        for (version, kind, name) in objects {
            let mut object = self.namespace.object(version, kind, name).await;
            let mut spec = object["spec"].take();
            if kind == "Deployment"
                && let Some(spec) = spec.as_object_mut()
            {
                spec.remove("template");
            }
            specs.push((kind.to_owned(), spec));
        }
        specs
    }

    /// Names of what Siskin makes for a run and that is there now.
    pub async fn leftovers(&self) -> Vec<String> {
        let names = self
            .namespace
            .kubectl(&["get", "deployments,services", "-l", "siskin.dev/rollout=web", "-o", "name"])
            .await;
        names.lines().map(str::to_owned).collect()
    }
}
