//! What is there of all that a Rollout names and has made, object by object. Whatever else is missing, what is there can
//! be acted on: a route lowered or restored, a Service unpinned, an object of ours removed.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::problem::Problem;
use crate::{
    api::{Phase, RolloutSpec, RolloutStatus, RouteRef, condition::ready},
    model::{Key, Object},
    observe::Observed,
    route::{self, Backends, RouteBefore, RouteKind},
    workload::deployment,
};

/// What is there.
pub(super) struct Seen<'a> {
    pub(super) observed: &'a Observed,
    pub(super) spec: &'a RolloutSpec,
    /// The workload; nothing while it is being deleted.
    pub(super) workload: Option<&'a Object>,
    /// The user's Service; nothing while it is being deleted.
    pub(super) service: Option<&'a Object>,
    /// The ReplicaSet that users can rely on; nothing before the workload was first seen at rest.
    pub(super) stable: Option<&'a Object>,
    /// The routes that are there and can be understood.
    pub(super) routes: Vec<Route<'a>>,
    /// What the spec names and is not there, or can't be used as it is.
    pub(super) missing: Vec<Problem>,
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

impl<'a> Seen<'a> {
    /// Looks at each object by itself.
    pub(super) fn gather(observed: &'a Observed) -> Self {
        let spec = &observed.rollout.spec;
        let status = observed.rollout.status.as_ref();
        let present = |object: &'a Option<Object>| object.as_ref().filter(|object| !object.deleting());
        let workload = present(&observed.workload);
        let service = present(&observed.service);
        let stable = status
            .and_then(|status| status.stable_revision.as_deref())
            .and_then(|revision| observed.replica_sets.iter().find(|set| deployment::revision(set) == Some(revision)));
        let mut missing = Vec::new();
        if let Err(problem) = check_service(spec, service, workload) {
            missing.push(problem);
        }
        let labels = stable_labels(workload, stable);
        let mut routes = Vec::new();
        for seen in &observed.routes {
            match route(observed, seen, &labels) {
                Ok(Some(route)) => routes.push(route),
                Ok(None) => {}
                Err(problem) => missing.push(problem),
            }
        }
        let run = status.and_then(|status| status.run.as_ref());
        let pinned = run.map_or_else(
            || {
                route::pins_service(
                    spec.traffic.pin_service,
                    routes.iter().map(|route: &Route<'_>| route.subset.as_deref()),
                )
            },
            |run| run.pinned,
        );
        Self { observed, spec, workload, service, stable, routes, missing, pinned }
    }

    pub(super) fn status(&self) -> &'a RolloutStatus {
        static NOTHING: std::sync::LazyLock<RolloutStatus> = std::sync::LazyLock::new(RolloutStatus::default);
        self.observed.rollout.status.as_ref().unwrap_or(&NOTHING)
    }

    pub(super) fn phase(&self) -> Phase {
        self.status().phase
    }

    pub(super) fn name(&self) -> &'a str {
        self.observed.rollout.metadata.name.as_deref().unwrap_or_default()
    }

    pub(super) fn namespace(&self) -> &'a str {
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

    /// The canary's Service, where it is this Rollout's.
    pub(super) fn canary_service(&self) -> Option<&'a Object> {
        self.observed.canary_service.as_ref().filter(|service| self.owns(service))
    }

    /// The stable version's Service, where it is this Rollout's.
    pub(super) fn stable_service(&self) -> Option<&'a Object> {
        self.observed.stable_service.as_ref().filter(|service| self.owns(service))
    }

    /// The canary's ReplicaSet at the canary Deployment's template.
    pub(super) fn canary_replica_set(&self) -> Option<&'a Object> {
        deployment::current_replica_set(self.canary()?, &self.observed.canary_replica_sets)
    }

    pub(super) fn owns(&self, object: &Object) -> bool {
        let uid = self.observed.rollout.metadata.uid.as_deref();
        uid.is_some() && object.controller_uid() == uid
    }

    /// The owner reference that generated objects carry.
    pub(super) fn owner(&self) -> Value {
        json!({
            "apiVersion": format!("{}/{}", crate::api::GROUP, crate::api::VERSION),
            "kind": "Rollout",
            "name": self.observed.rollout.metadata.name,
            "uid": self.observed.rollout.metadata.uid,
            "controller": true,
            "blockOwnerDeletion": true,
        })
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

    /// Whether the revision that users can rely on has no pods any more, although the workload wants some: the workload
    /// was deleted and made again, or nothing held it when a new template came.
    pub(super) fn stable_is_gone(&self) -> bool {
        let Some(workload) = self.workload else { return false };
        if self.status().stable_revision.is_none() || deployment::wanted(workload) == 0 {
            return false;
        }
        self.stable.is_none_or(|set| set.number("/spec/replicas").unwrap_or(0) == 0)
    }

    /// Whether the workload under this name is another one than the one whose revisions are known.
    pub(super) fn workload_is_another(&self) -> bool {
        let known = self.status().workload_uid.as_deref();
        self.workload.zip(known).is_some_and(|(workload, known)| workload.uid() != known)
    }

    /// A label that the user's Service selects by and the stable pods do not carry: its selector and the pods' labels were
    /// changed in one release, so that users get nothing from the stable version.
    pub(super) fn label_that_stable_pods_lack(&self) -> Option<String> {
        self.stable?;
        lacking_label(self.service?, &stable_labels(self.workload, self.stable))
    }

    /// The greatest share of traffic that a route gives the canary now, in percent.
    pub(super) fn live_weight(&self) -> u32 {
        self.routes.iter().filter_map(|route| self.live_weight_of(route)).max().unwrap_or(0)
    }

    /// The share of traffic that one route gives the canary now, in percent.
    pub(super) fn live_weight_of(&self, route: &Route<'_>) -> Option<u32> {
        route::canary_weight(route.kind, route.live, &route.reference.rules, &self.backends(route))
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

/// Whether the Service is there, and selects what users get.
fn check_service(spec: &RolloutSpec, service: Option<&Object>, workload: Option<&Object>) -> Result<(), Problem> {
    let name = &spec.traffic.service;
    let service = service.ok_or_else(|| {
        Problem::new(
            ready::SERVICE_NOT_FOUND,
            format!("Service {name} does not exist in this namespace; create it, or correct spec.traffic.service"),
        )
    })?;
    route::service::check(service)?;
    let Some(workload) = workload else { return Ok(()) };
    route::service::check_selects(service, workload.name(), &template_labels(workload))?;
    Ok(())
}

/// The first label that a Service selects by and these labels do not have.
fn lacking_label(service: &Object, labels: &BTreeMap<String, String>) -> Option<String> {
    let selector = route::service::selector(service);
    let mut lacking = selector.iter().filter(|(key, value)| labels.get(*key) != Some(*value));
    lacking.next().map(|(key, value)| format!("{key}={value}"))
}

/// The labels of the workload's pod template.
pub(super) fn template_labels(workload: &Object) -> BTreeMap<String, String> {
    workload.strings("/spec/template/metadata/labels")
}

/// The labels of the stable pods. Of a set that has no pods any more, the cache does not keep the template: those of the
/// workload's own stand for them.
fn stable_labels(workload: Option<&Object>, stable: Option<&Object>) -> BTreeMap<String, String> {
    stable
        .map(|set| set.strings("/spec/template/metadata/labels"))
        .filter(|labels| !labels.is_empty())
        .unwrap_or_else(|| workload.map(template_labels).unwrap_or_default())
}

/// One route, if it is still anybody's; what is missing where it is not there or can't be understood.
fn route<'a>(
    observed: &'a Observed,
    seen: &'a crate::observe::ObservedRoute,
    stable_labels: &BTreeMap<String, String>,
) -> Result<Option<Route<'a>>, Problem> {
    let status = observed.rollout.status.as_ref();
    let memory = status.filter(|status| status.phase.running()).map_or(&[][..], |status| &status.routes);
    let traffic = &observed.rollout.spec.traffic;
    let namespace = observed.rollout.metadata.namespace.as_deref().unwrap_or_default();
    let reference = &seen.reference;
    let kind = RouteKind::from(reference.kind);
    let leaving = !traffic.routes.contains(reference);
    let Some(live) = seen.object.as_ref().filter(|live| !live.deleting()) else {
        return if leaving { Ok(None) } else { Err(missing_route(observed, kind, &reference.name)) };
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
        route::inspect(kind, live, &reference.rules, &backends, rules, stable_labels)?.subset().map(str::to_owned)
    };
    Ok(Some(Route { reference, kind, live, before, subset, leaving }))
}

fn missing_route(observed: &Observed, kind: RouteKind, name: &str) -> Problem {
    let installed = observed.cluster.kinds.iter().any(|known| known.kind() == kind.kind());
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
