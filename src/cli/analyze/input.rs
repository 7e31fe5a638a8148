//! An analysis of a file: its counts as growing counters, so that the same engine takes them that takes Prometheus'.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    path::Path,
};

use jiff::SignedDuration;

use super::{
    AnalyzeArgs,
    document::Document,
    end::{Ending, Recording},
    table::{self, Table},
    templates,
};
use crate::{
    analysis::{Clock, Metric, Recorder, Session, Settings, Step, resolve},
    api::AnalysisTemplateSpec,
    cli::{Failure, preview::Documents},
    judge::Counts,
    measure::{Counters, Labels, Measurement, MetricOutcome, PerArm, Sample},
    model::Timestamp,
};

/// The time before the first row where there is only one.
const ONE_TICK: SignedDuration = SignedDuration::from_secs(60);

/// Judges a file.
pub(super) fn analyse(
    args: &AnalyzeArgs,
    path: &Path,
    documents: &Documents,
    said: Option<&Document>,
    settings: Settings,
    step: &Step,
) -> Result<Recording, Failure> {
    if !args.canary.is_empty() || !args.stable.is_empty() {
        return Err(Failure::usage(
            "--canary and --stable are for queries; the columns of a file say which version is which",
        ));
    }
    if args.source.asks_for_the_past() {
        return Err(Failure::usage("--from and --to are for Prometheus; of a file all rows are taken"));
    }
    let name = path.display().to_string();
    let text = text(path).map_err(|error| Failure::refused(format!("`{name}` can't be read: {error}")))?;
    let table = table::read(&text).map_err(|error| Failure::refused(format!("`{name}`, {error}")))?;
    let metrics = if documents.is_empty() {
        plain_metrics(&table, &name)?
    } else {
        metrics_of(&table, &name, templates::metrics(documents, said, &args.arguments)?)?
    };
    let start = begin(&table);
    let mut session = Session::start(&metrics, settings, step.weight, Clock::start(start));
    let mut recorder = Recorder::start(name.clone(), &session, step, Some(name));
    let mut ends = Ending::default();
    for measurement in measurements(&table, &metrics, start) {
        let look = session.look(&measurement, step);
        if measurement.at != start {
            ends.take(&mut recorder, &look, &session);
        }
    }
    Ok(ends.recording(recorder, &session, |record| record))
}

fn text(path: &Path) -> io::Result<String> {
    if path.as_os_str() != "-" {
        return fs::read_to_string(path);
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Ok(text)
}

/// The metrics of the file with the defaults of error rates.
fn plain_metrics(table: &Table, file: &str) -> Result<Vec<Metric>, Failure> {
    let queries = serde_json::json!({"requests": "none", "errors": "none"});
    let metrics: Vec<_> =
        table.metrics.iter().map(|name| serde_json::json!({"name": name, "errorRate": queries})).collect();
    let spec: AnalysisTemplateSpec = serde_json::from_value(serde_json::json!({"metrics": metrics}))
        .map_err(|error| Failure::refused(format!("`{file}`: {error}")))?;
    resolve(&[("file".to_owned(), &spec)], &[]).map_err(|problem| Failure::refused(problem.to_string()))
}

/// The metrics of the file with the margins of the templates.
fn metrics_of(table: &Table, file: &str, mut known: Vec<Metric>) -> Result<Vec<Metric>, Failure> {
    known.retain(|metric| table.metrics.contains(&metric.spec.name));
    match table.metrics.iter().find(|name| !known.iter().any(|metric| metric.spec.name == **name)) {
        Some(name) => Err(Failure::refused(format!("`{file}` has a metric {name}, which the templates do not have"))
            .hint("the column `metric` names a metric of the templates; rows without it are of metric errors")),
        None => match known.iter().find(|metric| metric.spec.error_rate.is_none() && metric.spec.rate.is_none()) {
            Some(metric) => Err(Failure::refused(format!(
                "metric {} is neither an errorRate nor a rate: a file has counts, and that is all they can be judged as",
                metric.name
            ))),
            None => Ok(known),
        },
    }
}

/// When counting starts: one tick before the first row.
fn begin(table: &Table) -> Timestamp {
    let tick = match table.ticks.as_slice() {
        [(first, _), (second, _), ..] => second.duration_since(*first),
        _ => ONE_TICK,
    };
    table.ticks.first().map_or(Timestamp::UNIX_EPOCH, |(first, _)| first.saturating_sub(tick).unwrap_or(*first))
}

/// The looks: nothing at the start, then counters that grow by the counts of each time.
fn measurements<'a>(
    table: &'a Table,
    metrics: &'a [Metric],
    start: Timestamp,
) -> impl Iterator<Item = Measurement> + 'a {
    let mut sums: BTreeMap<&str, Counts> =
        metrics.iter().map(|metric| (metric.spec.name.as_str(), Counts::default())).collect();
    let nothing = BTreeMap::new();
    let ticks = std::iter::once((start, nothing)).chain(table.ticks.iter().cloned());
    ticks.map(move |(at, counts)| {
        for (name, sum) in &mut sums {
            if let Some(counts) = counts.get(*name) {
                *sum += *counts;
            }
        }
        let metrics = metrics.iter().map(|metric| (metric.name.clone(), outcome(&sums[metric.spec.name.as_str()], at)));
        Measurement { at, metrics: metrics.collect(), queries: Vec::new(), spared: 0 }
    })
}

fn outcome(sums: &Counts, at: Timestamp) -> MetricOutcome {
    let sample = |value| vec![Sample::new(Labels::new(), value, at)];
    let arm = |requests, events| Ok(Counters { requests: sample(requests), events: sample(events) });
    MetricOutcome::Counters(PerArm {
        canary: arm(sums.canary_requests, sums.canary_errors),
        stable: arm(sums.stable_requests, sums.stable_errors),
    })
}
