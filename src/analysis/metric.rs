//! The metrics of an analysis: templates and arguments put together, and the queries of one look.

use std::collections::{BTreeMap, BTreeSet};

use super::{Problem, Settings};
use crate::{
    api::{self, AnalysisTemplateSpec, Argument, Kind, MarginSpec},
    judge::{ErrorRateSettings, Limit, Margin},
    measure::{Arguments, Arm, MeasureRequest, MetricQuery, MetricTemplate, PerArm},
    model::Timestamp,
};

/// One metric of an analysis.
#[derive(Clone, Debug)]
pub struct Metric {
    /// `template/metric`.
    pub name: String,
    /// The metric as its template has it.
    pub spec: api::Metric,
    template: MetricTemplate,
    arguments: Arguments,
}

impl Metric {
    /// Margins and error probabilities, as the judge of error rates takes them.
    pub(super) fn error_rate_settings(&self, settings: &Settings) -> ErrorRateSettings {
        let margin = |given: MarginSpec| Margin { ratio: given.relative, absolute: given.absolute };
        ErrorRateSettings {
            dead_zone: margin(self.spec.ignore()),
            margin: margin(self.spec.exclude()),
            false_rollback: settings.false_rollback,
            missed_regression: settings.missed_regression,
            ..ErrorRateSettings::default()
        }
    }

    /// The hard limit of a threshold.
    pub(super) fn limit(&self) -> Option<Limit> {
        let threshold = self.spec.threshold.as_ref()?;
        Some(Limit { min: threshold.min, max: threshold.max, consecutive: threshold.looks })
    }
}

/// Puts templates and arguments together. `given` are the values of whoever asks; a template's own are the defaults.
///
/// # Errors
/// The first template that lacks an argument, or has a query that can't be filled in.
pub fn resolve(templates: &[(String, &AnalysisTemplateSpec)], given: &[Argument]) -> Result<Vec<Metric>, Problem> {
    let mut metrics = Vec::new();
    for (name, spec) in templates {
        let arguments = arguments(name, &spec.args, given)?;
        let names: BTreeSet<String> = arguments.keys().cloned().collect();
        for metric in &spec.metrics {
            let name = format!("{name}/{}", metric.name);
            // A metric without a kind is not let through by the API server.
            let Some(template) = MetricTemplate::of(name.clone(), metric) else { continue };
            if let Some(kind @ (Kind::Latency(_) | Kind::Gauge(_) | Kind::Rate(_))) = metric.kind() {
                return Err(Problem::KindNotJudged { name, kind: kind.to_string() });
            }
            template.check(&names).map_err(|problem| Problem::Query { name: name.clone(), problem })?;
            metrics.push(Metric { name, spec: metric.clone(), template, arguments: arguments.clone() });
        }
    }
    Ok(metrics)
}

/// The template's arguments with the given values over its defaults.
fn arguments(template: &str, declared: &[Argument], given: &[Argument]) -> Result<Arguments, Problem> {
    let given: BTreeMap<&str, &String> =
        given.iter().filter_map(|argument| Some((argument.name.as_str(), argument.value.as_ref()?))).collect();
    declared
        .iter()
        .map(|argument| {
            let value = given.get(argument.name.as_str()).copied().or(argument.value.as_ref());
            let value = value.ok_or_else(|| Problem::ArgumentMissing {
                template: template.to_owned(),
                argument: argument.name.clone(),
            })?;
            Ok((argument.name.clone(), value.clone()))
        })
        .collect()
}

/// The queries of one look.
pub fn request(metrics: &[Metric], arms: &PerArm<Arm>, at: Timestamp) -> MeasureRequest {
    MeasureRequest { at, metrics: render(metrics, arms) }
}

/// The queries of all metrics, filled in.
pub fn render(metrics: &[Metric], arms: &PerArm<Arm>) -> Vec<MetricQuery> {
    // Rendering fails only where a value can't stand in its place, and then the metric is missing from the look, which
    // holds: `resolve` has checked every variable.
    metrics.iter().filter_map(|metric| metric.template.render(arms, &metric.arguments).ok()).collect()
}
