//! The metrics of an analysis: templates and arguments put together, and the queries of one look.

use std::collections::BTreeMap;

use super::{Problem, Settings};
use crate::{
    api::{self, AnalysisTemplateSpec, Argument, HardLimit, Kind, MarginSpec, Worse},
    judge::{
        self, CountBaseline, ErrorRateSettings, GaugeSettings, LatencyBaseline, LatencySettings, Limit, Margin,
        RateLimit, latency::LatencyUnit,
    },
    measure::{Arguments, Arm, MeasureRequest, MetricQuery, MetricTemplate, PerArm},
    model::{Timestamp, words},
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
    /// Up to where a difference is ignored, and from where it must be ruled out, as the template has them.
    pub(super) fn margins(&self) -> [Margin; 2] {
        [self.spec.ignore(), self.spec.exclude()]
            .map(|MarginSpec { relative, absolute }| Margin { ratio: relative, absolute })
    }

    /// The margins in words: `ignores up to ×1.05 + 0.01 %, rules out ×1.5 + 0.1 %`.
    pub(super) fn margin_words(&self) -> String {
        let sign = if self.lower_is_worse() { '-' } else { '+' };
        let show = |MarginSpec { relative, absolute }| {
            let added = if self.spec.gauge.is_some() { words::number(absolute) } else { words::percent(absolute) };
            format!("{} {sign} {added}", words::factor(relative))
        };
        format!("ignores up to {}, rules out {}", show(self.spec.ignore()), show(self.spec.exclude()))
    }

    /// Whether the template says what must be ruled out.
    fn excludes_by_itself(&self) -> bool {
        self.spec.margin.is_some_and(|margins| margins.exclude.is_some())
    }

    fn worse(&self) -> judge::Worse {
        if self.lower_is_worse() { judge::Worse::Lower } else { judge::Worse::Higher }
    }

    /// Whether lower values are the bad ones.
    pub(super) fn lower_is_worse(&self) -> bool {
        self.spec.kind().and_then(Kind::worse) == Some(Worse::Lower)
    }

    /// What the judge of error rates and other shares of requests is told.
    pub(super) fn error_rate_settings(
        &self,
        settings: &Settings,
        baseline: Option<&CountBaseline>,
    ) -> ErrorRateSettings {
        let [dead_zone, margin] = self.margins();
        let Settings { false_rollback, missed_regression, .. } = *settings;
        let by_preset = self.spec.error_rate.is_some() && !self.excludes_by_itself();
        let margin = if by_preset { settings.error_rate_margin } else { margin };
        let worse = self.worse();
        let limit = self.spec.limit.map(|HardLimit { min, max }| RateLimit { min, max });
        ErrorRateSettings {
            worse,
            dead_zone,
            margin,
            false_rollback,
            missed_regression,
            limit,
            baseline: baseline.copied(),
        }
    }

    /// What the judge of latencies is told.
    pub(super) fn latency_settings(&self, settings: &Settings, baseline: Option<LatencyBaseline>) -> LatencySettings {
        let [dead_zone, margin] = self.margins();
        let Settings { false_rollback, missed_regression, .. } = *settings;
        let unit = self.latency_unit();
        LatencySettings { dead_zone, margin, false_rollback, missed_regression, baseline, unit }
    }

    /// The unit of a latency, as the name of its histogram tells it.
    pub(super) fn latency_unit(&self) -> LatencyUnit {
        LatencyUnit::of_name(self.spec.latency.as_ref().map_or("", |latency| latency.histogram.as_str()))
    }

    /// What the judge of gauges is told.
    pub(super) fn gauge_settings(&self, settings: &Settings) -> GaugeSettings {
        let lower = self.lower_is_worse();
        // The judge of gauges turns a value around where lower is worse, and has its margins as if higher were.
        let [dead_zone, margin] = self
            .margins()
            .map(|Margin { ratio, absolute }| Margin { ratio: if lower { 1.0 / ratio } else { ratio }, absolute });
        let Settings { false_rollback, missed_regression, .. } = *settings;
        let worse = self.worse();
        GaugeSettings { worse, dead_zone, margin, false_rollback, missed_regression }
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
        for metric in &spec.metrics {
            let name = format!("{name}/{}", metric.name);
            // A metric without a kind is not let through by the API server.
            let Some(template) = MetricTemplate::of(name.clone(), metric) else { continue };
            template
                .check(&arguments)
                .map_err(|problem| Problem::Query { name: name.clone(), problem: problem.into() })?;
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
    // Rendering fails only where the name of an object can't stand in its place, and then the metric is missing from the
    // look, which holds: `resolve` has checked everything else.
    metrics.iter().filter_map(|metric| metric.template.render(arms, &metric.arguments).ok()).collect()
}
