//! The load generator: an open-loop client that writes down what became of every request.
//!
//! Requests leave at their due times whatever happened to earlier ones, so a slow server is not spared. Asserts are
//! made on these records: they are what users would have seen.

mod client;
mod pace;
mod report;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::wait;

pub use report::{Record, Report, Share};

/// Apart from everything else, so that a busy test or server does not delay a due request.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("traffic")
        .enable_all()
        .build()
        .expect("a runtime can be made at the beginning of a run")
});

/// What is to be sent.
#[derive(Debug, Clone)]
pub struct Traffic {
    address: SocketAddr,
    headers: HeaderMap,
    path: String,
    timeout: Duration,
    per_second: f64,
}

impl Traffic {
    /// GET requests to `address`, ten a second if nothing else is said.
    pub fn to(address: SocketAddr) -> Self {
        let headers = HeaderMap::new();
        Self { address, headers, path: "/".to_owned(), timeout: Duration::from_secs(10), per_second: 10.0 }
            .host(&address.to_string())
    }

    /// The Host header.
    #[must_use]
    pub fn host(self, host: &str) -> Self {
        self.header("host", host)
    }

    /// A header of every request.
    ///
    /// # Panics
    /// When name or value cannot be sent.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).expect("a header's name has only letters, digits and dashes");
        let value = HeaderValue::try_from(value).expect("a header's value has only visible characters");
        self.headers.insert(name, value);
        self
    }

    /// The path and query of every request.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// How long a request may take before it counts as failed (10 s if nothing else is said).
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Requests a second.
    ///
    /// # Panics
    /// When the rate is not positive.
    #[must_use]
    pub fn at(mut self, per_second: impl Into<f64>) -> Self {
        self.per_second = per_second.into();
        assert!(self.per_second > 0.0, "the rate {} is not positive", self.per_second);
        self
    }

    /// Begins to send.
    pub fn start(self) -> RunningTraffic {
        let state = Arc::new(State::default());
        let sender = RUNTIME.spawn(pace::send(self, Arc::clone(&state)));
        RunningTraffic { state, sender: Some(sender) }
    }
}

/// What the sender and its readers share.
#[derive(Default)]
struct State {
    records: Mutex<Vec<Record>>,
    open: AtomicU64,
    greatest_delay: Mutex<Duration>,
}

impl State {
    fn record(&self, record: Record) {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    }

    fn delayed(&self, delay: Duration) {
        let mut greatest = self.greatest_delay.lock().unwrap_or_else(PoisonError::into_inner);
        *greatest = delay.max(*greatest);
    }
}

/// Traffic that flows until it is stopped or dropped.
pub struct RunningTraffic {
    state: Arc<State>,
    sender: Option<JoinHandle<()>>,
}

impl RunningTraffic {
    /// All requests that were answered or failed so far.
    pub fn report(&self) -> Report {
        let records = self.state.records.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let greatest_delay = *self.state.greatest_delay.lock().unwrap_or_else(PoisonError::into_inner);
        Report::new(records, greatest_delay)
    }

    /// Follows the report until it is as wanted; `what` says in words what is waited for.
    ///
    /// # Panics
    /// When that does not happen within two minutes; the text has the last report.
    pub async fn wait_until(&self, what: &str, is_so: impl Fn(&Report) -> bool) -> Report {
        let started = Instant::now();
        loop {
            let report = self.report();
            if is_so(&report) {
                return report;
            }
            assert!(started.elapsed() < wait::LIMIT, "{what}: not so after {} s; {report}", wait::LIMIT.as_secs());
            // Hundreds of answers a second change the report: it is looked at now and then, not at each of them.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until each of these versions has answered, and returns the time from which all of them had: a Deployment
    /// is ready a moment before every proxy knows its pods, and asserts on failures should begin after that moment.
    ///
    /// # Panics
    /// When one of them does not answer within two minutes.
    pub async fn answered_by(&self, versions: &[&str]) -> Timestamp {
        let last_first = |report: &Report| {
            let firsts: Option<Vec<Timestamp>> = versions.iter().map(|version| report.first_end_of(version)).collect();
            firsts.and_then(|firsts| firsts.into_iter().max())
        };
        let what = format!("each of {versions:?} has answered");
        let report = self.wait_until(&what, |report| last_first(report).is_some()).await;
        last_first(&report).unwrap_or_default()
    }

    /// Sends no more, waits for what is under way, and returns the whole report.
    pub async fn stop(mut self) -> Report {
        if let Some(sender) = self.sender.take() {
            sender.abort();
            let _ = sender.await;
        }
        // Each open request ends by its own time limit.
        while self.state.open.load(Ordering::Acquire) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.report()
    }
}

impl Drop for RunningTraffic {
    fn drop(&mut self) {
        if let Some(sender) = &self.sender {
            sender.abort();
        }
    }
}
