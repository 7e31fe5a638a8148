//! Several queries asked as one. Queries that differ only in the values that they want labels to have,
//!
//! ```text
//! sum by (pod) (requests{namespace="shop", hash="7d4b9"})
//! sum by (pod) (requests{namespace="shop", hash="5c8f6"})
//! ```
//!
//! are asked as one that takes either value and keeps the label, and the answer is parted by it:
//!
//! ```text
//! sum by (pod, hash) (requests{namespace="shop", hash=~"7d4b9|5c8f6"})
//! ```
//!
//! This gives to each query exactly what it would have got by itself. A series with `hash="7d4b9"` meets the conditions
//! of the one query precisely if it meets those of the first. In the answer the label stays, so a group of series that
//! is aggregated has one value of it: it is a group of the first query, of the same series, and comes to the same value;
//! for numbers that are not whole, to the last digits, which depend on the order of addition. Without an aggregation the
//! series are the same ones. A label that a series does not have is "", in both.
//!
//! Where this does not hold the queries are asked one by one: a function, an operator, an offset or a range around the
//! selector; an aggregation that removes the label, or that ranks series against each other; a difference in a regular
//! expression or in the name of the metric; a second condition on the same label. Pure: knows no network.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    answer::Series,
    promql::escape_regex,
    selector::{Matcher, Query},
    series,
};

/// Most queries that are asked as one.
const MOST_MEMBERS: usize = 64;
/// Values of several labels are combined, also in ways that no query asked for: at most so many times as there are
/// queries.
const MOST_COMBINATIONS: usize = 4;
/// The longest query: servers and proxies take some kilobytes.
const LONGEST: usize = 8 << 10;

/// A query to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// What is sent.
    pub(super) query: String,
    /// Which of the queries it answers.
    pub(super) members: Vec<usize>,
    /// The labels by which the answer is parted; none where all of it is each member's.
    labels: Vec<String>,
    /// For each member the values of those labels.
    values: Vec<Vec<String>>,
    /// Labels that the answer has only to be parted by.
    added: Vec<String>,
}

impl Group {
    /// A query that is sent as it is.
    fn alone(query: &str, member: usize) -> Self {
        let (labels, added) = (Vec::new(), Vec::new());
        Self { query: query.to_owned(), members: vec![member], labels, values: vec![Vec::new()], added }
    }

    /// Parts an answer: the series of each member, in the order of the members.
    pub(super) fn part(&self, answer: &[Series]) -> Vec<Vec<Series>> {
        let value = |series: &Series, label: &String| series.labels.get(label).cloned().unwrap_or_default();
        let mut parts: HashMap<Vec<String>, Vec<Series>> = HashMap::new();
        for series in answer {
            let values = self.labels.iter().map(|label| value(series, label)).collect();
            parts.entry(values).or_default().push(self.without_added(series));
        }
        let of_member = |values: &Vec<String>| {
            let mut series = parts.get(values).cloned().unwrap_or_default();
            series.sort_by(|one, other| one.text.cmp(&other.text));
            series
        };
        self.values.iter().map(of_member).collect()
    }

    fn without_added(&self, series: &Series) -> Series {
        if self.added.is_empty() {
            return series.clone();
        }
        let mut labels = series::Labels::clone(&series.labels);
        labels.retain(|label, _| !self.added.contains(label));
        Series { text: series::text(&labels).into(), labels: Arc::new(labels), points: series.points.clone() }
    }
}

/// Which queries to send so that each of these, which are all different, has its answer.
pub(super) fn plan(queries: &[&str]) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut alike: BTreeMap<Query, Vec<(usize, Query)>> = BTreeMap::new();
    for (index, text) in queries.iter().enumerate() {
        match Query::read(text) {
            Some(query) => alike.entry(skeleton(&query)).or_default().push((index, query)),
            None => groups.push(Group::alone(text, index)),
        }
    }
    for members in alike.into_values() {
        let mut rest = members.as_slice();
        while !rest.is_empty() {
            let mut found = (Group::alone(queries[rest[0].0], rest[0].0), 1);
            for length in 2..=rest.len().min(MOST_MEMBERS) {
                match together(&rest[..length]) {
                    Some(group) => found = (group, length),
                    None => break,
                }
            }
            groups.push(found.0);
            rest = &rest[found.1..];
        }
    }
    groups
}

/// The query without the values that labels must have.
fn skeleton(query: &Query) -> Query {
    let mut skeleton = query.clone();
    for matcher in skeleton.matchers.iter_mut().filter(|matcher| matcher.operator == "=") {
        matcher.value.clear();
    }
    skeleton
}

/// Queries with one skeleton as one, where that is exact and small enough.
fn together(members: &[(usize, Query)]) -> Option<Group> {
    let (_, first) = members.first()?;
    let mut merged = first.clone();
    let (mut places, mut combinations) = (Vec::new(), 1_usize);
    for (place, matcher) in first.matchers.iter().enumerate() {
        let values: BTreeSet<&str> = members.iter().map(|(_, query)| query.matchers[place].value.as_str()).collect();
        if values.len() == 1 {
            continue;
        }
        let conditions = first.matchers.iter().filter(|other| other.label == matcher.label).count();
        if conditions > 1 || matcher.label == "__name__" {
            return None;
        }
        combinations = combinations.saturating_mul(values.len());
        let either = values.into_iter().map(escape_regex).collect::<Vec<_>>().join("|");
        merged.matchers[place] = Matcher { label: matcher.label.clone(), operator: "=~", value: either };
        places.push(place);
    }
    if combinations > members.len() * MOST_COMBINATIONS {
        return None;
    }
    let labels: Vec<String> = places.iter().map(|place| first.matchers[*place].label.clone()).collect();
    let mut added = Vec::new();
    if let Some(aggregation) = &mut merged.aggregation {
        if aggregation.by {
            added.extend(labels.iter().filter(|label| !aggregation.labels.contains(label)).cloned());
            aggregation.labels.extend(added.iter().cloned());
        } else if labels.iter().any(|label| aggregation.labels.contains(label)) {
            return None;
        }
    }
    let query = merged.to_string();
    let values =
        |(_, query): &(usize, Query)| places.iter().map(|place| query.matchers[*place].value.clone()).collect();
    (query.len() <= LONGEST).then(|| Group {
        query,
        members: members.iter().map(|(index, _)| *index).collect(),
        labels,
        values: members.iter().map(values).collect(),
        added,
    })
}
