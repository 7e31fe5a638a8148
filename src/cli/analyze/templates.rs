//! The metrics of the templates in the files that were given.

use std::path::PathBuf;

use serde_json::Value;

use crate::{
    analysis::{Metric, Problem, resolve},
    api::{AnalysisTemplateSpec, Argument},
    cli::{Failure, preview::Documents},
};

const GROUP: &str = "siskin.dev";

/// Reads the templates and puts the arguments into them.
pub(in crate::cli) fn metrics(paths: &[PathBuf], given: &[(String, String)]) -> Result<Vec<Metric>, Failure> {
    if paths.is_empty() {
        return Err(Failure::usage("there is no template that says what to measure")
            .hint("give a file with AnalysisTemplates by -f; analysis-templates/ of the project has some"));
    }
    let documents = Documents::read(paths, None)?;
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
    let arguments: Vec<Argument> =
        given.iter().map(|(name, value)| Argument { name: name.clone(), value: Some(value.clone()) }).collect();
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
