//! The metrics of a Rollout: its templates put together, and the two versions as queries can name them.

use jiff::Timestamp;

use super::{QueryToCheck, facts::Facts, problem::Problem};
use crate::{
    analysis::{self, HistoryRequest, Metric},
    api::{Analysis, condition::ready},
    measure::{Arm, MeasureRequest, MetricQuery, PerArm, Variant},
    model::POD_TEMPLATE_HASH,
    observe::{ObservedTemplate, Refusal},
    route::{self, Backends, CANARY_SUBSET, STABLE_SUBSET},
    workload::deployment,
};

/// Puts templates and arguments together, or says what is missing.
pub(super) fn resolve(
    observed: &[ObservedTemplate],
    analysis: &Analysis,
    refusals: &[Refusal],
) -> Result<Vec<Metric>, Problem> {
    let mut templates = Vec::new();
    for seen in observed {
        let name = &seen.name;
        let spec = seen.spec.as_ref().ok_or_else(|| {
            Problem::new(
                ready::TEMPLATE_NOT_FOUND,
                format!("there is no AnalysisTemplate {name} in this namespace and no ClusterAnalysisTemplate {name}; create one, or correct spec.analysis.templates"),
            )
        })?;
        templates.push((name.clone(), spec));
    }
    let metrics = analysis::resolve(&templates, &analysis.args)?;
    match refusals.first() {
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

/// The queries for Prometheus to check their wording. The wording of both arms is the same, so one stands for both.
pub(super) fn queries_to_check(metrics: &[Metric], arms: &PerArm<Arm>) -> Vec<QueryToCheck> {
    analysis::render(metrics, arms)
        .into_iter()
        .flat_map(|MetricQuery { name, namespace, address, queries }| {
            let query = |text: &str| QueryToCheck {
                metric: name.clone(),
                namespace: namespace.clone(),
                address: address.clone(),
                query: text.to_owned(),
            };
            queries.of_canary().into_iter().map(query).collect::<Vec<_>>()
        })
        .collect()
}

impl Facts<'_> {
    /// The queries of one look; nothing where there is no analysis or not both revisions are known. A metric whose query
    /// can't be written is missing from it, and so from the look.
    pub(super) fn measure_request(&self, now: Timestamp) -> Option<MeasureRequest> {
        let canary = self.canary_replica_set().and_then(deployment::revision)?;
        let stable = self.stable.and_then(deployment::revision)?;
        let request = analysis::request(&self.metrics, &self.arms(stable, canary), now);
        (!self.metrics.is_empty()).then_some(request)
    }

    /// Whether there is something to ask of a look: metrics, and two revisions to compare.
    pub(super) fn measurable(&self) -> bool {
        let canary = self.canary_replica_set().and_then(deployment::revision);
        !self.metrics.is_empty() && canary.is_some() && self.stable.and_then(deployment::revision).is_some()
    }

    /// What to ask about the time before the run; nothing where it was asked within the hour.
    pub(super) fn history_request(&self, now: Timestamp) -> Option<HistoryRequest> {
        let analysis = self.spec.analysis.as_ref()?;
        let due = self.status().run.as_ref().is_none_or(|run| analysis::due(&run.analysis, now));
        let stable = self.stable.filter(|_| due)?;
        let arms = self.arms(deployment::revision(stable)?, "");
        analysis::history(&self.metrics, &arms, stable.created(), now, analysis.interval.into())
    }

    /// The queries as they would be asked, for Prometheus to check their wording.
    pub(super) fn queries_to_check(&self) -> Vec<QueryToCheck> {
        // Only the wording matters, so any revision will do.
        queries_to_check(&self.metrics, &self.arms(POD_TEMPLATE_HASH, POD_TEMPLATE_HASH))
    }

    pub(super) fn arms(&self, stable: &str, canary: &str) -> PerArm<Arm> {
        PerArm { stable: self.arm(Variant::Stable, stable), canary: self.arm(Variant::Canary, canary) }
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
        let backends = Backends { namespace: self.namespace(), service, pinned: self.pinned, subset: None };
        let routes = self.routes.iter().map(|route| route.live);
        let domain = route::cluster_domain(routes, &self.observed.destination_rules, &backends);
        let host = format!("{backend}.{}.svc.{domain}", self.namespace());
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
