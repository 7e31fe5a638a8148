//! `siskin judge serve`: the server's options, its start and its end.

use std::{net::SocketAddr, time::Duration};

use clap::{Args, ValueEnum};
use tokio::net::TcpListener;

use super::pages;
use crate::{
    cli::failure::Failure,
    controller::{LogFormat, start_logging, stop_on_signal},
    judge::kayenta,
};

/// How long running judgements may take to finish once a stop was asked for.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Arguments of `siskin judge serve`.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, env = "SISKIN_JUDGE_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Which statistics decide
    #[arg(long, env = "SISKIN_JUDGE", value_enum, default_value_t)]
    judge: Judge,
    /// What is logged: error, warn, info, debug, trace, or directives
    #[arg(long, env = "RUST_LOG", value_name = "FILTER", default_value = "info")]
    log: String,
    /// How log lines look
    #[arg(long, env = "SISKIN_LOG_FORMAT", value_name = "FORMAT", value_enum, default_value_t)]
    log_format: LogFormat,
}

/// Which statistics decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Judge {
    /// Those of Kayenta's own judge, to the number
    #[default]
    Kayenta,
    /// Siskin's own, as far as two time series a metric allow
    Siskin,
}

impl Judge {
    /// Judges what was asked for.
    pub(super) fn judge(
        self,
        request: &kayenta::JudgeRequest,
    ) -> Result<kayenta::KayentaJudgement, kayenta::KayentaError> {
        match self {
            Self::Kayenta => kayenta::judge_request(request),
            Self::Siskin => kayenta::judge_by_siskin(request),
        }
    }
}

/// Serves until the process is told to stop.
pub(super) async fn run(ServeArgs { listen, judge, log, log_format }: ServeArgs) -> Result<(), Failure> {
    start_logging(&log, log_format)?;
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        Failure::refused(format!("can't listen on {listen}: {error}")).hint("`--listen` takes another address")
    })?;
    let address = listener.local_addr()?;
    tracing::info!(%address, ?judge, "judging");
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "reachable from other machines, and there is no authentication");
    }
    let stop = stop_on_signal("running judgements come to their end first")?;
    let serving = axum::serve(listener, pages::router(judge)).with_graceful_shutdown(stop.clone().cancelled_owned());
    let overtime = async {
        stop.cancelled().await;
        tokio::time::sleep(STOP_TIMEOUT).await;
    };
    tokio::select! {
        ended = serving => ended?,
        () = overtime => tracing::warn!("judgements that did not end within {} s are dropped", STOP_TIMEOUT.as_secs()),
    }
    tracing::info!("stopped");
    Ok(())
}
