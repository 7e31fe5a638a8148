//! Remembers what Prometheus said of a query's wording, so that idle Rollouts cost it nothing.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures::{StreamExt, stream};
use tokio::time::Instant;

use crate::{
    measure::{Check, Client, check},
    model::Timestamp,
    observe::Refusal,
    plan::QueryToCheck,
};

/// How long a refusal counts: what it was about may be put right on the side of Prometheus.
const REFUSED_FOR: Duration = Duration::from_mins(1);
/// How long a Prometheus that did not answer is left alone with this query.
const UNKNOWN_FOR: Duration = Duration::from_secs(30);
/// How many queries of one object are checked at once; the client shares its slots fairly by namespace beside that.
const CHECKS_AT_ONCE: usize = 8;
/// With this many answers the memory is emptied and fills again with those that are still asked for.
const MOST_ANSWERS: usize = 20_000;

/// A namespace, the address that a metric names, and a query.
type Asked = (String, Option<String>, String);

/// The answers so far.
#[derive(Debug, Default)]
pub(super) struct Checks {
    answers: Mutex<HashMap<Asked, Answer>>,
}

#[derive(Clone, Debug)]
struct Answer {
    refused: Option<String>,
    until: Option<Instant>,
}

impl Checks {
    /// Which of the queries can't be asked, in their order. A Prometheus that does not answer refuses nothing.
    pub(super) async fn refusals(&self, client: &Client, queries: &[QueryToCheck], now: Timestamp) -> Vec<Refusal> {
        let refusals: Vec<_> = queries.iter().map(|query| self.refusal(client, query, now)).collect();
        stream::iter(refusals).buffered(CHECKS_AT_ONCE).filter_map(async |refusal| refusal).collect().await
    }

    async fn refusal(&self, client: &Client, query: &QueryToCheck, now: Timestamp) -> Option<Refusal> {
        let refusal = |address, text| Refusal { metric: query.metric.clone(), address, text };
        if let Err(error) = client.addresses().resolve(query.address.as_deref()) {
            return Some(refusal(true, error.to_string()));
        }
        let answer = match self.remembered(query) {
            Some(answer) => answer,
            None => self.ask(client, query, now).await,
        };
        answer.refused.map(|text| refusal(false, text))
    }

    /// The same, where all answers are remembered.
    pub(super) fn remembered_refusals(&self, client: &Client, queries: &[QueryToCheck]) -> Option<Vec<Refusal>> {
        let mut refusals = Vec::new();
        for query in queries {
            let refusal = |address, text| Refusal { metric: query.metric.clone(), address, text };
            match client.addresses().resolve(query.address.as_deref()) {
                Err(error) => refusals.push(refusal(true, error.to_string())),
                Ok(_) => refusals.extend(self.remembered(query)?.refused.map(|text| refusal(false, text))),
            }
        }
        Some(refusals)
    }

    fn remembered(&self, query: &QueryToCheck) -> Option<Answer> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = answers.get(&asked(query))?;
        answer.until.is_none_or(|until| until > Instant::now()).then(|| answer.clone())
    }

    async fn ask(&self, client: &Client, query: &QueryToCheck, now: Timestamp) -> Answer {
        let answer = match check(client, &query.namespace, query.address.as_deref(), &query.query, now).await {
            Check::Accepted => Answer { refused: None, until: None },
            Check::Refused(gap) => Answer { refused: Some(gap.to_string()), until: Some(Instant::now() + REFUSED_FOR) },
            Check::Unknown(_) => Answer { refused: None, until: Some(Instant::now() + UNKNOWN_FOR) },
        };
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MOST_ANSWERS {
            answers.clear();
        }
        answers.insert(asked(query), answer.clone());
        answer
    }
}

fn asked(query: &QueryToCheck) -> Asked {
    (query.namespace.clone(), query.address.clone(), query.query.clone())
}

#[cfg(test)]
mod tests;
