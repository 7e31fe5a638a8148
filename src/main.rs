//! The `siskin` binary: parse, run, exit code; nothing else.

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    // Nothing chooses one by itself, and every HTTP client needs one. It fails only where there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match siskin::cli::Cli::try_parse() {
        Ok(cli) => cli.run().await,
        Err(error) => siskin::cli::refuse(&error, std::env::args().nth(1).as_deref()),
    }
}
