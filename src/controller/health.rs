//! The HTTP server for probes and metrics. Anyone in the cluster may reach it, so what a client may hold is bounded:
//! the time for a request's head, the time of a connection, and the number of connections.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::AbortHandle,
    time::{sleep, timeout},
};

use super::metrics::Metrics;
use crate::observe::{Cache, Kind};

/// What the pages are made of.
#[derive(Clone)]
pub(super) struct Health {
    pub(super) metrics: Arc<Metrics>,
    pub(super) cache: Arc<Cache>,
    /// The kinds that must be known before this process is ready.
    pub(super) wanted: BTreeSet<Kind>,
    /// The kinds that are.
    pub(super) known: watch::Receiver<BTreeSet<Kind>>,
}

/// What a client may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// How long a request's head may take to come, and how long a connection may be idle.
    pub(super) head: Duration,
    /// How long a connection may live: then it ends after the answer that is on its way.
    pub(super) connection: Duration,
    /// How long that answer may take then.
    pub(super) last_answer: Duration,
    /// How many connections there may be. One more, and the oldest is closed: whoever opens many and sends nothing
    /// can't keep a probe out.
    pub(super) connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            connection: Duration::from_mins(5),
            last_answer: Duration::from_secs(10),
            connections: 64,
        }
    }
}

/// How long to wait after a connection could not be accepted, as where the process has no file descriptor left.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Serves until the process ends. A connection that fails is no reason to end.
pub(super) async fn serve(listener: TcpListener, health: Health, limits: Limits) -> std::io::Result<()> {
    let pages = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(health);
    let mut connections: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!(%error, "a connection could not be accepted");
                sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        connections.retain(|connection| !connection.is_finished());
        while connections.len() >= limits.connections.max(1) {
            if let Some(oldest) = connections.pop_front() {
                oldest.abort();
            }
        }
        connections.push_back(tokio::spawn(connection(stream, pages.clone(), limits)).abort_handle());
    }
}

/// Serves one connection. How it ends is of no interest: the client goes away, sends no HTTP, or is too slow.
async fn connection(stream: TcpStream, pages: Router, limits: Limits) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(pages));
    let mut connection = std::pin::pin!(connection);
    if timeout(limits.connection, connection.as_mut()).await.is_err() {
        connection.as_mut().graceful_shutdown();
        let _ = timeout(limits.last_answer, connection).await;
    }
}

/// Ready when every kind has been listed once; a follower is as ready as the leader.
async fn ready(State(health): State<Health>) -> (StatusCode, String) {
    let missing: Vec<&str> = {
        let known = health.known.borrow();
        health.wanted.difference(&known).map(|kind| kind.plural()).collect()
    };
    if missing.is_empty() {
        (StatusCode::OK, "ok\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("not listed yet: {}\n", missing.join(", ")))
    }
}

async fn metrics(State(health): State<Health>) -> impl IntoResponse {
    let text = health.metrics.text(&health.cache);
    ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
}

#[cfg(test)]
mod tests;
