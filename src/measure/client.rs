//! The way to Prometheus: one HTTP client for all its addresses, with a bound on how many queries are on their way at
//! once, on how long each may take, and on how much is read. Every failure on the way comes back as a gap; nothing here panics or retries,
//! the next look is the retry. The requests are `prometheus_http_query`'s; their answers are read by
//! [`answer`](super::answer).

use std::{collections::BTreeMap, error::Error, iter::successors, sync::Arc, time::Duration};

use prometheus_http_query::Error as QueryError;
use reqwest::{Response, StatusCode, Url, header::LOCATION};
use tokio::time;

use super::{
    allow::AllowedAddresses,
    answer::{self, Answer, Series, Span},
    credentials::{Access, CredentialError, CredentialFiles, builder},
    enforce::Enforced,
    gather::Gathering,
    outcome::{Gap, QueryRecord},
    slots::{Slot, Slots},
};

/// The largest answer that is read, in bytes. The series of a look are far smaller, and a window is asked for in parts.
const LARGEST_ANSWER: usize = 16 << 20;
/// Answers up to this size, in bytes, are read as many at once as there are queries on their way.
const SMALL_ANSWER: usize = 1 << 20;
/// How many larger ones are read at once. Together with the small ones they are what is held unread: 80 MiB with 16
/// queries on their way.
const LARGE_ANSWERS: usize = 4;
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
    /// How long a look waits for those of other rollouts of its namespace that can be asked for together with it; zero:
    /// not at all.
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
    /// For queries on their way, up to the last byte of the answer that has been read and understood.
    slots: Arc<Slots>,
    /// For large answers.
    large: Arc<Slots>,
    pub(super) enforced: Option<Arc<Enforced>>,
    call_timeout: Duration,
    pub(super) gathering: Arc<Gathering>,
}

/// The answer is more than can be had at once; of a window a part may be had.
enum TooMuch {
    /// It is too large to be read.
    Bytes,
    /// Prometheus would have to load too much. Holds its own text.
    Samples(String),
}

impl From<TooMuch> for Gap {
    fn from(too_much: TooMuch) -> Self {
        match too_much {
            TooMuch::Bytes => {
                Self::WrongShape(format!("its answer is larger than {} MiB; aggregate more", LARGEST_ANSWER >> 20))
            }
            TooMuch::Samples(text) => Self::Refused(format!(
                "{text}; ask for fewer series or a shorter range, or raise the limit of Prometheus (--query.max-samples)"
            )),
        }
    }
}

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
            slots: Slots::new(concurrency),
            large: Slots::new(LARGE_ANSWERS),
            enforced: None,
            call_timeout,
            gathering: Arc::new(Gathering::new(gather)),
        })
    }

    /// The same client, which asks each namespace's queries for the series alone that have its name in a label.
    #[must_use]
    pub fn enforcing(self, enforced: Enforced) -> Self {
        Self { enforced: Some(Arc::new(enforced)), ..self }
    }

    /// The addresses that may be called.
    pub fn addresses(&self) -> &AllowedAddresses {
        &self.addresses
    }

    /// Evaluates a query for a namespace, as it stands.
    pub(super) async fn ask(
        &self,
        namespace: &str,
        address: Option<&str>,
        query: &str,
        span: Span,
    ) -> (Answer, QueryRecord) {
        let start = time::Instant::now();
        let answer = self.in_parts(&Question { namespace, address, query }, span).await;
        let outcome = match &answer {
            Ok(series) if series.is_empty() => "NoSeries",
            Ok(_) => "Samples",
            Err(gap) => gap.reason(),
        };
        (answer, QueryRecord { outcome, took: start.elapsed() })
    }

    /// Asks for a window in ever smaller parts as long as its answer is too much.
    async fn in_parts(&self, question: &Question<'_>, span: Span) -> Answer {
        let (mut pending, mut joined) = (vec![span], BTreeMap::<Arc<str>, Series>::new());
        while let Some(span) = pending.pop() {
            match (self.in_time(question, span).await, span) {
                (Ok(answer), _) => {
                    for series in answer? {
                        match joined.get_mut(&series.text) {
                            Some(known) => known.points.extend(series.points),
                            None => drop(joined.insert(Arc::clone(&series.text), series)),
                        }
                    }
                }
                (Err(_), Span::Over(window)) if window.len() > 1 => {
                    let halves: Vec<_> = window.parts((window.len() + 1) / 2).map(Span::Over).collect();
                    pending.extend(halves.into_iter().rev());
                }
                (Err(too_much), _) => return Err(too_much.into()),
            }
        }
        Ok(joined.into_values().collect())
    }

    async fn in_time(&self, question: &Question<'_>, span: Span) -> Result<Answer, TooMuch> {
        let limit = match span {
            Span::At(_) => self.call_timeout,
            Span::Over(_) => self.call_timeout * RANGE_PATIENCE,
        };
        time::timeout(limit, self.call(question, span, limit)).await.unwrap_or_else(|_| {
            let limit = humantime::format_duration(limit);
            Ok(Err(Gap::Unfinished(format!("the answer took longer than {limit}"))))
        })
    }

    async fn call(&self, question: &Question<'_>, span: Span, limit: Duration) -> Result<Answer, TooMuch> {
        let url = match self.addresses.resolve(question.address) {
            Ok(url) => url,
            Err(error) => return Ok(Err(Gap::AddressNotAllowed(error.to_string()))),
        };
        // Held until the answer is series: an answer that waits to be understood is as large as one on its way.
        let _slot = self.slots.take(question.namespace).await;
        let response = match self.send(url, question.query, span, limit).await {
            Ok(response) => response,
            Err(gap) => return Ok(Err(gap)),
        };
        let status = response.status();
        if status.is_redirection() {
            return Ok(Err(down(redirected(&response))));
        }
        match self.body(question.namespace, response).await? {
            Ok(body) => match answer::read(status, &body.bytes, span) {
                Err(Gap::Refused(text)) if text.contains("too many samples") => Err(TooMuch::Samples(text)),
                answer => Ok(answer),
            },
            Err(gap) => Ok(Err(gap)),
        }
    }

    /// Reads the body, up to a bound.
    async fn body(&self, namespace: &str, mut response: Response) -> Result<Result<Body, Gap>, TooMuch> {
        let mut body = Body::default();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    let length = body.bytes.len() + chunk.len();
                    if length > LARGEST_ANSWER {
                        return Err(TooMuch::Bytes);
                    }
                    if length > SMALL_ANSWER && body.large.is_none() {
                        body.large = Some(self.large.take(namespace).await);
                    }
                    body.bytes.extend_from_slice(&chunk);
                }
                Ok(None) => return Ok(Ok(body)),
                Err(error) => return Ok(Err(down(format!("its answer broke off: {}", root(&error))))),
            }
        }
    }

    async fn send(&self, url: Url, query: &str, span: Span, limit: Duration) -> Result<Response, Gap> {
        let http = if self.addresses.is_default(&url) { self.access.current() } else { self.open.clone() };
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

/// What is asked.
struct Question<'a> {
    /// Whose query it is.
    namespace: &'a str,
    /// The Prometheus to ask, where it is not the default one.
    address: Option<&'a str>,
    query: &'a str,
}

/// An answer that has been read, and its slot where it is a large one.
#[derive(Default)]
struct Body {
    bytes: Vec<u8>,
    large: Option<Slot>,
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
