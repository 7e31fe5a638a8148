//! Logs: text for people on a terminal, JSON for machines, always on stderr.

use std::io::{IsTerminal, stderr};

use anyhow::Context;
use tracing_subscriber::{EnvFilter, fmt};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// Text.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging for the whole process. `filter` is a level, or directives as of `RUST_LOG`.
///
/// # Errors
/// The filter can't be read, or logging was started before.
pub fn start_logging(filter: &str, format: LogFormat) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter).with_context(|| format!("the log filter `{filter}` can't be read"))?;
    let logs = fmt().with_env_filter(filter).with_writer(stderr);
    let json = match format {
        LogFormat::Auto => !stderr().is_terminal(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let started = if json {
        logs.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    } else {
        // On a terminal the default, which knows NO_COLOR.
        if stderr().is_terminal() { logs.try_init() } else { logs.with_ansi(false).try_init() }
    };
    started.map_err(|error| anyhow::anyhow!("logging can't be started: {error}"))
}
