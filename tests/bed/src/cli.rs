//! The verbs of `siskin-bed`, for playing by hand and for scripts.

mod load;
mod usage;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use siskin_bed::tools::Tools;
use siskin_bed::{Bed, isolation};
use tracing_subscriber::EnvFilter;

/// The real servers that Siskin is tested on, in a network namespace of their own
#[derive(Parser)]
#[command(version, about)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Build and fetch the servers that are missing, and print where each is
    Tools,
    /// Start the bed, print how to reach it, and leave it running until Ctrl-C
    Up,
    /// Start the bed, run one command inside with `KUBECONFIG` and `SISKIN_BED_*` set, and end with its exit code
    Run {
        /// The command and its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
    /// Send traffic through the gateway to two versions and print what came of it and what it cost
    Load {
        /// Requests a second
        #[arg(long, default_value_t = 1000.0)]
        rate: f64,
        /// For how long, in seconds
        #[arg(long, default_value_t = 20)]
        seconds: u64,
    },
}

impl Arguments {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("siskin_bed=info"));
        let is_terminal = std::io::stderr().is_terminal();
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(is_terminal).with_writer(std::io::stderr).init();
        if let Verb::Tools = self.verb {
            for (name, path) in Tools::ensure()?.list() {
                println!("{name}\t{}", path.display());
            }
            return Ok(ExitCode::SUCCESS);
        }
        isolation::enter()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        runtime.block_on(async {
            let bed = Bed::shared().await;
            match self.verb {
                Verb::Tools => {}
                Verb::Up => up(bed).await,
                Verb::Run { command } => return run(bed, command).await,
                Verb::Load { rate, seconds } => load::run(bed, rate, seconds).await?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

async fn up(bed: &'static Bed) {
    // The process id as the outside sees it: /proc is the outside's.
    let pid = std::fs::read_link("/proc/self").map(|link| link.display().to_string()).unwrap_or_default();
    println!(
        "\
The bed is up. Ctrl-C ends it.

Go inside:        nsenter --preserve-credentials -U -n -t {pid}
then:             export KUBECONFIG={} PATH={}:$PATH
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
    );
    // The outer process gets the interrupt and ends everything.
    std::future::pending::<()>().await;
}

async fn run(bed: &'static Bed, command: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let mut words = command.into_iter();
    let program = words.next().context("no command was given")?;
    let mut child = tokio::process::Command::from(bed.command(&program))
        .args(words)
        .spawn()
        .with_context(|| format!("could not run {}", program.display()))?;
    let status = child.wait().await.context("could not wait for the command")?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
