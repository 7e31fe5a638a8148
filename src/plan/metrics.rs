//! The metrics of a Rollout: its templates and arguments put together, and the queries of one look.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{QueryToCheck, facts::Facts, problem::Problem};
use crate::{
    api::{Argument, Metric, condition::ready},
    judge::{ErrorRateSettings, Margin},
    measure::{
        Arguments, Arm, Counters, MeasureRequest, MetricQuery, MetricTemplate, PerArm, Queries, QueryTemplates, Variant,
    },
    model::POD_TEMPLATE_HASH,
    observe::Observed,
    route::{CANARY_SUBSET, STABLE_SUBSET},
    workload::deployment,
};

/// One metric of the analysis.
#[derive(Clone, Debug)]
pub(super) struct MetricPlan {
    /// `template/metric`.
    pub(super) name: String,
    pub(super) metric: Metric,
    template: MetricTemplate,
    arguments: Arguments,
}

impl MetricPlan {
    /// Margins and error probabilities, as the judge takes them.
    pub(super) fn settings(&self, false_rollback: f64, missed_regression: f64) -> ErrorRateSettings {
        let rate = self.metric.error_rate.as_ref();
        let margin = |given: Option<crate::api::MarginSpec>, default: Margin| {
            given.map_or(default, |given| Margin { ratio: given.relative, absolute: given.absolute })
        };
        ErrorRateSettings {
            dead_zone: margin(rate.and_then(|rate| rate.ignore), Margin::ERROR_RATE_DEAD_ZONE),
            margin: margin(rate.and_then(|rate| rate.exclude), Margin::ERROR_RATE_LIMIT),
            false_rollback,
            missed_regression,
            ..ErrorRateSettings::default()
        }
    }
}

/// Puts templates and arguments together, or says what is missing.
pub(super) fn resolve(observed: &Observed) -> Result<Vec<MetricPlan>, Problem> {
    let Some(analysis) = &observed.rollout.spec.analysis else { return Ok(Vec::new()) };
    let mut metrics = Vec::new();
    for seen in &observed.templates {
        let name = &seen.name;
        let spec = seen.spec.as_ref().ok_or_else(|| {
            Problem::new(
                ready::TEMPLATE_NOT_FOUND,
                format!("there is no AnalysisTemplate {name} in this namespace and no ClusterAnalysisTemplate {name}; create one, or correct spec.analysis.templates"),
            )
        })?;
        let arguments = arguments(name, &spec.args, &analysis.args)?;
        let names: BTreeSet<String> = arguments.keys().cloned().collect();
        for metric in &spec.metrics {
            let queries = match (&metric.error_rate, &metric.threshold) {
                (Some(rate), _) => {
                    QueryTemplates::ErrorRate(Counters { requests: rate.requests.clone(), errors: rate.errors.clone() })
                }
                (None, Some(threshold)) => QueryTemplates::Threshold(threshold.query.clone()),
                (None, None) => continue,
            };
            let full_name = format!("{name}/{}", metric.name);
            let template = MetricTemplate { name: full_name.clone(), address: metric.address.clone(), queries };
            template
                .check(&names)
                .map_err(|error| Problem::new(ready::TEMPLATE_INVALID, format!("metric {full_name}: {error}")))?;
            metrics.push(MetricPlan {
                name: full_name,
                metric: metric.clone(),
                template,
                arguments: arguments.clone(),
            });
        }
    }
    match observed.refusals.first() {
        Some(refusal) if refusal.address => {
            Err(Problem::new(ready::ADDRESS_NOT_ALLOWED, format!("metric {}: {}", refusal.metric, refusal.text)))
        }
        Some(refusal) => Err(Problem::new(
            ready::QUERY_REFUSED,
            format!("Prometheus refuses a query of metric {}: {}", refusal.metric, refusal.text),
        )),
        None => Ok(metrics),
    }
}

/// The template's arguments with the Rollout's values over its defaults.
fn arguments(template: &str, declared: &[Argument], given: &[Argument]) -> Result<Arguments, Problem> {
    let given: BTreeMap<&str, &String> =
        given.iter().filter_map(|argument| Some((argument.name.as_str(), argument.value.as_ref()?))).collect();
    declared
        .iter()
        .map(|argument| {
            let value = given.get(argument.name.as_str()).copied().or(argument.value.as_ref()).ok_or_else(|| {
                Problem::new(
                    ready::TEMPLATE_INVALID,
                    format!("template {template} needs the argument {0}; give it in spec.analysis.args: [{{name: {0}, value: …}}]", argument.name),
                )
            })?;
            Ok((argument.name.clone(), value.clone()))
        })
        .collect()
}

impl Facts<'_> {
    /// The queries of one look; nothing where there is no analysis or not both revisions are known.
    pub(super) fn measure_request(&self, now: Timestamp) -> Option<MeasureRequest> {
        let canary = self.canary_replica_set().and_then(deployment::revision)?;
        let stable = self.stable.and_then(deployment::revision)?;
        let metrics = self.render(stable, canary);
        (!metrics.is_empty()).then_some(MeasureRequest { at: now, metrics })
    }

    /// The queries as they would be asked, for Prometheus to check their wording.
    pub(super) fn queries_to_check(&self) -> Vec<QueryToCheck> {
        // Only the wording matters, so one arm stands for both and any revision will do.
        self.render(POD_TEMPLATE_HASH, POD_TEMPLATE_HASH)
            .into_iter()
            .flat_map(|MetricQuery { name, address, queries }| {
                let texts = match queries {
                    Queries::ErrorRate(arms) => vec![arms.canary.requests, arms.canary.errors],
                    Queries::Threshold(query) => vec![query],
                };
                texts.into_iter().map(move |query| QueryToCheck {
                    metric: name.clone(),
                    address: address.clone(),
                    query,
                })
            })
            .collect()
    }

    fn render(&self, stable: &str, canary: &str) -> Vec<MetricQuery> {
        let arms = PerArm { stable: self.arm(Variant::Stable, stable), canary: self.arm(Variant::Canary, canary) };
        // Rendering can't fail: `resolve` has checked every variable.
        self.metrics.iter().filter_map(|metric| metric.template.render(&arms, &metric.arguments).ok()).collect()
    }

    fn arm(&self, variant: Variant, revision: &str) -> Arm {
        let service = &self.spec.traffic.service;
        let by_subset = self.routes.iter().any(|route| route.subset.is_some());
        let (workload, backend, subset) = match variant {
            Variant::Stable if by_subset => (self.spec.workload_ref.name.clone(), service.clone(), STABLE_SUBSET),
            Variant::Canary if by_subset => (self.canary_name(), service.clone(), CANARY_SUBSET),
            Variant::Stable if self.pinned => (self.spec.workload_ref.name.clone(), service.clone(), ""),
            Variant::Stable => (self.spec.workload_ref.name.clone(), format!("{service}-stable"), ""),
            Variant::Canary => (self.canary_name(), format!("{service}-canary"), ""),
        };
        let host = format!("{backend}.{}.svc.cluster.local", self.namespace());
        Arm {
            namespace: self.namespace().to_owned(),
            workload,
            service: service.clone(),
            variant,
            revision: revision.to_owned(),
            backend,
            subset: subset.to_owned(),
            host,
        }
    }
}
