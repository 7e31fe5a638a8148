//! The program that is shown: where it is, its chart, and its controller with the rights that the chart gives.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};
use siskin_bed::{Bed, Server};

/// Names the program where it does not lie beside this one.
const PROGRAM: &str = "SISKIN_BIN";
/// Where the chart is installed.
const SYSTEM: &str = "siskin-system";
/// The chart of this checkout.
const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../charts/siskin");

/// The program's file: `$SISKIN_BIN`, else the one beside this program.
pub(super) fn program() -> anyhow::Result<PathBuf> {
    let named = env::var_os(PROGRAM).filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = match named {
        Some(path) => path,
        None => env::current_exe().context("could not find this program's own file")?.with_file_name("siskin"),
    };
    ensure!(
        path.is_file(),
        "there is no `siskin` at {}: run `cargo build --bin siskin`, or name the program with {PROGRAM}",
        path.display()
    );
    Ok(path)
}

/// A command of the program, in the bed's environment.
pub(super) fn command(bed: &Bed) -> anyhow::Result<Command> {
    Ok(bed.command(program()?))
}

/// Installs the chart by Helm. The bed runs no images, so the chart's own Deployment has no pods here.
pub(super) async fn install_chart(bed: &Bed) {
    let options = ["--namespace", SYSTEM, "--create-namespace", "--set", "replicas=0", "--wait"];
    bed.helm(&[&["install", "siskin", CHART][..], &options].concat()).await;
}

/// Starts the controller with the token of the chart's `ServiceAccount`.
pub(super) async fn start_controller(bed: &Bed) -> anyhow::Result<Server> {
    let kubeconfig = bed.kubeconfig_for(SYSTEM, "siskin").await;
    let mut controller = command(bed)?;
    controller
        .env("KUBECONFIG", kubeconfig)
        .args(["run", "--prometheus-url", bed.prometheus_url(), "--listen", "127.0.0.1:0"])
        .args(["--lease-namespace", SYSTEM, "--log-format", "text"]);
    Ok(bed.spawn("siskin", controller))
}
