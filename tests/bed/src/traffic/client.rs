//! One request over a pool of kept-alive connections.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::net::TcpStream;

use super::Record;

type Connection = SendRequest<Empty<Bytes>>;

pub(super) struct Client {
    address: SocketAddr,
    headers: HeaderMap,
    path: String,
    timeout: Duration,
    idle: Mutex<Vec<Connection>>,
    /// Every version and error text seen, so that a million records share a few.
    texts: Mutex<Vec<Arc<str>>>,
}

impl Client {
    pub(super) fn new(
        address: SocketAddr,
        headers: HeaderMap,
        path: String,
        timeout: Duration,
    ) -> Self {
        Self {
            address,
            headers,
            path,
            timeout,
            idle: Mutex::default(),
            texts: Mutex::default(),
        }
    }

    /// Sends one request and writes down what became of it.
    pub(super) async fn request(&self) -> Record {
        let sent = Timestamp::now();
        let started = Instant::now();
        let outcome = match tokio::time::timeout(self.timeout, self.send()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("no answer within {:?}", self.timeout)),
        };
        let took = started.elapsed();
        match outcome {
            Ok(response) => {
                let version = response
                    .headers()
                    .get("x-version")
                    .and_then(|value| value.to_str().ok());
                let version = version.map(|version| self.text(version));
                Record {
                    sent,
                    took,
                    status: Some(response.status().as_u16()),
                    version,
                    error: None,
                }
            }
            Err(error) => Record {
                sent,
                took,
                status: None,
                version: None,
                error: Some(self.text(&error)),
            },
        }
    }

    /// The answer with its body read to the end.
    async fn send(&self) -> Result<Response<()>, String> {
        let mut request = self.build();
        loop {
            let mut connection = self.connection().await?;
            match connection.try_send_request(request).await {
                Ok(response) => return self.finish(connection, response).await,
                Err(mut failure) => match failure.take_message() {
                    // An idle connection was closed before a byte of the request left: any client takes another one.
                    Some(unsent) => request = unsent,
                    None => return Err(describe("the connection broke", &failure.into_error())),
                },
            }
        }
    }

    async fn finish(
        &self,
        connection: Connection,
        response: Response<Incoming>,
    ) -> Result<Response<()>, String> {
        let (parts, mut body) = response.into_parts();
        while let Some(frame) = body.frame().await {
            frame.map_err(|error| describe("the answer broke off", &error))?;
        }
        if !connection.is_closed() {
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
        }
        Ok(Response::from_parts(parts, ()))
    }

    async fn connection(&self) -> Result<Connection, String> {
        loop {
            let idle = self
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop();
            let Some(mut connection) = idle else { break };
            if connection.ready().await.is_ok() {
                return Ok(connection);
            }
        }
        let stream = TcpStream::connect(self.address)
            .await
            .map_err(|error| describe("no connection", &error))?;
        let _ = stream.set_nodelay(true);
        let (connection, driver) = handshake(TokioIo::new(stream))
            .await
            .map_err(|error| describe("no connection", &error))?;
        tokio::spawn(driver);
        Ok(connection)
    }

    fn build(&self) -> Request<Empty<Bytes>> {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = self.path.parse().unwrap_or_default();
        request.headers_mut().clone_from(&self.headers);
        request
    }

    fn text(&self, text: &str) -> Arc<str> {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = texts.iter().find(|known| known.as_ref() == text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        texts.push(Arc::clone(&new));
        new
    }
}

/// An error with its causes on one line.
fn describe(what: &str, error: &dyn Error) -> String {
    let mut text = format!("{what}: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
