//! The metrics of the templates among the documents that were given.

use serde_json::Value;

use super::document::Document;
use crate::{
    analysis::{Metric, Problem, resolve},
    api::{AnalysisTemplateSpec, Argument},
    cli::{Failure, preview::Documents},
};

pub(super) const GROUP: &str = "siskin.dev";

/// Puts the arguments into the templates among the documents: into those that the document names that says how to analyse,
/// else into all.
pub(in crate::cli) fn metrics(
    documents: &Documents,
    said: Option<&Document>,
    given: &[(String, String)],
) -> Result<Vec<Metric>, Failure> {
    if documents.is_empty() {
        return Err(Failure::usage("there is no template that says what to measure")
            .hint("give a file with AnalysisTemplates by -f; analysis-templates/ of the project has some"));
    }
    let mut templates = Vec::new();
    for kind in ["AnalysisTemplate", "ClusterAnalysisTemplate"] {
        for object in documents.of_kind(GROUP, kind) {
            let spec = object.at("/spec").cloned().unwrap_or(Value::Null);
            let spec: AnalysisTemplateSpec = serde_json::from_value(spec)
                .map_err(|error| Failure::refused(format!("{kind} {}: {error}", object.name())))?;
            templates.push((object.name().to_owned(), spec));
        }
    }
    if templates.is_empty() {
        return Err(Failure::refused("the files have no AnalysisTemplate and no ClusterAnalysisTemplate"));
    }
    if let Some(said) = said {
        templates = said.templates(&templates)?;
    }
    let mut arguments: Vec<Argument> =
        given.iter().map(|(name, value)| Argument { name: name.clone(), value: Some(value.clone()) }).collect();
    let left = said.into_iter().flat_map(|said| &said.analysis.args);
    arguments.extend(left.filter(|arg| !given.iter().any(|(name, _)| *name == arg.name)).cloned());
    if let Some((name, _)) =
        given.iter().find(|(name, _)| !templates.iter().any(|(_, spec)| spec.args.iter().any(|arg| arg.name == *name)))
    {
        return Err(Failure::usage(format!("--arg {name}: no template has an argument of that name")));
    }
    if let Some((template, metric)) = templates
        .iter()
        .find_map(|(name, spec)| Some((name, spec.metrics.iter().find(|metric| metric.kind().is_none())?)))
    {
        return Err(Failure::refused(format!(
            "metric {template}/{} has none of errorRate, latency, gauge, rate and threshold",
            metric.name
        )));
    }
    let borrowed: Vec<(String, &AnalysisTemplateSpec)> =
        templates.iter().map(|(name, spec)| (name.clone(), spec)).collect();
    resolve(&borrowed, &arguments).map_err(|problem| match problem {
        Problem::ArgumentMissing { template, argument } => {
            Failure::usage(format!("template {template} needs the argument {argument}"))
                .hint(format!("add --arg {argument}=…"))
        }
        problem @ Problem::Query { .. } => Failure::refused(problem.to_string()),
    })
}
