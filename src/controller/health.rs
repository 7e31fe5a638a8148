//! The HTTP server for probes and metrics.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};
use tokio::{net::TcpListener, sync::watch};

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

/// Serves until the process ends. A connection that fails is no reason to end.
pub(super) async fn serve(listener: TcpListener, health: Health) -> std::io::Result<()> {
    let pages = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(health);
    axum::serve(listener, pages).await
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
