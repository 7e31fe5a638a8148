//! The command line: one file a command.

mod crds;
mod kube;
mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
    /// Print the CustomResourceDefinitions, or write them to files
    Crds(crds::CrdsArgs),
}

impl Cli {
    /// Does what the command line says.
    pub async fn run(self) -> ExitCode {
        let done = match self.command {
            Command::Run(args) => run::run(*args).await,
            Command::Crds(args) => crds::run(&args),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error:#}");
                ExitCode::FAILURE
            }
        }
    }
}
