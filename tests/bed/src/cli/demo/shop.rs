//! The shop: what its team and its platform have set up before the first release.

use anyhow::{bail, ensure};
use siskin_bed::{Bed, Namespace, RunningTraffic, Server, Traffic};

use super::rollout::{Followed, Status};
use super::siskin;
use super::voice::{command, headline, say};

const SHOP: &str = include_str!("../../../demo/shop.yaml");
const WEB_V1: &str = include_str!("../../../demo/web-v1.yaml");
const ROLLOUT: &str = include_str!("../../../demo/rollout.yaml");
/// As in the HTTPRoute of shop.yaml.
const HOST: &str = "shop.example.com";
/// How busy the shop is.
const REQUESTS_A_SECOND: f64 = 200.0;

/// The shop, open for customers.
pub(super) struct Shop {
    bed: &'static Bed,
    namespace: Namespace,
    controller: Server,
    rollout: Followed,
    traffic: RunningTraffic,
}

impl Shop {
    /// Sets everything up and says what it is.
    pub(super) async fn open(bed: &'static Bed) -> anyhow::Result<Self> {
        headline("The platform's team installs Siskin");
        command("helm install siskin charts/siskin --namespace siskin-system --create-namespace");
        siskin::install_chart(bed).await;
        let controller = siskin::start_controller(bed).await?;

        headline("The shop's team has four pods of web v1, a Service and an HTTPRoute, and adds one Rollout");
        for (file, manifest) in [("shop.yaml", SHOP), ("web-v1.yaml", WEB_V1)] {
            apply(bed, file, manifest).await?;
        }
        let namespace = bed.adopt_namespace("shop");
        namespace.deployment_ready("web").await;
        namespace.route_accepted("web").await;
        apply(bed, "rollout.yaml", ROLLOUT).await?;
        let traffic = Traffic::to(bed.gateway_api()).host(HOST).at(REQUESTS_A_SECOND).start();
        let shop = Self { bed, namespace, controller, rollout: Followed::start(bed), traffic };
        shop.until("Siskin has found everything that it needs", |status| status.phase == "Idle").await?;
        shop.traffic.wait_until("some hundred requests are answered", |report| report.total() > 300).await;
        let report = shop.traffic.report();
        ensure!(report.failures() == 0, "v1 alone already fails: {report}");
        say(&format!(
            "The customers come, {REQUESTS_A_SECOND} requests a second through the gateway: {} so far, no error.",
            report.total()
        ));
        Ok(shop)
    }

    /// The bed that it is on.
    pub(super) fn bed(&self) -> &'static Bed {
        self.bed
    }

    /// Its customers.
    pub(super) fn traffic(&self) -> &RunningTraffic {
        &self.traffic
    }

    /// The Rollout's status as it was last seen.
    pub(super) fn status(&self) -> Status {
        self.rollout.status()
    }

    /// Applies a manifest as the team does.
    pub(super) async fn apply(&self, file: &str, manifest: &str) -> anyhow::Result<()> {
        apply(self.bed, file, manifest).await
    }

    /// Waits until the Rollout is as wanted; gives up when the controller ends.
    pub(super) async fn until(&self, what: &str, is_so: impl FnMut(&Status) -> bool + Send) -> anyhow::Result<Status> {
        let seen = tokio::select! {
            seen = self.rollout.until(what, is_so) => seen,
            status = self.controller.wait() => Err(anyhow::anyhow!("`siskin run` ended ({status})")),
        };
        match seen {
            Ok(status) => Ok(status),
            Err(error) => bail!("{}", self.namespace.explain(&format!("{error:#}")).await),
        }
    }
}

/// `kubectl apply` with a file of the demo, which this program carries in itself.
async fn apply(bed: &Bed, file: &str, manifest: &str) -> anyhow::Result<()> {
    let output = bed.try_kubectl(&["apply", "-f", "-"], Some(manifest)).await;
    ensure!(output.success, "`kubectl apply -f tests/bed/demo/{file}` failed: {}", output.stderr.trim_end());
    Ok(())
}
