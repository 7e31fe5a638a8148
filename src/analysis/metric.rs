//! The metrics of an analysis: templates and arguments put together, and the queries of one look.

use std::collections::{BTreeMap, BTreeSet};

use super::{Problem, Settings};
use crate::{
    api::{self, AnalysisTemplateSpec, Argument},
    judge::{ErrorRateSettings, Limit, Margin},
    measure::{Arguments, Arm, Counters, MeasureRequest, MetricQuery, MetricTemplate, PerArm, QueryTemplates},
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
        let rate = self.spec.error_rate.as_ref();
        let margin = |given: Option<api::MarginSpec>, default: Margin| {
            given.map_or(default, |given| Margin { ratio: given.relative, absolute: given.absolute })
        };
        ErrorRateSettings {
            dead_zone: margin(rate.and_then(|rate| rate.ignore), Margin::ERROR_RATE_DEAD_ZONE),
            margin: margin(rate.and_then(|rate| rate.exclude), Margin::ERROR_RATE_LIMIT),
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
            let Some(queries) = queries(metric) else { continue };
            let template = MetricTemplate { name: name.clone(), address: metric.address.clone(), queries };
            template.check(&names).map_err(|problem| Problem::Query { name: name.clone(), problem })?;
            metrics.push(Metric { name, spec: metric.clone(), template, arguments: arguments.clone() });
        }
    }
    Ok(metrics)
}

/// The queries of a metric; nothing where it has none of the kinds, which the API server does not let through.
fn queries(metric: &api::Metric) -> Option<QueryTemplates> {
    let counters = metric.error_rate.as_ref().map(|rate| {
        QueryTemplates::ErrorRate(Counters { requests: rate.requests.clone(), errors: rate.errors.clone() })
    });
    counters.or_else(|| Some(QueryTemplates::Threshold(metric.threshold.as_ref()?.query.clone())))
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
