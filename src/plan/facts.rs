//! What every part of the plan reads: the spec and the snapshot, resolved once into things that are there.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::problem::Problem;
use crate::{
    analysis::Metric,
    api::{HoldMode, Phase, RolloutSpec, RolloutStatus, RouteRef, Step, condition::ready},
    model::{Key, Object},
    observe::Observed,
    route::{self, Backends, RouteBefore, RouteKind},
    workload::{TemplateIs, deployment},
};

/// The spec and the snapshot, resolved.
pub(super) struct Facts<'a> {
    pub(super) observed: &'a Observed,
    pub(super) spec: &'a RolloutSpec,
    pub(super) workload: &'a Object,
    pub(super) service: &'a Object,
    /// The ReplicaSet that users can rely on; nothing before the workload was first seen at rest.
    pub(super) stable: Option<&'a Object>,
    /// Which version the workload's template is.
    pub(super) template: TemplateIs,
    pub(super) steps: Vec<Step>,
    pub(super) routes: Vec<Route<'a>>,
    pub(super) metrics: Vec<Metric>,
    /// Why the metrics can't be measured. A run that is on its way holds then, and can still be ended by a person.
    pub(super) unmeasurable: Option<Problem>,
    /// Whether the user's Service is the stable backend, by selecting stable pods only.
    pub(super) pinned: bool,
}

/// A route, as it is and as it was.
pub(super) struct Route<'a> {
    pub(super) reference: &'a RouteRef,
    pub(super) kind: RouteKind,
    pub(super) live: &'a Object,
    pub(super) before: Option<&'a RouteBefore>,
    /// The user's own subset, where the route splits by subsets.
    pub(super) subset: Option<String>,
    /// Whether the spec does not name the route any more: it is put back, and then forgotten.
    pub(super) leaving: bool,
}

impl Route<'_> {
    pub(super) fn key(&self) -> Key {
        Key::new(self.kind.api_version(), self.kind.kind(), self.live.namespace(), self.live.name())
    }
}

impl<'a> Facts<'a> {
    /// Resolves what the spec names, or says what is missing and what to do.
    pub(super) fn gather(observed: &'a Observed) -> Result<Self, Problem> {
        let rollout = &observed.rollout;
        let spec = &rollout.spec;
        let name = &spec.workload_ref.name;
        if let Some(rival) = &observed.rival {
            return Err(Problem::new(
                ready::WORKLOAD_TAKEN,
                format!("Deployment {name} is already carried out by the older Rollout {rival}; delete one of the two"),
            ));
        }
        let workload = observed.workload.as_ref().filter(|workload| !workload.deleting()).ok_or_else(|| {
            Problem::new(
                ready::WORKLOAD_NOT_FOUND,
                format!(
                    "Deployment {name} does not exist in this namespace; create it, or correct spec.workloadRef.name"
                ),
            )
        })?;
        let service_name = &spec.traffic.service;
        let service = observed.service.as_ref().filter(|service| !service.deleting()).ok_or_else(|| {
            Problem::new(
                ready::SERVICE_NOT_FOUND,
                format!("Service {service_name} does not exist in this namespace; create it, or correct spec.traffic.service"),
            )
        })?;
        route::service::check(service)?;
        let labels = workload_labels(workload);
        route::service::check_selects(service, name, &labels)?;
        let status = status_of(observed);
        let stable = status
            .and_then(|status| status.stable_revision.as_deref())
            .and_then(|revision| observed.replica_sets.iter().find(|set| deployment::revision(set) == Some(revision)));
        let routes = routes(observed, &labels, stable)?;
        let ours = |object: &&Object| owned_by(object, rollout.metadata.uid.as_deref());
        let run = status.and_then(|status| status.run.as_ref());
        let pinned = run.map_or_else(
            || route::pins_service(spec.traffic.pin_service, routes.iter().map(|route| route.subset.as_deref())),
            |run| run.pinned,
        );
        let resolved = spec.analysis.as_ref().map_or(Ok(Vec::new()), |analysis| {
            super::metrics::resolve(&observed.templates, analysis, &observed.refusals)
        });
        let (metrics, unmeasurable) = match resolved {
            Ok(metrics) => (metrics, None),
            Err(problem) => (Vec::new(), Some(problem)),
        };
        let facts = Self {
            template: deployment::template_is(workload, stable, observed.canary.as_ref().filter(ours)),
            steps: spec.strategy.canary.as_ref().map(crate::api::Canary::steps).unwrap_or_default(),
            metrics,
            unmeasurable,
            observed,
            spec,
            workload,
            service,
            stable,
            routes,
            pinned,
        };
        if !facts.status().phase.running() && !facts.deleting() {
            facts.hold_is_available()?;
            facts.names_are_free()?;
            facts.steps_are_possible()?;
        }
        Ok(facts)
    }

    pub(super) fn status(&self) -> &RolloutStatus {
        static NOTHING: std::sync::LazyLock<RolloutStatus> = std::sync::LazyLock::new(RolloutStatus::default);
        status_of(self.observed).unwrap_or(&NOTHING)
    }

    pub(super) fn deleting(&self) -> bool {
        self.observed.rollout.metadata.deletion_timestamp.is_some()
    }

    pub(super) fn name(&self) -> &str {
        self.observed.rollout.metadata.name.as_deref().unwrap_or_default()
    }

    pub(super) fn namespace(&self) -> &str {
        self.observed.rollout.metadata.namespace.as_deref().unwrap_or_default()
    }

    pub(super) fn canary_name(&self) -> String {
        format!("{}-canary", self.spec.workload_ref.name)
    }

    pub(super) fn canary_service_name(&self) -> String {
        format!("{}-canary", self.spec.traffic.service)
    }

    pub(super) fn stable_service_name(&self) -> String {
        format!("{}-stable", self.spec.traffic.service)
    }

    /// The canary Deployment, where it is this Rollout's.
    pub(super) fn canary(&self) -> Option<&'a Object> {
        self.observed.canary.as_ref().filter(|canary| self.owns(canary))
    }

    pub(super) fn owns(&self, object: &Object) -> bool {
        owned_by(object, self.observed.rollout.metadata.uid.as_deref())
    }

    /// The owner reference that generated objects carry.
    pub(super) fn owner(&self) -> Value {
        owner_of(self.observed)
    }

    pub(super) fn backends<'b>(&'b self, route: &'b Route<'_>) -> Backends<'b> {
        Backends {
            namespace: self.namespace(),
            service: &self.spec.traffic.service,
            pinned: self.pinned,
            subset: route.subset.as_deref(),
        }
    }

    /// Whether some route needs the `-stable` Service.
    pub(super) fn needs_stable_service(&self) -> bool {
        !self.pinned && self.routes.iter().any(|route| route.subset.is_none())
    }

    /// Whether what unpinned routes name for the stable pods exists, with pods behind it.
    pub(super) fn stable_backend_is_there(&self) -> bool {
        let service = !self.needs_stable_service() || !self.observed.endpoints.stable.is_empty();
        let subset = |route| {
            self.destination_rule(route)
                .is_none_or(|(rule, _)| route::destination_rule::subset_labels(rule, route::STABLE_SUBSET).is_some())
        };
        service && self.routes.iter().all(subset)
    }

    /// Whether some route needs the `-canary` Service.
    pub(super) fn needs_canary_service(&self) -> bool {
        self.routes.iter().any(|route| route.subset.is_none())
    }

    /// Whether pods of a canary are still listed that have begun to end.
    pub(super) fn old_canary_pods_are_ending(&self) -> bool {
        let canary = format!("{}-", self.canary_name());
        self.observed.endpoints.ending.iter().any(|pod| pod.starts_with(&canary))
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

    /// The canary's ReplicaSet at the canary Deployment's template.
    pub(super) fn canary_replica_set(&self) -> Option<&'a Object> {
        deployment::current_replica_set(self.canary()?, &self.observed.canary_replica_sets)
    }

    /// The greatest share of traffic that a route gives the canary now, in percent.
    pub(super) fn live_weight(&self) -> u32 {
        self.routes
            .iter()
            .filter_map(|route| {
                route::canary_weight(route.kind, route.live, &route.reference.rules, &self.backends(route))
            })
            .max()
            .unwrap_or(0)
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
            ("Service", self.observed.canary_service.as_ref().filter(|_| self.needs_canary_service())),
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
        let template_labels = workload_labels(self.workload);
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

    /// The DestinationRule that has the route's subset.
    pub(super) fn destination_rule<'b>(&self, route: &'b Route<'_>) -> Option<(&'a Object, &'b str)> {
        let subset = route.subset.as_deref()?;
        let rule = route::destination_rule::find(
            &self.observed.destination_rules,
            self.namespace(),
            &self.spec.traffic.service,
            Some(subset),
        )?;
        Some((rule, subset))
    }
}

fn status_of(observed: &Observed) -> Option<&RolloutStatus> {
    observed.rollout.status.as_ref()
}

/// The owner reference of everything that is generated for a Rollout.
pub(super) fn owner_of(observed: &Observed) -> Value {
    json!({
        "apiVersion": format!("{}/{}", crate::api::GROUP, crate::api::VERSION),
        "kind": "Rollout",
        "name": observed.rollout.metadata.name,
        "uid": observed.rollout.metadata.uid,
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

pub(super) fn owned_by(object: &Object, rollout_uid: Option<&str>) -> bool {
    rollout_uid.is_some() && object.controller_uid() == rollout_uid
}

/// The labels of the workload's pod template.
fn workload_labels(workload: &Object) -> BTreeMap<String, String> {
    workload.strings("/spec/template/metadata/labels")
}

fn routes<'a>(
    observed: &'a Observed,
    labels: &BTreeMap<String, String>,
    stable: Option<&Object>,
) -> Result<Vec<Route<'a>>, Problem> {
    let memory = status_of(observed).filter(|status| status.phase.running()).map_or(&[][..], |status| &status.routes);
    // Of a set that has no pods any more, the cache does not keep the template.
    let stable_labels = stable
        .map(|set| set.strings("/spec/template/metadata/labels"))
        .filter(|labels| !labels.is_empty())
        .unwrap_or_else(|| labels.clone());
    let traffic = &observed.rollout.spec.traffic;
    let namespace = observed.rollout.metadata.namespace.as_deref().unwrap_or_default();
    let mut routes = Vec::new();
    for seen in &observed.routes {
        let reference = &seen.reference;
        let kind = RouteKind::from(reference.kind);
        let leaving = !traffic.routes.contains(reference);
        let Some(live) = seen.object.as_ref().filter(|live| !live.deleting()) else {
            if leaving {
                continue;
            }
            return Err(missing_route(observed, kind, &reference.name));
        };
        let before = memory
            .iter()
            .find(|known| known.kind == reference.kind && known.name == reference.name)
            .map(|known| &known.before);
        let subset = if let Some(before) = before {
            before.subset.clone()
        } else {
            let backends = Backends { namespace, service: &traffic.service, pinned: traffic.pin_service, subset: None };
            let rules = &observed.destination_rules;
            route::inspect(kind, live, &reference.rules, &backends, rules, &stable_labels)?.subset().map(str::to_owned)
        };
        routes.push(Route { reference, kind, live, before, subset, leaving });
    }
    Ok(routes)
}

fn missing_route(observed: &Observed, kind: RouteKind, name: &str) -> Problem {
    let kinds = &observed.cluster.kinds;
    let installed = kinds.iter().any(|known| known.kind() == kind.kind());
    if installed {
        Problem::new(
            ready::ROUTE_NOT_FOUND,
            format!("{kind} {name} does not exist in this namespace; create it, or correct spec.traffic.routes"),
        )
    } else {
        Problem::new(
            ready::ROUTE_KIND_NOT_INSTALLED,
            format!(
                "this cluster has no {kind}; install its CRDs ({}), or name a route of another kind",
                kind.api_version()
            ),
        )
    }
}
