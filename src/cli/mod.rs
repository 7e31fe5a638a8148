//! The command line: one file a command.

mod analyze;
mod characterize;
mod crds;
mod credentials;
mod failure;
mod get;
mod judge;
mod kube;
mod power;
mod preview;
mod prometheus;
mod run;
mod screen;
mod subject;
mod verb;
mod watch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use failure::Failure;

use self::kube::ClusterArgs;
use crate::{api::Verb, model::SystemClock};

/// Progressive delivery for service meshes: canaries in place, judged by statistics
#[derive(Debug, Parser)]
#[command(name = "siskin", version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the controller
    Run(Box<run::RunArgs>),
    /// Show a Rollout, or all of them
    Get {
        #[command(flatten)]
        cluster: ClusterArgs,
        #[command(flatten)]
        args: get::GetArgs,
    },
    /// Stay at the current weight
    #[command(after_help = verb::help(Verb::Pause))]
    Pause {
        #[command(flatten)]
        cluster: ClusterArgs,
        #[command(flatten)]
        args: verb::VerbArgs,
    },
    /// Go on after a pause
    #[command(after_help = verb::help(Verb::Resume))]
    Resume {
        #[command(flatten)]
        cluster: ClusterArgs,
        #[command(flatten)]
        args: verb::VerbArgs,
    },
    /// Pass the current step, or all of them, without waiting for evidence
    #[command(after_help = verb::help(Verb::Promote))]
    Promote {
        #[command(flatten)]
        cluster: ClusterArgs,
        #[command(flatten)]
        args: verb::PromoteArgs,
    },
    /// Take all traffic back to the stable version
    #[command(after_help = verb::help(Verb::Abort))]
    Abort {
        #[command(flatten)]
        cluster: ClusterArgs,
        #[command(flatten)]
        args: verb::VerbArgs,
    },
    /// Run a rolled back version once more
    #[command(after_help = verb::help(Verb::Retry))]
    Retry {
        #[command(flatten)]
        cluster: ClusterArgs,
        #[command(flatten)]
        args: verb::VerbArgs,
    },
    /// Roll the new version out without a canary
    #[command(after_help = verb::help(Verb::Skip))]
    Skip {
        #[command(flatten)]
        cluster: ClusterArgs,
        #[command(flatten)]
        args: verb::VerbArgs,
    },
    /// Show what would be done to the routes, without a cluster
    Preview(preview::PreviewArgs),
    /// Compare two versions once; the exit code is the verdict
    Analyze(Box<analyze::AnalyzeArgs>),
    /// Tell what an analysis would find, and when, before a rollout
    Power(Box<power::PowerArgs>),
    /// Rerun the tables of the judge's error rates
    Characterize(characterize::CharacterizeArgs),
    /// Judge canaries for other systems
    Judge(judge::JudgeArgs),
    /// Print the kinds to install in a cluster, or write them to files
    Crds(crds::CrdsArgs),
}

/// Says what is wrong with a command line; gives the exit code. That of `analyze` is its verdict, and a command line that
/// can't be read is none.
pub fn refuse(error: &clap::Error, command: Option<&str>) -> ExitCode {
    // Where the terminal is gone there is nobody to tell.
    drop(error.print());
    match (error.use_stderr(), command) {
        (false, _) => ExitCode::SUCCESS,
        (true, Some("analyze")) => ExitCode::from(3),
        (true, _) => ExitCode::from(2),
    }
}

impl Cli {
    /// Does what the command line says.
    pub async fn run(self) -> ExitCode {
        let command = match self.command {
            Command::Analyze(args) => return analyze::run(&args, &SystemClock).await,
            command => command,
        };
        match command.run().await {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.report(),
        }
    }
}

impl Command {
    async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Run(args) => Ok(run::run(*args).await?),
            Self::Get { cluster, args } => get::run(&args, cluster.connect().await?, &SystemClock).await,
            Self::Pause { cluster, args } => ask(Verb::Pause, &cluster, &args).await,
            Self::Resume { cluster, args } => ask(Verb::Resume, &cluster, &args).await,
            Self::Promote { cluster, args } => ask(args.verb(), &cluster, args.common()).await,
            Self::Abort { cluster, args } => ask(Verb::Abort, &cluster, &args).await,
            Self::Retry { cluster, args } => ask(Verb::Retry, &cluster, &args).await,
            Self::Skip { cluster, args } => ask(Verb::Skip, &cluster, &args).await,
            Self::Preview(args) => preview::run(&args),
            // Its exit code is not that of a failure; `Cli::run` has taken it.
            Self::Analyze(_) => Ok(()),
            Self::Power(args) => power::run(&args, &SystemClock).await,
            Self::Characterize(args) => characterize::run(&args),
            Self::Judge(args) => judge::run(args).await,
            Self::Crds(args) => Ok(crds::run(&args)?),
        }
    }
}

async fn ask(verb: Verb, cluster: &ClusterArgs, args: &verb::VerbArgs) -> Result<(), Failure> {
    verb::run(verb, args, cluster.connect().await?, &SystemClock).await
}
