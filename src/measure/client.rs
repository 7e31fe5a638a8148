//! The way to Prometheus: one HTTP client for all its addresses, with a bound on how many queries are on their way at
//! once and on how long each may take. Every failure on the way comes back as a gap; nothing here panics or retries,
//! the next look is the retry. The requests are `prometheus_http_query`'s; their answers are read by
//! [`answer`](super::answer).

use std::{collections::BTreeMap, error::Error, iter::successors, sync::Arc, time::Duration};

use prometheus_http_query::Error as QueryError;
use reqwest::{Response, StatusCode, header::LOCATION};
use tokio::{sync::Semaphore, time};

use super::{
    allow::AllowedAddresses,
    answer::{self, Answer, Series, Span},
    credentials::{Access, CredentialError, CredentialFiles, builder},
    gather::Gathering,
    outcome::{Gap, QueryRecord},
};

/// The largest answer that is read, in bytes: some 100 000 series. More can't be meant at one time, and of a window is
/// asked for in parts.
const LARGEST_ANSWER: usize = 16 << 20;
/// How many times longer than at one time a query may take over a window.
const RANGE_PATIENCE: u32 = 6;

/// Bounds on what the client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientOptions {
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// How long a query may take as a whole, from waiting for a free slot to the last byte; over a window six times as
    /// long.
    pub call_timeout: Duration,
    /// How many queries are on their way at once, over all rollouts. Prometheus itself evaluates 20 at once by default.
    pub concurrency: usize,
    /// How long a look waits for those of other rollouts that can be asked for together with it; zero: not at all.
    pub gather: Duration,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(2),
            call_timeout: Duration::from_secs(5),
            concurrency: 16,
            gather: Duration::ZERO,
        }
    }
}

/// Asks Prometheus. Clones share connections and bounds.
#[derive(Clone, Debug)]
pub struct Client {
    /// For addresses that no credentials are for.
    open: reqwest::Client,
    /// For the default address.
    access: Arc<Access>,
    addresses: Arc<AllowedAddresses>,
    slots: Arc<Semaphore>,
    call_timeout: Duration,
    pub(super) gathering: Arc<Gathering>,
}

/// The answer is too large to be read.
struct TooLarge;

impl Client {
    /// A client that shows no credentials.
    ///
    /// # Errors
    /// The operating system's certificates can't be read.
    pub fn new(addresses: AllowedAddresses, options: ClientOptions) -> Result<Self, CredentialError> {
        Self::with_credentials(addresses, options, CredentialFiles::default())
    }

    /// A client that shows these credentials to the default address and what is below it, and to no other.
    ///
    /// # Errors
    /// One of the files can't be read or used.
    pub fn with_credentials(
        addresses: AllowedAddresses,
        options: ClientOptions,
        files: CredentialFiles,
    ) -> Result<Self, CredentialError> {
        let ClientOptions { connect_timeout, call_timeout, concurrency, gather } = options;
        Ok(Self {
            open: builder(connect_timeout).build().map_err(|error| CredentialError::Client(root(&error)))?,
            access: Arc::new(Access::new(files, connect_timeout)?),
            addresses: Arc::new(addresses),
            slots: Arc::new(Semaphore::new(concurrency.max(1))),
            call_timeout,
            gathering: Arc::new(Gathering::new(gather)),
        })
    }

    /// The addresses that may be called.
    pub fn addresses(&self) -> &AllowedAddresses {
        &self.addresses
    }

    /// Evaluates a query.
    pub(super) async fn ask(&self, address: Option<&str>, query: &str, span: Span) -> (Answer, QueryRecord) {
        let start = time::Instant::now();
        let answer = self.in_parts(address, query, span).await;
        let outcome = match &answer {
            Ok(series) if series.is_empty() => "NoSeries",
            Ok(_) => "Samples",
            Err(gap) => gap.reason(),
        };
        (answer, QueryRecord { outcome, took: start.elapsed() })
    }

    /// Asks for a window in ever smaller parts as long as its answer is too large.
    async fn in_parts(&self, address: Option<&str>, query: &str, span: Span) -> Answer {
        let too_large = format!("its answer is larger than {} MiB; aggregate more", LARGEST_ANSWER >> 20);
        let (mut pending, mut joined) = (vec![span], BTreeMap::<Arc<str>, Series>::new());
        while let Some(span) = pending.pop() {
            match (self.in_time(address, query, span).await, span) {
                (Ok(answer), _) => {
                    for series in answer? {
                        match joined.get_mut(&series.text) {
                            Some(known) => known.points.extend(series.points),
                            None => drop(joined.insert(Arc::clone(&series.text), series)),
                        }
                    }
                }
                (Err(TooLarge), Span::Over(window)) if window.len() > 1 => {
                    let halves: Vec<_> = window.parts((window.len() + 1) / 2).map(Span::Over).collect();
                    pending.extend(halves.into_iter().rev());
                }
                (Err(TooLarge), _) => return Err(Gap::WrongShape(too_large)),
            }
        }
        Ok(joined.into_values().collect())
    }

    async fn in_time(&self, address: Option<&str>, query: &str, span: Span) -> Result<Answer, TooLarge> {
        let limit = match span {
            Span::At(_) => self.call_timeout,
            Span::Over(_) => self.call_timeout * RANGE_PATIENCE,
        };
        time::timeout(limit, self.call(address, query, span, limit)).await.unwrap_or_else(|_| {
            Ok(Err(down(format!("the answer took longer than {}", humantime::format_duration(limit)))))
        })
    }

    async fn call(&self, address: Option<&str>, query: &str, span: Span, limit: Duration) -> Result<Answer, TooLarge> {
        let response = match self.send(address, query, span, limit).await {
            Ok(response) => response,
            Err(gap) => return Ok(Err(gap)),
        };
        let status = response.status();
        if status.is_redirection() {
            return Ok(Err(down(redirected(&response))));
        }
        match body(response).await? {
            Ok(body) => match answer::read(status, &body, span) {
                Err(Gap::Refused(text)) if text.contains("too many samples") => Err(TooLarge),
                answer => Ok(answer),
            },
            Err(gap) => Ok(Err(gap)),
        }
    }

    async fn send(&self, address: Option<&str>, query: &str, span: Span, limit: Duration) -> Result<Response, Gap> {
        let url = self.addresses.resolve(address).map_err(|error| Gap::AddressNotAllowed(error.to_string()))?;
        let http = if self.addresses.is_default(&url) { self.access.current() } else { self.open.clone() };
        let _slot = self.slots.acquire().await.map_err(|_| down("the controller stops"))?;

        let prometheus = prometheus_http_query::Client::from(http, url.as_str().trim_end_matches('/'))
            .map_err(|error| down(explain(&error)))?;
        let timeout = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
        let sent = match span {
            Span::At(at) => {
                // Not `at()`, which has whole seconds: a look is at a millisecond.
                let time = format!("{:.3}", at.as_millisecond() as f64 / 1000.0);
                prometheus.query(query).query("time", time).timeout(timeout).post_raw().await
            }
            Span::Over(window) => {
                let (first, last) = window.bounds();
                let step = window.step().as_secs_f64();
                prometheus.query_range(query, first, last, step).timeout(timeout).post_raw().await
            }
        };
        sent.map_err(|error| down(explain(&error)))
    }
}

/// Reads the body, up to a bound.
async fn body(mut response: Response) -> Result<Result<Vec<u8>, Gap>, TooLarge> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > LARGEST_ANSWER => return Err(TooLarge),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(Ok(body)),
            Err(error) => return Ok(Err(down(format!("its answer broke off: {}", root(&error))))),
        }
    }
}

fn redirected(response: &Response) -> String {
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok()).unwrap_or("nowhere");
    let status: StatusCode = response.status();
    format!("it answered {status} and points to `{location}`; redirects are not followed, give the final address")
}

/// Says what happened on the way, without the URL, which everyone who reads this knows.
fn explain(error: &QueryError) -> String {
    let connects = matches!(error, QueryError::Client(sent) if sent.inner().is_some_and(reqwest::Error::is_connect));
    let what = if connects { "can't connect" } else { "the request broke off" };
    format!("{what}: {}", root(error))
}

/// The innermost cause of an error, which is the one that says something.
pub(super) fn root(error: &(dyn Error + 'static)) -> String {
    successors(Some(error), |&error| error.source()).last().map(ToString::to_string).unwrap_or_default()
}

fn down(text: impl Into<String>) -> Gap {
    Gap::ProviderDown(text.into())
}
