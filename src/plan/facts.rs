//! What a run needs beside what is seen: the workload itself, which version its template is, the steps, the metrics.

use std::{collections::BTreeMap, ops::Deref};

use super::{
    problem::Problem,
    seen::{Seen, template_labels},
};
use crate::{
    analysis::Metric,
    api::{HoldMode, Phase, Step, condition::ready},
    model::{Key, Object},
    observe::Observed,
    route,
    workload::{TemplateIs, deployment},
};

/// What is seen, and all that a run needs.
pub(super) struct Facts<'a> {
    pub(super) seen: Seen<'a>,
    pub(super) workload: &'a Object,
    /// Which version the workload's template is.
    pub(super) template: TemplateIs,
    pub(super) steps: Vec<Step>,
    pub(super) metrics: Vec<Metric>,
    /// Why the metrics can't be measured. A run that is on its way holds then, and can still be ended by a person.
    pub(super) unmeasurable: Option<Problem>,
}

/// What is seen where something is missing without which nothing can be run: at rest anything, in the middle of a run
/// only the workload.
pub(super) struct Lacking<'a> {
    pub(super) seen: Seen<'a>,
    pub(super) problem: Problem,
}

/// Facts are what is seen, and more.
impl<'a> Deref for Facts<'a> {
    type Target = Seen<'a>;

    fn deref(&self) -> &Seen<'a> {
        &self.seen
    }
}

impl<'a> Facts<'a> {
    /// Resolves what the spec names, or says what is missing and what to do.
    pub(super) fn gather(observed: &'a Observed) -> Result<Self, Box<Lacking<'a>>> {
        let mut seen = Seen::gather(observed);
        let running = seen.phase().running();
        let workload = match workload(&seen) {
            Ok(workload) if running || seen.missing.is_empty() => workload,
            Ok(_) => {
                let problem = seen.missing.remove(0);
                return Err(Box::new(Lacking { seen, problem }));
            }
            Err(problem) => return Err(Box::new(Lacking { seen, problem })),
        };
        let spec = seen.spec;
        let resolved = spec.analysis.as_ref().map_or(Ok(Vec::new()), |analysis| {
            super::metrics::resolve(&observed.templates, analysis, &observed.refusals)
        });
        let (metrics, unmeasurable) = match resolved {
            Ok(metrics) => (metrics, None),
            Err(problem) => (Vec::new(), Some(problem)),
        };
        let facts = Self {
            template: deployment::template_is(workload, seen.stable, seen.canary()),
            steps: spec.strategy.canary.as_ref().map(crate::api::Canary::steps).unwrap_or_default(),
            workload,
            metrics,
            unmeasurable,
            seen,
        };
        let possible = if running { Ok(()) } else { facts.run_is_possible() };
        match possible {
            Ok(()) => Ok(facts),
            Err(problem) => Err(Box::new(Lacking { seen: facts.seen, problem })),
        }
    }

    /// What is known only at rest: once a run is on its way, an edit of the spec does not end it.
    fn run_is_possible(&self) -> Result<(), Problem> {
        self.hold_is_available()?;
        self.names_are_free()?;
        self.capacity_is_kept()?;
        self.services_are_ours()?;
        self.steps_are_possible()
    }

    /// The workload's own rolling update must leave pods that serve.
    fn capacity_is_kept(&self) -> Result<(), Problem> {
        let name = self.workload.name();
        let wanted = i64::from(deployment::wanted(self.workload));
        let problem = if self.workload.text("/spec/strategy/type") == "Recreate" {
            format!(
                "Deployment {name} has the strategy Recreate, so its promotion would end all pods before it starts new ones; give it RollingUpdate"
            )
        } else if wanted > 0 && deployment::max_unavailable(self.workload) >= wanted {
            format!(
                "Deployment {name} lets all of its {wanted} pods be unavailable in a rolling update, so its promotion could end all of them at once; give it a smaller maxUnavailable, and a maxSurge above 0"
            )
        } else {
            return Ok(());
        };
        Err(Problem::new(ready::CAPACITY_WOULD_BE_LOST, problem))
    }

    /// Services that would be pinned, or reach the canary, must not be other workloads' too.
    fn services_are_ours(&self) -> Result<(), Problem> {
        let workload = self.workload.name();
        let service = &self.spec.traffic.service;
        if let Some(other) = self.observed.service_shared_with.first() {
            return Err(Problem::new(
                ready::SERVICE_SHARED,
                format!(
                    "Service {service} selects the pods of Deployment {other} beside those of Deployment {workload}, and a run would take them out of it; \
                     let it select by a label that only the pods of {workload} have, or name another Service"
                ),
            ));
        }
        let (behind, pods) = (self.observed.endpoints.service.len(), deployment::running(self.workload) as usize);
        if self.template != TemplateIs::Stable && behind > pods {
            return Err(Problem::new(
                ready::SERVICE_SHARED,
                format!(
                    "Service {service} has {behind} ready endpoints, and Deployment {workload} has {pods} pods: a run would take the others out of it; \
                     let it select by a label that only the pods of {workload} have, or name another Service"
                ),
            ));
        }
        let mut shared = self.observed.other_services.iter().filter(|_| self.spec.traffic.pin_service);
        match shared.find_map(|other| Some((other.object.name(), other.shared_with.first()?))) {
            Some((other, deployment)) => Err(Problem::new(
                ready::SERVICE_SHARED,
                format!(
                    "Service {other} selects the pods of Deployment {workload} too, so that it would send to canary pods that nobody has judged, and can't be kept from that \
                     since it also selects those of Deployment {deployment}; let it select by other labels, or accept that with spec.traffic.pinService: false"
                ),
            )),
            None => Ok(()),
        }
    }

    /// What the workload's template was compared with, where it came out as new and that would begin something.
    pub(super) fn to_be_compared_afresh(&self) -> Vec<Key> {
        let phase = self.status().phase;
        let matters = !matches!(phase, Phase::Preparing | Phase::Finishing | Phase::RollingBack);
        if !matters || self.template != TemplateIs::New {
            return Vec::new();
        }
        self.stable.into_iter().chain(self.canary()).map(Object::key).collect()
    }

    fn hold_is_available(&self) -> Result<(), Problem> {
        if self.spec.hold == HoldMode::Admission && !self.observed.cluster.admission_hold {
            return Err(Problem::new(
                ready::HOLD_NOT_AVAILABLE,
                "spec.hold is Admission, but the admission policy is not in force; install it with the chart (Kubernetes 1.36 or newer), \
                 or write hold: Always"
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// Objects that would be generated must not be somebody else's.
    fn names_are_free(&self) -> Result<(), Problem> {
        let generated = [
            ("Deployment", self.observed.canary.as_ref()),
            ("Service", self.observed.canary_service.as_ref()),
            ("Service", self.observed.stable_service.as_ref().filter(|_| self.needs_stable_service())),
        ];
        for (kind, object) in generated {
            if let Some(object) = object.filter(|object| !self.owns(object) && !object.deleting()) {
                return Err(Problem::new(
                    ready::NAME_TAKEN,
                    format!(
                        "{kind} {} exists and is not this Rollout's, but a run needs the name; rename or delete it",
                        object.name()
                    ),
                ));
            }
        }
        Ok(())
    }

    /// The stable subset stands for one subset of the user's, so two routes can't split by different ones of one rule.
    fn one_subset_a_destination_rule(&self) -> Result<(), Problem> {
        let mut known: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
        for route in &self.routes {
            let Some((rule, subset)) = self.destination_rule(route) else { continue };
            match known.insert(rule.name(), (subset, route.live.name())) {
                Some((other, first)) if other != subset => {
                    return Err(Problem::new(
                        ready::SEVERAL_SUBSETS,
                        format!(
                            "VirtualService {first} sends to subset {other} and VirtualService {} to subset {subset} of DestinationRule {}; \
                             one Rollout can split one subset: make a Rollout for one of them, or let both name the same subset",
                            route.live.name(),
                            rule.name()
                        ),
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Every step's weight must be possible on every route, and no subset may be empty after the promotion.
    fn steps_are_possible(&self) -> Result<(), Problem> {
        let template_labels = template_labels(self.workload);
        self.one_subset_a_destination_rule()?;
        for route in &self.routes {
            for step in &self.steps {
                route::split(route.kind, route.live, &route.reference.rules, &self.backends(route), None, step.weight)?;
            }
            if let Some((rule, subset)) = self.destination_rule(route) {
                route::destination_rule::check_template(rule, subset, &template_labels)?;
            }
        }
        Ok(())
    }
}

/// The workload, or what keeps it from being carried out.
fn workload<'a>(seen: &Seen<'a>) -> Result<&'a Object, Problem> {
    let name = &seen.spec.workload_ref.name;
    if let Some(rival) = &seen.observed.rival {
        let message =
            format!("Deployment {name} is already carried out by the older Rollout {rival}; delete one of the two");
        return Err(Problem::new(ready::WORKLOAD_TAKEN, message));
    }
    let Some(workload) = seen.workload else {
        let message =
            format!("Deployment {name} does not exist in this namespace; create it, or correct spec.workloadRef.name");
        return Err(Problem::new(ready::WORKLOAD_NOT_FOUND, message));
    };
    if seen.workload_is_another() && seen.phase().running() {
        let message = format!(
            "Deployment {name} was deleted and made again: what it runs now was not judged, and the run is over"
        );
        return Err(Problem::new(ready::WORKLOAD_REPLACED, message));
    }
    Ok(workload)
}
