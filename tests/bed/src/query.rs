//! Asks the bed's Prometheus.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::bed::Bed;
use crate::wait;

/// One series of an instant query's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its labels, `__name__` included.
    pub labels: BTreeMap<String, String>,
    /// Its value at the present.
    pub value: f64,
}

#[derive(Deserialize)]
struct Answer {
    error: Option<String>,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Series>,
}

#[derive(Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    value: (f64, String),
}

impl Bed {
    /// An instant query that answers with a vector.
    ///
    /// # Panics
    /// When Prometheus does not answer or refuses the query.
    pub async fn query(&self, promql: &str) -> Vec<Sample> {
        match query(promql).await {
            Ok(samples) => samples,
            Err(error) => panic!("{error:#}"),
        }
    }

    /// Repeats an instant query at the rate of the scrapes until its answer is as wanted.
    ///
    /// # Panics
    /// When that does not happen within two minutes; the text has the last answer.
    pub async fn wait_for_query(
        &self,
        promql: &str,
        what: &str,
        is_so: impl Fn(&[Sample]) -> bool,
    ) -> Vec<Sample> {
        let started = Instant::now();
        loop {
            let answer = query(promql).await;
            match answer {
                Ok(samples) if is_so(&samples) => return samples,
                _ => {}
            }
            if started.elapsed() > wait::LIMIT {
                let seconds = wait::LIMIT.as_secs();
                let text = format!(
                    "{what}: not so after {seconds} s; the last answer to {promql:?} was {answer:?}"
                );
                panic!("{}", self.explain(&text));
            }
            // Prometheus has no watch; its scrapes are a second apart.
            tokio::time::sleep(std::time::Duration::from_millis(250)).await;
        }
    }
}

async fn query(promql: &str) -> anyhow::Result<Vec<Sample>> {
    let url = format!("{}/api/v1/query", crate::servers::prometheus::URL);
    let response = crate::bed::http_client()
        .get(url)
        .query(&[("query", promql)])
        .send()
        .await
        .with_context(|| format!("Prometheus did not answer the query {promql:?}"))?;
    let answer: Answer = response
        .json()
        .await
        .with_context(|| format!("no JSON answer to the query {promql:?}"))?;
    let Some(data) = answer.data else {
        bail!(
            "Prometheus refused the query {promql:?}: {}",
            answer.error.unwrap_or_default()
        );
    };
    data.result
        .into_iter()
        .map(|series| {
            let value = series
                .value
                .1
                .parse()
                .with_context(|| format!("the value {:?} is no number", series.value.1))?;
            Ok(Sample {
                labels: series.metric,
                value,
            })
        })
        .collect()
}
