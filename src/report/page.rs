//! What stands on the page, as texts in the order in which they are read.

mod rows;

use serde::Serialize;

use super::chart::{Chart, charts};
use crate::{
    analysis::{
        Record,
        record::{Fact, MetricKind, MetricRecord, Outcome, ReplayDecision, ReplayRecord, Standing},
    },
    judge::log_threshold,
    model::words::{evidence, number, percent, seconds},
};

pub(super) use rows::Table;
use rows::{LookTable, SummaryRow};

/// The page.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Page {
    subject: String,
    headline: &'static str,
    symbol: &'static str,
    /// Class of the heading.
    outcome: &'static str,
    message: String,
    /// The two revisions, where they are known.
    versions: Option<String>,
    when: Option<String>,
    warnings: Vec<String>,
    rows: Vec<SummaryRow>,
    metrics: Vec<Section>,
    second: Vec<Second>,
    settings: Vec<Fact>,
    looks: Vec<Vec<String>>,
    look_columns: Vec<String>,
    looks_caption: String,
    harm_needed: String,
    safe_needed: String,
    false_rollback: String,
    missed_regression: String,
}

/// One metric.
#[derive(Clone, Debug, Serialize)]
struct Section {
    name: String,
    message: String,
    role: String,
    margin: Option<String>,
    charts: Vec<Chart>,
    tables: Vec<Table>,
}

/// What another rule would have decided.
#[derive(Clone, Debug, Serialize)]
struct Second {
    rule: String,
    outcome: &'static str,
    tone: &'static str,
    when: String,
    message: String,
}

impl Page {
    pub(super) fn new(record: &Record) -> Self {
        let (headline, symbol, outcome) = match record.outcome {
            Outcome::Promote => ("Safe: promote", "✓", "promote"),
            Outcome::Rollback => ("Worse: roll back", "✗", "rollback"),
            Outcome::Undecided => ("Not decided", "…", "undecided"),
        };
        let LookTable { columns, rows, caption } = rows::looks(record);
        let settings = &record.settings;
        Self {
            subject: record.subject.clone(),
            headline,
            symbol,
            outcome,
            message: sentence(&record.message),
            versions: versions(record),
            when: when(record),
            warnings: record.warnings.clone(),
            rows: rows::summary(record),
            metrics: record.metrics.iter().enumerate().map(|(index, metric)| section(record, index, metric)).collect(),
            second: record.second_verdicts.iter().map(|verdict| second(record, verdict)).collect(),
            settings: facts(record),
            looks: rows,
            look_columns: columns,
            looks_caption: caption,
            harm_needed: evidence(log_threshold(settings.false_rollback)),
            safe_needed: evidence(log_threshold(settings.missed_regression)),
            false_rollback: percent(settings.false_rollback),
            missed_regression: percent(settings.missed_regression),
        }
    }
}

/// A message as a sentence: with a capital, and without the full stop that the page adds.
fn sentence(message: &str) -> String {
    let message = message.trim_end_matches('.');
    let mut letters = message.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Which revision is compared with which.
fn versions(record: &Record) -> Option<String> {
    let name = |variables: &std::collections::BTreeMap<String, String>| {
        ["revision", "workload", "subset", "backend", "service"]
            .iter()
            .find_map(|name| Some((*name, variables.get(*name).filter(|value| !value.is_empty())?.clone())))
    };
    let ((canary_word, canary), (stable_word, stable)) = (name(&record.canary)?, name(&record.stable)?);
    Some(format!("The canary is {canary_word} {canary}, the stable version {stable_word} {stable}."))
}

fn when(record: &Record) -> Option<String> {
    let (first, last) = (record.looks.first()?, record.looks.last()?);
    let looks = record.looks.len();
    let looks = format!("{looks} {}", if looks == 1 { "look" } else { "looks" });
    let time = seconds(record.seconds());
    Some(match record.decided_at {
        Some(decided) => format!("Decided at {decided:.0} after {time} and {looks}."),
        None => format!("{looks} from {:.0} to {:.0}, {time}.", first.at, last.at),
    })
}

fn section(record: &Record, index: usize, metric: &MetricRecord) -> Section {
    let look = record.last().and_then(|look| look.metrics.get(index));
    Section {
        name: metric.name.clone(),
        message: look.map_or_else(|| "Nothing was seen".to_owned(), |look| sentence(&look.message)),
        role: role(metric),
        margin: metric.margin.as_deref().map(sentence),
        charts: charts(record, index),
        tables: rows::details(metric),
    }
}

fn role(metric: &MetricRecord) -> String {
    let kind = kind(metric.kind);
    if !metric.critical {
        return format!("{kind}; it warns and does not decide.");
    }
    format!("{kind}; it decides, with weight {} in the evidence of harm.", number(metric.weight))
}

/// The kind in words.
fn kind(kind: MetricKind) -> &'static str {
    match kind {
        MetricKind::ErrorRate => "Errors among requests",
        MetricKind::Latency => "Latency by the edges of a histogram",
        MetricKind::Gauge => "A number of each pod",
        MetricKind::Rate => "Events among requests",
        MetricKind::Threshold => "A number with hard limits",
    }
}

/// What a metric says, as a word and a class: colour never tells it alone.
fn standing(standing: Standing, kind: MetricKind) -> (&'static str, &'static str) {
    match standing {
        Standing::Safe if kind == MetricKind::Threshold => ("✓ within its limits", "good"),
        Standing::Safe => ("✓ safe", "good"),
        Standing::OverLimit => ("✗ beyond its limit", "bad"),
        Standing::Regressed => ("✗ worse", "bad"),
        Standing::Undecided => ("… not decided", ""),
        Standing::NoData => ("? no data", "warning"),
    }
}

fn second(record: &Record, verdict: &crate::analysis::record::SecondVerdict) -> Second {
    let (outcome, tone) = match verdict.outcome {
        Outcome::Promote => ("✓ promote", "good"),
        Outcome::Rollback => ("✗ roll back", "bad"),
        Outcome::Undecided => ("… none", ""),
    };
    let first = record.looks.first().map(|look| look.at);
    let when = match (verdict.at, first) {
        (Some(at), Some(first)) => format!("after {}", seconds(at.duration_since(first).as_secs_f64())),
        (Some(at), None) => format!("{at:.0}"),
        (None, _) => "at the end".to_owned(),
    };
    Second { rule: verdict.rule.clone(), outcome, tone, when, message: sentence(&verdict.message) }
}

fn decision(decision: &ReplayDecision) -> String {
    let word = match decision.outcome {
        Outcome::Promote => "promote",
        Outcome::Rollback => "roll back",
        Outcome::Undecided => "nothing",
    };
    match decision.look.zip(decision.at) {
        Some((look, at)) => format!("{word}, at look {look}, {at:.3}"),
        None => word.to_owned(),
    }
}

fn facts(record: &Record) -> Vec<Fact> {
    let settings = &record.settings;
    let mut facts = Vec::new();
    let mut add = |name: &str, value: String| facts.push(Fact { name: name.to_owned(), value });
    add("Chance of a false rollback, for the whole analysis", percent(settings.false_rollback));
    add("Chance of passing a version at the margin, for each step", percent(settings.missed_regression));
    add("Time between two looks, at most", seconds(settings.interval_seconds));
    add("Least time of a step", seconds(settings.min_seconds));
    add("Longest time of a step", seconds(settings.max_seconds));
    add("When that passes without a decision", settings.on_timeout.clone());
    if let Some(ReplayRecord { run, recorded, replayed, agrees, lost_looks, .. }) = &record.replay {
        add("Replay of AnalysisRun", run.clone());
        add("Decided then", decision(recorded));
        add("Decided in the replay", decision(replayed));
        let word = match (agrees, lost_looks.len()) {
            (true, _) => "yes".to_owned(),
            (false, 0) => "no".to_owned(),
            (false, lost) => format!("it can't be told: of {lost} looks Prometheus knows nothing any more"),
        };
        add("Both agree", word);
    }
    if let Some(source) = &settings.source {
        add("Numbers from", source.clone());
    }
    for (version, variables) in [("Canary", &record.canary), ("Stable version", &record.stable)] {
        for (name, value) in variables.iter().filter(|(_, value)| !value.is_empty()) {
            add(&format!("{version}: {name}"), value.clone());
        }
    }
    for metric in &record.metrics {
        for fact in &metric.baseline {
            add(&format!("{}: {}", metric.name, fact.name), fact.value.clone());
        }
    }
    facts
}
