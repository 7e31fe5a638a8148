//! What several looks ask at about the same time, asked together: the two versions of a metric, the rollouts of a
//! template, and whatever several metrics ask alike. [`group`](super::group) says what can be asked as one.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::join_all;
use tokio::{
    sync::{Notify, oneshot},
    time::timeout,
};

use super::{
    answer::{Answer, Span},
    client::Client,
    group::{self, Group},
    metric::{MetricQuery, Queries},
    outcome::{Gap, QueryRecord},
};
use crate::model::Timestamp;

/// With so many looks gathered there is nothing to be won by waiting, and those that wait keep others from being worked
/// on.
const MOST_LOOKS: usize = 12;

/// A query, and the Prometheus to ask where it is not the default one.
type Ask = (Option<String>, String);

/// What was asked and answered.
#[derive(Debug, Default)]
pub(super) struct Answers {
    by_ask: HashMap<Ask, Answer>,
    pub(super) records: Vec<QueryRecord>,
    /// How many queries were not sent because another one's answer held theirs.
    pub(super) spared: u64,
}

impl Answers {
    /// The answer to a query.
    pub(super) fn to(&self, address: Option<&String>, query: &str) -> Answer {
        let answer = self.by_ask.get(&(address.cloned(), query.to_owned())).cloned();
        answer.unwrap_or_else(|| Err(Gap::ProviderDown("it was not asked".to_owned())))
    }
}

/// How many queries metrics have, each arm's by itself.
fn count(metrics: &[MetricQuery]) -> usize {
    metrics.iter().map(|metric| texts(&metric.queries).len()).sum()
}

fn texts(queries: &Queries) -> Vec<&str> {
    match queries {
        Queries::Counters(arms) => {
            [&arms.stable, &arms.canary].into_iter().flat_map(|arm| [&*arm.requests, &*arm.events]).collect()
        }
        Queries::Histogram(arms) | Queries::Gauge(arms) => vec![&arms.stable, &arms.canary],
        Queries::Threshold(query) => vec![query],
    }
}

/// Asks everything that metrics need, with as few queries as can be.
pub(super) async fn ask(client: &Client, metrics: &[MetricQuery], span: Span) -> Answers {
    ask_all(client, asks(metrics), count(metrics), span).await
}

/// Everything that metrics ask, each once.
fn asks(metrics: &[MetricQuery]) -> BTreeSet<Ask> {
    let of_metric = |metric: &MetricQuery| {
        texts(&metric.queries).into_iter().map(|query| (metric.address.clone(), query.to_owned())).collect::<Vec<_>>()
    };
    metrics.iter().flat_map(of_metric).collect()
}

/// `needed` is how many queries there would be if each were sent by itself.
async fn ask_all(client: &Client, asks: BTreeSet<Ask>, needed: usize, span: Span) -> Answers {
    let mut by_address: HashMap<&Option<String>, Vec<&str>> = HashMap::new();
    for (address, query) in &asks {
        by_address.entry(address).or_default().push(query);
    }
    let groups = by_address.iter().flat_map(|(address, queries)| {
        group::plan(queries).into_iter().map(move |group| (address.as_deref(), queries.as_slice(), group))
    });
    let asked = groups.map(|(address, queries, group)| ask_group(client, address, queries, group, span));
    let mut all = Answers::default();
    for (address, answers, records) in join_all(asked).await {
        all.records.extend(records);
        all.by_ask.extend(
            answers.into_iter().map(|(query, answer)| ((address.map(ToOwned::to_owned), query.to_owned()), answer)),
        );
    }
    all.spared = needed.saturating_sub(all.records.len()) as u64;
    all
}

async fn ask_group<'a>(
    client: &Client,
    address: Option<&'a str>,
    queries: &[&'a str],
    group: Group,
    span: Span,
) -> (Option<&'a str>, Vec<(&'a str, Answer)>, Vec<QueryRecord>) {
    let members: Vec<&str> = group.members.iter().map(|member| queries[*member]).collect();
    let (answer, record) = client.ask(address, &group.query, span).await;
    let mut records = vec![record];
    let answers = match answer {
        Ok(series) => group.part(&series).into_iter().map(Ok).collect(),
        // What is wrong with one of them must not take the others with it.
        Err(gap) if members.len() > 1 && is_about_the_query(&gap) => {
            let alone = join_all(members.iter().map(|query| client.ask(address, query, span))).await;
            let (answers, alone): (Vec<_>, Vec<_>) = alone.into_iter().unzip();
            records.extend(alone);
            answers
        }
        Err(gap) => vec![Err(gap); members.len()],
    };
    (address, members.into_iter().zip(answers).collect(), records)
}

/// Whether asking one by one may give more. What is down is not asked more often for that.
fn is_about_the_query(gap: &Gap) -> bool {
    match gap {
        Gap::Refused(_) | Gap::WrongShape(_) => true,
        Gap::Partial(warnings) => warnings.iter().any(|warning| warning.starts_with("PromQL")),
        _ => false,
    }
}

/// Looks that wait for each other.
#[derive(Debug)]
pub(super) struct Gathering {
    wait: Duration,
    waiting: Mutex<Vec<Waiting>>,
    full: Notify,
}

#[derive(Debug)]
struct Waiting {
    asks: BTreeSet<Ask>,
    needed: usize,
    at: Timestamp,
    answer: oneshot::Sender<(Timestamp, Arc<Answers>, bool)>,
}

impl Gathering {
    pub(super) fn new(wait: Duration) -> Self {
        Self { wait, waiting: Mutex::default(), full: Notify::new() }
    }

    fn take(&self) -> Vec<Waiting> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Asks what one look needs, together with the looks that come within the client's time for gathering. Gives the time
/// at which everything was evaluated, the latest that any of them named; and whether the queries are to be counted as
/// this look's: those of a gathering are the first one's.
pub(super) async fn gathered(
    client: &Client,
    metrics: &[MetricQuery],
    at: Timestamp,
) -> (Timestamp, Arc<Answers>, bool) {
    let gathering = &client.gathering;
    if gathering.wait.is_zero() {
        return (at, Arc::new(ask(client, metrics, Span::At(at)).await), true);
    }
    let (answer, answered) = oneshot::channel();
    let first = {
        let mut waiting = gathering.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(Waiting { asks: asks(metrics), needed: count(metrics), at, answer });
        if waiting.len() == MOST_LOOKS {
            gathering.full.notify_one();
        }
        waiting.len() == 1
    };
    if first {
        // A task of its own: whoever came first may be given up while others wait.
        let client = client.clone();
        tokio::spawn(async move {
            let _ = timeout(client.gathering.wait, client.gathering.full.notified()).await;
            let waiting = client.gathering.take();
            let Some(at) = waiting.iter().map(|waiting| waiting.at).max() else { return };
            let asks = waiting.iter().flat_map(|waiting| waiting.asks.iter().cloned()).collect();
            let needed = waiting.iter().map(|waiting| waiting.needed).sum();
            let answers = Arc::new(ask_all(&client, asks, needed, Span::At(at)).await);
            for (index, waiting) in waiting.into_iter().enumerate() {
                let _ = waiting.answer.send((at, Arc::clone(&answers), index == 0));
            }
        });
    }
    answered.await.unwrap_or_else(|_| (at, Arc::default(), false))
}
