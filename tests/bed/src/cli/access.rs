//! How a person reaches the servers of a running bed, and when that person has seen enough.

use std::path::Path;

use anyhow::Context;
use siskin_bed::Bed;
use tokio::signal::unix::{SignalKind, signal};

/// What to type in another terminal, and where everything is. `programs` is a folder of programs beside the bed's own.
pub(super) fn how_to_reach(bed: &Bed, programs: Option<&Path>) -> String {
    // The process id as the outside sees it: /proc is the outside's.
    let pid = std::fs::read_link("/proc/self").map(|link| link.display().to_string()).unwrap_or_default();
    let programs = programs.map(|folder| format!("{}:", folder.display())).unwrap_or_default();
    format!(
        "\
Go inside:        nsenter --preserve-credentials -U -n -t {pid}
then:             export KUBECONFIG={} PATH={}:{programs}$PATH
Istio gateway:    http://{}   (VirtualService with gateways: [gateway/shared])
Gateway API:      http://{}   (HTTPRoute with parentRefs: [{{name: shared, namespace: gateway}}])
Mesh client:      http://{}       (Host: SERVICE.NAMESPACE.svc.cluster.local)
Prometheus:       {}
Logs:             {}",
        bed.kubeconfig().display(),
        bed.tools().bin().display(),
        bed.istio_gateway(),
        bed.gateway_api(),
        bed.mesh_client(),
        bed.prometheus_url(),
        bed.logs().display(),
    )
}

/// Waits for Ctrl-C.
pub(super) async fn interrupt() -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("could not listen for Ctrl-C")?;
    interrupt.recv().await;
    Ok(())
}
