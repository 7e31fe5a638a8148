//! `siskin judge`: verdicts for systems that have the data themselves.

mod pages;
mod serve;

use clap::{Args, Subcommand};

use super::failure::Failure;

/// Arguments of `siskin judge`.
#[derive(Debug, Args)]
pub(super) struct JudgeArgs {
    #[command(subcommand)]
    command: JudgeCommand,
}

#[derive(Debug, Subcommand)]
enum JudgeCommand {
    /// Answer Kayenta, Spinnaker's canary analysis, as its remote judge
    ///
    /// Kayenta posts the time series of both versions to /judge and takes the answer as the result of its analysis. There
    /// is no authentication: whoever reaches the address can ask.
    Serve(serve::ServeArgs),
}

/// Does what was asked for.
pub(super) async fn run(JudgeArgs { command }: JudgeArgs) -> Result<(), Failure> {
    match command {
        JudgeCommand::Serve(args) => serve::run(args).await,
    }
}
