//! The application that the pods run: an HTTP/1.1 server that errs and dawdles as its environment says.

mod change;
mod measured;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use measured::Measured;

/// The exposition format that Prometheus insists on being told.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How long an answer takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Latency {
    Fixed(Duration),
    /// `median * exp(sigma * Z)` with a standard normal Z.
    LogNormal {
        median_seconds: f64,
        sigma: f64,
    },
}

/// How the application answers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Behaviour {
    /// Sent in the header `x-version` and as the body.
    pub(crate) version: String,
    /// The chance, 0 to 1, that an answer is a 500.
    pub(crate) error_rate: f64,
    pub(crate) latency: Latency,
}

/// Where the application is on its way to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Phase {
    Serving,
    /// Answers go on, but each closes its connection.
    Draining,
    /// No new connection; open ones end after the answer that they are at.
    Closed,
    Crashed,
}

/// A running application.
pub(crate) struct Application {
    phase: watch::Sender<Phase>,
}

struct Shared {
    behaviour: RwLock<Behaviour>,
    version: HeaderValue,
    body: Bytes,
    measured: Measured,
}

impl Application {
    pub(crate) async fn start(address: SocketAddr, behaviour: Behaviour) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await.with_context(|| format!("could not listen on {address}"))?;
        let version = HeaderValue::from_str(&behaviour.version)
            .with_context(|| format!("the version {:?} cannot be sent as a header", behaviour.version))?;
        let body = Bytes::from(format!("{}\n", behaviour.version));
        let shared =
            Arc::new(Shared { behaviour: RwLock::new(behaviour), version, body, measured: Measured::default() });
        let (phase, receiver) = watch::channel(Phase::Serving);
        tokio::spawn(accept(listener, shared, receiver));
        Ok(Self { phase })
    }

    /// Serves on, and closes each connection with its next answer.
    pub(crate) fn drain(&self) {
        self.phase.send_replace(Phase::Draining);
    }

    /// Closes the listener and lets open answers finish.
    pub(crate) fn close(&self) {
        self.phase.send_replace(Phase::Closed);
    }

    /// Closes everything at once, answers in the middle included.
    pub(crate) fn crash(&self) {
        self.phase.send_replace(Phase::Crashed);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, mut phase: watch::Receiver<Phase>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = phase.wait_for(|phase| *phase >= Phase::Closed) => return,
        };
        match accepted {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream, Arc::clone(&shared), phase.clone()));
            }
            // Out of file descriptors, usually: others must be closed first.
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>, mut phase: watch::Receiver<Phase>) {
    // Small answers must not wait for the peer's acknowledgement.
    let _ = stream.set_nodelay(true);
    let during = phase.clone();
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        let during = during.clone();
        async move { Ok::<_, Infallible>(answer(&shared, &request, &during).await) }
    });
    let mut connection = std::pin::pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    let ending = tokio::select! {
        _ = connection.as_mut() => return,
        ending = phase.wait_for(|phase| *phase >= Phase::Closed) => ending.map_or(Phase::Crashed, |phase| *phase),
    };
    if ending == Phase::Closed {
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            _ = connection => {}
            // A dropped sender is no crash: the answer in the middle is finished.
            Ok(_) = phase.wait_for(|phase| *phase == Phase::Crashed) => {}
        }
    }
}

async fn answer(shared: &Shared, request: &Request<Incoming>, phase: &watch::Receiver<Phase>) -> Response<Full<Bytes>> {
    if request.uri().path() == "/metrics" {
        let mut response = Response::new(Full::from(shared.measured.exposition()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(METRICS_TYPE));
        return response;
    }
    if request.uri().path() == "/behaviour" && request.method() == Method::PUT {
        return change::answer(&shared.behaviour, request.uri().query().unwrap_or_default());
    }
    let started = Instant::now();
    let behaviour = shared.behaviour.read().unwrap_or_else(PoisonError::into_inner).clone();
    let latency = behaviour.latency.draw();
    if !latency.is_zero() {
        sleep(latency).await;
    }
    let is_error = behaviour.error_rate > 0.0 && fastrand::f64() < behaviour.error_rate;
    let status = if is_error { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
    shared.measured.record(status, started.elapsed());
    let mut response = Response::new(Full::from(shared.body.clone()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert("x-version", shared.version.clone());
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if *phase.borrow() != Phase::Serving {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

impl Latency {
    fn draw(self) -> Duration {
        match self {
            Self::Fixed(duration) => duration,
            Self::LogNormal { median_seconds, sigma } => {
                // Box-Muller; the first draw is moved off zero, where the logarithm has no value.
                let radius = (-2.0 * (1.0 - fastrand::f64()).ln()).sqrt();
                let normal = radius * (std::f64::consts::TAU * fastrand::f64()).cos();
                Duration::from_secs_f64((median_seconds * (sigma * normal).exp()).min(60.0))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_drawn_latencies_lie_below_the_median() {
        fastrand::seed(7);
        let latency = Latency::LogNormal { median_seconds: 0.02, sigma: 0.5 };
        let below = (0..10_000).filter(|_| latency.draw() < Duration::from_millis(20)).count();
        assert!((4_800..5_200).contains(&below), "{below} of 10000 were below the median");
    }
}
