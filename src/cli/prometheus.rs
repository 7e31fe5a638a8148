//! The options that say where Prometheus is, for commands that ask it themselves.

use clap::Args;

use super::{Failure, credentials::CredentialArgs};
use crate::measure::{AllowedAddresses, Client, ClientOptions};

/// Where Prometheus is, and how it is told who asks.
#[derive(Args, Clone, Debug)]
pub(super) struct PrometheusArgs {
    /// Base URL of Prometheus, or of what speaks its API
    #[arg(long, value_name = "URL")]
    pub(super) prometheus: Option<String>,
    /// Another base URL that a template's metric may name; can be given more than once
    #[arg(long, value_name = "URL")]
    allow_prometheus: Vec<String>,
    #[command(flatten)]
    credentials: CredentialArgs,
}

impl PrometheusArgs {
    /// The way to the Prometheus at this address.
    pub(super) fn client(&self, address: &str) -> Result<Client, Failure> {
        let addresses = AllowedAddresses::new(address, &self.allow_prometheus)
            .map_err(|error| Failure::usage(format!("--prometheus: {error}")))?;
        Client::with_credentials(addresses, ClientOptions::default(), self.credentials.clone().files())
            .map_err(|error| Failure::refused(error.to_string()))
    }
}
