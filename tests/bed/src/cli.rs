//! The verbs of `siskin-bed`, for playing by hand and for scripts.

mod access;
mod demo;
mod load;
mod scale;
mod usage;

use std::env;
use std::ffi::OsString;
use std::io::{IsTerminal, stderr};
use std::panic;
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
    /// Ship a bad release and a good one of a small shop, and watch Siskin stop the one and promote the other
    Demo {
        /// Leave everything running afterwards, for playing on by hand, until Ctrl-C
        #[arg(long)]
        keep: bool,
    },
    /// Fill an API server with Rollouts at rest, and print what a controller takes and how soon it is ready
    Scale(scale::ScaleArgs),
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
        // The bed panics with texts for people; where in its source is for whoever asks.
        if env::var_os("RUST_BACKTRACE").is_none() {
            panic::set_hook(Box::new(|panic| eprintln!("error: {}", panic.payload_as_str().unwrap_or("unknown"))));
        }
        self.verb.start_logging();
        if let Verb::Tools = self.verb {
            for (name, path) in Tools::ensure()?.list() {
                println!("{name}\t{}", path.display());
            }
            return Ok(ExitCode::SUCCESS);
        }
        if let Verb::Demo { .. } = self.verb {
            demo::check()?;
        }
        let directory = isolation::enter()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        if let Verb::Scale(args) = self.verb {
            return runtime.block_on(scale::run(directory, args)).map(|()| ExitCode::SUCCESS);
        }
        runtime.block_on(async {
            let bed = Bed::shared().await;
            match self.verb {
                Verb::Tools | Verb::Scale(_) => {}
                Verb::Up => up(bed).await?,
                Verb::Run { command } => return run(bed, command).await,
                Verb::Demo { keep } => return demo::run(bed, keep).await,
                Verb::Load { rate, seconds } => load::run(bed, rate, seconds).await?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

impl Verb {
    /// Logs to stderr: what a person at the demo wants to see of the bed's start, or everything that the bed says.
    fn start_logging(&self) {
        let in_demo = matches!(self, Self::Demo { .. });
        let default = if in_demo { "siskin_bed::bed=info" } else { "siskin_bed=info" };
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
        let logs =
            tracing_subscriber::fmt().with_env_filter(filter).with_ansi(stderr().is_terminal()).with_writer(stderr);
        if in_demo {
            logs.without_time().with_level(false).with_target(false).init();
        } else {
            logs.init();
        }
    }
}

async fn up(bed: &'static Bed) -> anyhow::Result<()> {
    println!("The bed is up. Ctrl-C ends it.\n\n{}", access::how_to_reach(bed, None));
    access::interrupt().await
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
