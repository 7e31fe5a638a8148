//! A run once more: what an AnalysisRun keeps of it, with the values of its looks as Prometheus still has them.

use std::pin::pin;

use futures::StreamExt;

use super::{AnalyzeArgs, cluster, end::Recording, live::Place};
use crate::{
    analysis::{Metric, Problem, RecordedRun, Replay, ReplayProblem, Replayed, render, resolve},
    api::AnalysisTemplateSpec,
    cli::Failure,
    measure::{Gap, Measurement, at_times},
    model::Timestamp,
    plan::analysis_run::arms,
};

/// Judges the looks of a run again.
pub(super) async fn analyse(args: &AnalyzeArgs, name: &str, address: &str) -> Result<Recording, Failure> {
    let client = args.source.prometheus.client(address)?;
    let connection = args.source.cluster.connect().await?;
    let run = cluster::run(&connection, name).await?;
    let recorded = RecordedRun::of(&run).map_err(|problem| refused(&problem))?;
    let templates = cluster::templates(&connection, &run).await?;
    let specs: Vec<(String, &AnalysisTemplateSpec)> =
        templates.iter().map(|template| (template.name.clone(), &template.spec)).collect();
    let metrics = resolve(&specs, &run.spec.analysis.args).map_err(|problem: Problem| {
        Failure::refused(format!("the templates are not those of the run any more: {problem}"))
    })?;
    let mut notes: Vec<String> = recorded
        .began()
        .into_iter()
        .flat_map(|began| templates.iter().filter_map(move |template| template.changed_since(began)))
        .collect();
    notes.extend(unknown(&recorded, &metrics));
    let arms = arms(&run);
    let place = Place { address, client: &client, arms: &arms, metrics: &metrics, patience: None };
    let (queries, times) = (render(&metrics, &arms), recorded.times());
    let mut replay = Replay::start(&metrics, recorded, address.to_owned());
    let mut looks = pin!(at_times(&client, &queries, &times));
    while let Some(measurement) = looks.next().await {
        place.refuse_what_needs_a_person(std::iter::once(&measurement))?;
        refuse_an_outage(&measurement, address)?;
        replay.take(&measurement);
    }
    let Replayed { record, whole } = replay.finish(notes);
    Ok(Recording::up_to(place.named(record), whole.map(|record| place.named(record))))
}

fn refused(problem: &ReplayProblem) -> Failure {
    let failure = Failure::refused(problem.to_string());
    match problem {
        ReplayProblem::NoLooks { .. } => failure.hint(
            "looks are written down once both versions can be seen; `kubectl describe analysisrun` shows what it waits for",
        ),
        ReplayProblem::Unreadable { .. } => {
            failure.hint("`siskin analyze --from … --to …` judges a time without such a record")
        }
    }
}

/// Metrics that were judged and are in no template any more.
fn unknown(recorded: &RecordedRun, metrics: &[Metric]) -> Vec<String> {
    let known = |name: &str| metrics.iter().any(|metric| metric.name == name);
    let lost = recorded.metrics().filter(|name| !known(name));
    lost.map(|name| format!("metric {name} was judged then and is in no template now")).collect()
}

/// Prometheus that can't be asked now says nothing of what it knew then.
fn refuse_an_outage(Measurement { at, metrics, .. }: &Measurement, address: &str) -> Result<(), Failure> {
    let at: &Timestamp = at;
    let down = metrics.iter().find_map(|(_, outcome)| match outcome.gap() {
        Some(Gap::ProviderDown(text) | Gap::Unfinished(text)) => Some(text),
        _ => None,
    });
    down.map_or(Ok(()), |text| {
        Err(Failure::unanswered(format!("Prometheus at {address} gives no answer for the look at {at:.3}: {text}"))
            .hint("nothing was decided; try again when it answers, or give another one by --prometheus"))
    })
}
