//! What several looks of a namespace ask at about the same time, asked together: the two versions of a metric, the
//! rollouts of a template, and whatever several metrics ask alike. [`group`](super::group) says what can be asked as
//! one. Looks of different namespaces never wait for each other: one's queries may be slow.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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

/// What is asked, each once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Ask {
    /// The namespace that asks.
    namespace: String,
    /// The Prometheus to ask, where it is not the default one.
    address: Option<String>,
    /// As its template has it.
    query: String,
}

impl Ask {
    fn new(metric: &MetricQuery, query: &str) -> Self {
        let MetricQuery { namespace, address, .. } = metric;
        Self { namespace: namespace.clone(), address: address.clone(), query: query.to_owned() }
    }
}

/// What was asked and answered.
#[derive(Debug, Default)]
pub(super) struct Answers {
    by_ask: HashMap<Ask, Answer>,
    pub(super) records: Vec<QueryRecord>,
    /// How many queries were not sent because another one's answer held theirs.
    pub(super) spared: u64,
}

impl Answers {
    /// The answer to a query of a metric.
    pub(super) fn to(&self, metric: &MetricQuery, query: &str) -> Answer {
        let answer = self.by_ask.get(&Ask::new(metric, query)).cloned();
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
        texts(&metric.queries).into_iter().map(|query| Ask::new(metric, query)).collect::<Vec<_>>()
    };
    metrics.iter().flat_map(of_metric).collect()
}

/// `needed` is how many queries there would be if each were sent by itself.
async fn ask_all(client: &Client, asks: BTreeSet<Ask>, needed: usize, span: Span) -> Answers {
    let mut all = Answers::default();
    let mut together: BTreeMap<Place, Vec<(Ask, String)>> = BTreeMap::new();
    for ask in asks {
        match client.bounded(&ask.namespace, &ask.query) {
            Ok(sent) => {
                let place = Place { namespace: ask.namespace.clone(), address: ask.address.clone() };
                together.entry(place).or_default().push((ask, sent));
            }
            Err(gap) => drop(all.by_ask.insert(ask, Err(gap))),
        }
    }
    let groups = together.iter().flat_map(|(place, asks)| {
        let sent: Vec<&str> = asks.iter().map(|(_, sent)| sent.as_str()).collect();
        group::plan(&sent).into_iter().map(move |group| (place, asks, group))
    });
    let asked = groups.map(|(place, asks, group)| ask_group(client, place, asks, group, span));
    for (answers, records) in join_all(asked).await {
        all.records.extend(records);
        all.by_ask.extend(answers);
    }
    all.spared = needed.saturating_sub(all.records.len()) as u64;
    all
}

/// What queries must have in common to be asked as one.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    namespace: String,
    address: Option<String>,
}

async fn ask_group(
    client: &Client,
    place: &Place,
    asks: &[(Ask, String)],
    group: Group,
    span: Span,
) -> (Vec<(Ask, Answer)>, Vec<QueryRecord>) {
    let Place { namespace, address } = place;
    let address = address.as_deref();
    let members: Vec<&(Ask, String)> = group.members.iter().map(|member| &asks[*member]).collect();
    let (answer, record) = client.ask(namespace, address, &group.query, span).await;
    let mut records = vec![record];
    let answers = match answer {
        Ok(series) => group.part(&series).into_iter().map(Ok).collect(),
        // What is wrong with one of them must not take the others with it.
        Err(gap) if members.len() > 1 && is_about_the_query(&gap) => {
            let alone = join_all(members.iter().map(|(_, sent)| client.ask(namespace, address, sent, span))).await;
            let (answers, alone): (Vec<_>, Vec<_>) = alone.into_iter().unzip();
            records.extend(alone);
            answers
        }
        Err(gap) => vec![Err(gap); members.len()],
    };
    (members.into_iter().map(|(ask, _)| ask.clone()).zip(answers).collect(), records)
}

/// Whether asking one by one may give more. What is down is not asked more often for that; what can't be finished for
/// all of them may be for each.
fn is_about_the_query(gap: &Gap) -> bool {
    match gap {
        Gap::Refused(_) | Gap::WrongShape(_) | Gap::Unfinished(_) => true,
        Gap::Partial(warnings) => warnings.iter().any(|warning| warning.starts_with("PromQL")),
        _ => false,
    }
}

/// Looks that wait for each other.
#[derive(Debug)]
pub(super) struct Gathering {
    wait: Duration,
    /// By their namespace.
    gathered: Mutex<BTreeMap<String, Gathered>>,
}

/// The looks of a namespace that wait.
#[derive(Debug, Default)]
struct Gathered {
    waiting: Vec<Waiting>,
    full: Arc<Notify>,
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
        Self { wait, gathered: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Gathered>> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a look. For the first one of a gathering gives what tells when there are enough.
    fn add(&self, namespace: &str, look: Waiting) -> Option<Arc<Notify>> {
        let mut gathered = self.lock();
        let Gathered { waiting, full } = gathered.entry(namespace.to_owned()).or_default();
        waiting.push(look);
        if waiting.len() == MOST_LOOKS {
            full.notify_one();
        }
        (waiting.len() == 1).then(|| Arc::clone(full))
    }

    fn take(&self, namespace: &str) -> Vec<Waiting> {
        self.lock().remove(namespace).unwrap_or_default().waiting
    }
}

/// Asks what one look needs, together with the looks of its namespace that come within the client's time for gathering.
/// Gives the time at which everything was evaluated, the latest that any of them named; and whether the queries are to
/// be counted as this look's: those of a gathering are the first one's.
pub(super) async fn gathered(
    client: &Client,
    metrics: &[MetricQuery],
    at: Timestamp,
) -> (Timestamp, Arc<Answers>, bool) {
    // All metrics of a look are of one object.
    let Some(namespace) = metrics.first().map(|metric| metric.namespace.clone()) else {
        return (at, Arc::default(), true);
    };
    if client.gathering.wait.is_zero() {
        return (at, Arc::new(ask(client, metrics, Span::At(at)).await), true);
    }
    let (answer, answered) = oneshot::channel();
    let look = Waiting { asks: asks(metrics), needed: count(metrics), at, answer };
    if let Some(full) = client.gathering.add(&namespace, look) {
        // A task of its own: whoever came first may be given up while others wait.
        let client = client.clone();
        tokio::spawn(async move {
            let _ = timeout(client.gathering.wait, full.notified()).await;
            let waiting = client.gathering.take(&namespace);
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
