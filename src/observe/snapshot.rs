//! Assembles what is seen of one Rollout from the cache, as of one moment.

use std::collections::BTreeSet;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use thiserror::Error;

use super::{
    Cache, Cluster, Kind, Observed, ObservedRoute, ObservedTemplate, OtherService, ReadyEndpoints, Writes,
    cache::View,
    interest::{canary_name, stable_name},
};
use crate::{
    api::{Analysis, AnalysisTemplateSpec, Rollout, RouteKindName, RouteRef},
    model::{Object, POD_TEMPLATE_HASH, RolloutKey},
};

/// A Rollout that was stored before the rules which it breaks, and so can't be read.
#[derive(Debug, Error)]
#[error("rollout {rollout} can't be read and is left alone: {reason}")]
pub struct Malformed {
    /// Which Rollout.
    pub rollout: RolloutKey,
    /// Which field, and what is wrong with it.
    pub reason: String,
}

/// Reads a Rollout from its JSON.
pub fn parse_rollout(object: &Object) -> Result<Rollout, Malformed> {
    read_rollout(object.value())
}

/// Reads a Rollout from JSON that is nobody's object yet.
pub fn read_rollout(json: &Value) -> Result<Rollout, Malformed> {
    let text = |field: &str| json["metadata"][field].as_str().unwrap_or_default();
    Rollout::deserialize(json).map_err(|error| Malformed {
        rollout: RolloutKey::new(text("namespace"), text("name")),
        reason: error.to_string(),
    })
}

/// What is seen of a Rollout; nothing where it does not exist or can't be read, or where something that it names is
/// still being read. `refusals`, `measurement`, `pods` and `troubles` are left empty: they cost a question to somebody else.
/// So are `looked_at`, which whoever asks knows, and `writes`, which whoever writes remembers.
pub fn snapshot(cache: &Cache, namespace: &str, name: &str, cluster: &Cluster) -> Option<Observed> {
    let view = cache.read();
    let object = view.get(Kind::Rollout, namespace, name)?;
    if view.awaits(&object) {
        return None;
    }
    let rollout = parse_rollout(&object).ok()?;

    let workload_name = &rollout.spec.workload_ref.name;
    let workload = view.get(Kind::Deployment, namespace, workload_name);
    let canary = view.get(Kind::Deployment, namespace, &canary_name(workload_name));
    let replica_sets =
        |owner: &Option<Object>| owner.as_ref().map(|owner| view.replica_sets_of(owner)).unwrap_or_default();

    let service = &rollout.spec.traffic.service;
    let (canary_service, stable_service) = (canary_name(service), stable_name(service));

    Some(Observed {
        replica_sets: replica_sets(&workload),
        canary_replica_sets: replica_sets(&canary),
        service_shared_with: shared_with(&view, namespace, service, workload_name),
        other_services: other_services(&view, &rollout, workload.as_ref()),
        workload,
        canary,
        service: view.get(Kind::Service, namespace, service),
        canary_service: view.get(Kind::Service, namespace, &canary_service),
        stable_service: view.get(Kind::Service, namespace, &stable_service),
        routes: routes(&view, namespace, &rollout),
        destination_rules: view.in_namespace(Kind::DestinationRule, namespace).collect(),
        endpoints: ReadyEndpoints {
            service: ready_pods(&view, namespace, service),
            canary: ready_pods(&view, namespace, &canary_service),
            stable: ready_pods(&view, namespace, &stable_service),
            ending: ending_pods(&view, namespace, &canary_service),
        },
        templates: templates(&view, namespace, rollout.spec.analysis.as_ref()),
        analysis_run: view.get(Kind::AnalysisRun, namespace, &analysis_run_name(&rollout)),
        rival: rival(&view, &object, workload_name),
        rollout,
        cluster: cluster.clone(),
        refusals: Vec::new(),
        looked_at: None,
        measurement: None,
        history: None,
        pods: None,
        troubles: None,
        writes: Writes::default(),
    })
}

/// Other Deployments with pods that a Service selects, by name.
fn shared_with(view: &View<'_>, namespace: &str, service: &str, workload: &str) -> Vec<String> {
    let Some(service) = view.get(Kind::Service, namespace, service) else { return Vec::new() };
    let canary = canary_name(workload);
    let mut selector = service.strings("/spec/selector");
    selector.remove(POD_TEMPLATE_HASH);
    let selected = view.deployments_selected(namespace, &selector);
    let others = selected.iter().filter(|other| other.name() != workload && other.name() != canary);
    others
        .filter(|other| other.number("/spec/replicas").unwrap_or(1) > 0)
        .map(|other| other.name().to_owned())
        .collect()
}

/// The other Services that select a workload's pods, and those that the run has pinned.
fn other_services(view: &View<'_>, rollout: &Rollout, workload: Option<&Object>) -> Vec<OtherService> {
    let namespace = rollout.metadata.namespace.as_deref().unwrap_or_default();
    let service = &rollout.spec.traffic.service;
    let known = [service.clone(), canary_name(service), stable_name(service)];
    let labels = workload.map(|workload| workload.strings("/spec/template/metadata/labels")).unwrap_or_default();
    let mut found = if labels.is_empty() { Vec::new() } else { view.services_selecting(namespace, &labels) };
    let run = rollout.status.as_ref().and_then(|status| status.run.as_ref());
    for name in run.iter().flat_map(|run| &run.pinned_services) {
        if !found.iter().any(|service| service.name() == name) {
            found.extend(view.get(Kind::Service, namespace, name));
        }
    }
    found.retain(|service| !known.iter().any(|name| name == service.name()));
    let seen = |object: Object| OtherService {
        shared_with: shared_with(view, namespace, object.name(), &rollout.spec.workload_ref.name),
        object,
    };
    found.into_iter().map(seen).collect()
}

/// The name of the AnalysisRun that a Rollout makes for its run: `web-12`.
pub fn analysis_run_name(rollout: &Rollout) -> String {
    let runs = rollout.status.as_ref().map_or(0, |status| status.runs);
    format!("{}-{runs}", rollout.metadata.name.as_deref().unwrap_or_default())
}

/// The routes of the spec, and those that a run has edited and that the spec does not name any more.
fn routes(view: &View<'_>, namespace: &str, rollout: &Rollout) -> Vec<ObservedRoute> {
    let mut references = rollout.spec.traffic.routes.clone();
    for memory in rollout.status.iter().flat_map(|status| &status.routes) {
        if !references.iter().any(|known| known.kind == memory.kind && known.name == memory.name) {
            references.push(RouteRef { kind: memory.kind, name: memory.name.clone(), rules: Vec::new() });
        }
    }
    let observed = references.into_iter().map(|reference| {
        let kind = match reference.kind {
            RouteKindName::HttpRoute => Kind::HttpRoute,
            RouteKindName::VirtualService => Kind::VirtualService,
        };
        let object = view.get(kind, namespace, &reference.name);
        ObservedRoute { reference, object }
    });
    observed.collect()
}

/// The templates of the analysis. One that can't be read counts as missing; the API server's schema refuses such ones.
pub(super) fn templates(view: &View<'_>, namespace: &str, analysis: Option<&Analysis>) -> Vec<ObservedTemplate> {
    let Some(analysis) = analysis else { return Vec::new() };
    let observed = analysis.templates.iter().map(|template| {
        let object = view
            .get(Kind::AnalysisTemplate, namespace, &template.name)
            .or_else(|| view.get(Kind::ClusterAnalysisTemplate, "", &template.name));
        ObservedTemplate {
            name: template.name.clone(),
            spec: object.and_then(|object| spec_of::<AnalysisTemplateSpec>(&object)),
        }
    });
    observed.collect()
}

fn spec_of<T: DeserializeOwned>(object: &Object) -> Option<T> {
    T::deserialize(object.at("/spec")?).ok()
}

/// Names of the pods that are ready behind a Service.
fn ready_pods(view: &View<'_>, namespace: &str, service: &str) -> BTreeSet<String> {
    // The API says of `ready`: absent means unknown, to be read as true.
    pods(view, namespace, service, |conditions| conditions["ready"].as_bool().unwrap_or(true))
}

/// Names of the pods that end, and that proxies may still send to.
fn ending_pods(view: &View<'_>, namespace: &str, service: &str) -> BTreeSet<String> {
    pods(view, namespace, service, |conditions| conditions["terminating"] == true)
}

/// Names of the pods behind a Service by their endpoints' conditions. Slices of an earlier Service by the same name do
/// not count: they outlive it for a while.
fn pods(view: &View<'_>, namespace: &str, service: &str, counts: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let slices = view.slices_of(namespace, service);
    let owner = view.get(Kind::Service, namespace, service);
    let current = |slice: &&Object| match (slice.controller_uid(), &owner) {
        (Some(uid), Some(service)) => uid == service.uid(),
        (Some(_), None) => false,
        (None, _) => true,
    };
    let endpoints = slices.iter().filter(current).flat_map(|slice| slice.list("/endpoints"));
    endpoints
        .filter(|endpoint| counts(&endpoint["conditions"]) && endpoint["targetRef"]["kind"] == "Pod")
        .filter_map(|endpoint| Some(endpoint["targetRef"]["name"].as_str()?.to_owned()))
        .collect()
}

/// The Rollout that has the workload, where it is an older one: by creation time, then by name.
fn rival(view: &View<'_>, rollout: &Object, workload: &str) -> Option<String> {
    let age = |rollout: &Object| (rollout.created(), rollout.name().to_owned());
    let same_workload = view
        .interested(Kind::Deployment, rollout.namespace(), workload)
        .into_iter()
        .filter_map(|key| view.get(Kind::Rollout, &key.namespace, &key.name))
        .filter(|other| other.text("/spec/workloadRef/name") == workload);
    let oldest = same_workload.min_by_key(age)?;
    (oldest.name() != rollout.name()).then(|| oldest.name().to_owned())
}
