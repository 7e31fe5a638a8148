//! The way to Prometheus: one HTTP client for all its addresses, with a bound on how many queries are on their way at
//! once and on how long each may take. Every failure on the way comes back as a gap; nothing here panics or retries,
//! the next look is the retry.

use std::{error::Error, iter::successors, sync::Arc, time::Duration};

use prometheus_http_query::Error as QueryError;
use reqwest::{Response, StatusCode, header::LOCATION, redirect};
use tokio::{sync::Semaphore, time};

use super::{
    allow::AllowedAddresses,
    answer,
    outcome::{Gap, QueryOutcome, QueryRecord},
};
use crate::model::Timestamp;

/// The largest answer that is read, in bytes: some 100 000 series. More can't be meant.
const LARGEST_ANSWER: usize = 16 << 20;

/// Bounds on what the client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientOptions {
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// How long a query may take as a whole, from waiting for a free slot to the last byte.
    pub call_timeout: Duration,
    /// How many queries are on their way at once, over all rollouts. Prometheus itself evaluates 20 at once by default.
    pub concurrency: usize,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(2), call_timeout: Duration::from_secs(5), concurrency: 16 }
    }
}

/// Asks Prometheus. Clones share connections and bounds.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    addresses: Arc<AllowedAddresses>,
    slots: Arc<Semaphore>,
    call_timeout: Duration,
}

impl Client {
    /// A client for these addresses.
    ///
    /// # Errors
    /// The operating system's certificates can't be read.
    pub fn new(addresses: AllowedAddresses, options: ClientOptions) -> Result<Self, reqwest::Error> {
        let ClientOptions { connect_timeout, call_timeout, concurrency } = options;
        // The HTTP client panics where the process has no TLS provider yet; where it has one, this changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .user_agent(concat!("siskin/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(connect_timeout)
            // A redirect would leave the allowed addresses, or turn the POST into a GET without a query.
            .redirect(redirect::Policy::none())
            .build()?;
        let slots = Arc::new(Semaphore::new(concurrency.max(1)));
        Ok(Self { http, addresses: Arc::new(addresses), slots, call_timeout })
    }

    /// The addresses that may be called.
    pub fn addresses(&self) -> &AllowedAddresses {
        &self.addresses
    }

    /// Evaluates a query at a time.
    pub(super) async fn ask(&self, address: Option<&str>, query: &str, at: Timestamp) -> (QueryOutcome, QueryRecord) {
        let start = time::Instant::now();
        let outcome = time::timeout(self.call_timeout, self.call(address, query, at)).await.unwrap_or_else(|_| {
            let limit = humantime::format_duration(self.call_timeout);
            Err(Gap::ProviderDown(format!("the answer took longer than {limit}")))
        });
        let record =
            QueryRecord { outcome: outcome.as_ref().map_or_else(Gap::reason, |_| "Samples"), took: start.elapsed() };
        (outcome, record)
    }

    async fn call(&self, address: Option<&str>, query: &str, at: Timestamp) -> QueryOutcome {
        let url = self.addresses.resolve(address).map_err(|error| Gap::AddressNotAllowed(error.to_string()))?;
        let prometheus = prometheus_http_query::Client::from(self.http.clone(), url.as_str())
            .map_err(|error| Gap::AddressNotAllowed(error.to_string()))?;
        let _slot = self.slots.acquire().await.map_err(|_| down("the controller stops"))?;

        // Times are sent by hand because the crate's own parameter has whole seconds.
        let time = format!("{:.3}", at.as_millisecond() as f64 / 1000.0);
        let timeout = i64::try_from(self.call_timeout.as_millis()).unwrap_or(i64::MAX);
        let response = prometheus.query(query).query("time", time).timeout(timeout).post_raw().await;
        let response = response.map_err(|error| down(explain(&error)))?;
        let status = response.status();
        if status.is_redirection() {
            return Err(down(redirected(&response)));
        }
        answer::read(status, &body(response).await?, query)
    }
}

/// Reads the body, up to a bound.
async fn body(mut response: Response) -> Result<Vec<u8>, Gap> {
    let mut body = Vec::new();
    while let Some(chunk) =
        response.chunk().await.map_err(|error| down(format!("its answer broke off: {}", root(&error))))?
    {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(Gap::WrongShape(format!(
                "its answer is larger than {} MiB; aggregate more",
                LARGEST_ANSWER >> 20
            )));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn redirected(response: &Response) -> String {
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok()).unwrap_or("nowhere");
    let status: StatusCode = response.status();
    format!("it answered {status} and points to `{location}`; redirects are not followed, give the final address")
}

/// Says what happened on the way, without the URL, which everyone who reads this knows.
fn explain(error: &QueryError) -> String {
    let QueryError::Client(client) = error else { return error.to_string() };
    match client.inner() {
        Some(cause) if cause.is_connect() => format!("can't connect: {}", root(cause)),
        Some(cause) => format!("the request broke off: {}", root(cause)),
        None => client.to_string(),
    }
}

/// The innermost cause of an error, which is the one that says something.
fn root(error: &(dyn Error + 'static)) -> String {
    successors(Some(error), |&error| error.source()).last().map(ToString::to_string).unwrap_or_default()
}

fn down(text: impl Into<String>) -> Gap {
    Gap::ProviderDown(text.into())
}
