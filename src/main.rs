//! The `siskin` binary: parse, run, exit code; nothing else.

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    // Nothing chooses one by itself, and every HTTP client needs one. It fails only where there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    siskin::cli::Cli::parse().run().await
}
