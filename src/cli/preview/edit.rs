//! What a Rollout would do to the objects that users own, worked out from manifests alone.

use std::collections::BTreeMap;

use json_patch::Patch;
use serde_json::Value;

use super::documents::Documents;
use crate::{
    api::{GROUP, Rollout, RouteKindName, RouteRef},
    cli::Failure,
    model::{Object, POD_TEMPLATE_HASH},
    route::{self, Backends, Level, RouteBefore, RouteKind, RouteProblem, destination_rule, service},
};

/// Stands for the stable revision's hash where it can't be known.
const STABLE_PLACEHOLDER: &str = "<stable>";
/// Stands for the canary revision's hash where it can't be known.
const CANARY_PLACEHOLDER: &str = "<canary>";

/// One object before and after.
#[derive(Debug)]
pub(super) struct Edit {
    /// What happens to it, in words.
    pub(super) title: String,
    /// The object as it was given.
    pub(super) before: Value,
    /// The object as it would be.
    pub(super) after: Value,
    /// How it gets there; nothing where it is there already.
    pub(super) patch: Option<Patch>,
}

/// All edits, and what a reader has to know about them.
#[derive(Debug, Default)]
pub(super) struct Edits {
    pub(super) edits: Vec<Edit>,
    pub(super) notes: Vec<String>,
}

/// What all Rollouts among the documents would do with the canary at `weight` percent, or why they can't.
pub(super) fn edits(documents: &Documents, weight: u32) -> Result<Edits, Failure> {
    let mut all = Edits::default();
    let mut problems = Vec::new();
    let mut rollouts = documents.of_kind(GROUP, "Rollout").peekable();
    if rollouts.peek().is_none() {
        return Err(Failure::refused("there is no Rollout among the documents")
            .hint("give its manifest with `-f`, beside those of its routes"));
    }
    for object in rollouts {
        let rollout: Rollout = serde_json::from_value(object.value().clone()).map_err(|error| {
            Failure::refused(format!("Rollout {}/{} can't be used: {error}", object.namespace(), object.name()))
        })?;
        let preview = Preview::new(documents, &rollout, object, weight);
        problems.extend(preview.add_to(&mut all));
    }
    match Failure::of_all(problems) {
        Some(failure) => Err(failure),
        None => Ok(all),
    }
}

/// One Rollout's part.
struct Preview<'a> {
    documents: &'a Documents,
    rollout: &'a Rollout,
    namespace: &'a str,
    weight: u32,
    stable_hash: &'a str,
    canary_hash: &'a str,
    /// Whether the user's Service is the stable backend.
    pinned: bool,
    /// The workload's pod template's labels, where its manifest was given.
    pod_labels: Option<BTreeMap<String, String>>,
}

impl<'a> Preview<'a> {
    fn new(documents: &'a Documents, rollout: &'a Rollout, object: &'a Object, weight: u32) -> Self {
        let namespace = object.namespace();
        let workload = documents.find("apps", "Deployment", namespace, &rollout.spec.workload_ref.name);
        let status = |field: &str, placeholder: &'static str| match object.text(&format!("/status/{field}")) {
            "" => placeholder,
            hash => hash,
        };
        let run = rollout.status.as_ref().and_then(|status| status.run.as_ref());
        Self {
            documents,
            pinned: run.map_or(rollout.spec.traffic.pin_service, |run| run.pinned),
            rollout,
            namespace,
            weight,
            stable_hash: status("stableRevision", STABLE_PLACEHOLDER),
            canary_hash: status("canaryRevision", CANARY_PLACEHOLDER),
            pod_labels: workload.map(|workload| workload.strings("/spec/template/metadata/labels")),
        }
    }

    /// Adds this Rollout's edits, and gives what stands in their way.
    fn add_to(&self, all: &mut Edits) -> Vec<Failure> {
        let mut problems = Vec::new();
        let rules: Vec<Object> = self.documents.of_kind("networking.istio.io", "DestinationRule").cloned().collect();
        let mut subsets = BTreeMap::new();
        let first = all.edits.len();
        let mut host_level = false;
        for reference in &self.rollout.spec.traffic.routes {
            match self.route(reference, &rules) {
                Ok((edit, Level::Host)) => {
                    host_level = true;
                    all.edits.push(edit);
                }
                Ok((edit, Level::Subset { subset, destination_rule, destination_rule_namespace })) => {
                    all.edits.push(edit);
                    let other = subsets.insert((destination_rule_namespace, destination_rule), subset.clone());
                    problems.extend(other.filter(|other| *other != subset).map(|other| several(&other, &subset)));
                }
                Err(problem) => problems.push(problem),
            }
        }
        for rule in &rules {
            if let Some(subset) = subsets.get(&(rule.namespace().to_owned(), rule.name().to_owned())) {
                all.edits.push(self.subsets(rule, subset));
            }
        }
        problems.extend(self.service(host_level, all).err());
        let placeholders = [(self.stable_hash, STABLE_PLACEHOLDER), (self.canary_hash, CANARY_PLACEHOLDER)];
        let used: Vec<String> = placeholders
            .into_iter()
            .filter(|(hash, placeholder)| {
                hash == placeholder
                    && all.edits[first..].iter().any(|edit| edit.after.to_string().contains(placeholder))
            })
            .map(|(_, placeholder)| format!("`{placeholder}`"))
            .collect();
        if !used.is_empty() {
            all.notes.push(format!(
                "{} {} for a pod-template-hash, which only the cluster knows",
                used.join(" and "),
                if used.len() == 1 { "stands" } else { "stand" }
            ));
        }
        problems
    }

    fn route(&self, reference: &RouteRef, rules: &[Object]) -> Result<(Edit, Level), Failure> {
        let kind = match reference.kind {
            RouteKindName::HttpRoute => RouteKind::HttpRoute,
            RouteKindName::VirtualService => RouteKind::VirtualService,
        };
        let group = kind.api_version().split_once('/').map_or("", |(group, _)| group);
        let Some(live) = self.documents.find(group, kind.kind(), self.namespace, &reference.name) else {
            return Err(Failure::refused(format!(
                "{kind} {}/{} is named by Rollout {}/{}, but not among the documents",
                self.namespace,
                reference.name,
                self.namespace,
                self.rollout.metadata.name.as_deref().unwrap_or_default(),
            ))
            .hint("give its manifest with `-f`; `-n` names the namespace of manifests that have none"));
        };
        let before = self.before(reference);
        let traffic = &self.rollout.spec.traffic;
        let backends = Backends {
            namespace: self.namespace,
            service: &traffic.service,
            pinned: self.pinned,
            subset: before.and_then(|before| before.subset.as_deref()),
        };
        let labels = self.stable_labels(rules);
        let inspection = route::inspect(kind, live, &reference.rules, &backends, rules, &labels)
            .map_err(|problem| self.explain(&problem))?;
        let backends = Backends { subset: inspection.subset(), ..backends };
        let edit = route::split(kind, live, &reference.rules, &backends, before, self.weight)
            .map_err(|problem| self.explain(&problem))?;
        let rules = inspection.rules.join(", ");
        let title = format!("{kind} {}/{} with the canary at {}%: {rules}", self.namespace, live.name(), self.weight);
        let edit = Edit { title, before: live.value().clone(), after: edit.object, patch: edit.patch };
        Ok((edit, inspection.level))
    }

    /// What the route looked like before the run, where the Rollout's manifest comes from a cluster in mid-run.
    fn before(&self, reference: &RouteRef) -> Option<&RouteBefore> {
        let status = self.rollout.status.as_ref().filter(|status| status.phase.running())?;
        let known = status.routes.iter().find(|known| known.kind == reference.kind && known.name == reference.name)?;
        Some(&known.before)
    }

    /// Labels of the stable pods, as far as the documents tell: the template's own, or else those on which all subsets
    /// of the Service's host agree.
    fn stable_labels(&self, rules: &[Object]) -> BTreeMap<String, String> {
        if let Some(labels) = &self.pod_labels {
            return labels.clone();
        }
        let traffic = &self.rollout.spec.traffic;
        let Some(rule) = destination_rule::find(rules, self.namespace, &traffic.service, None) else {
            return BTreeMap::new();
        };
        let names = rule.list("/spec/subsets").iter().filter_map(|subset| subset["name"].as_str());
        let subsets: Vec<_> = names
            .filter(|name| ![route::STABLE_SUBSET, route::CANARY_SUBSET].contains(name))
            .filter_map(|name| destination_rule::subset_labels(rule, name))
            .collect();
        let agreed =
            |key: &str, value: &str| subsets.iter().all(|labels| labels.get(key).is_none_or(|other| other == value));
        let all = subsets.iter().flatten();
        all.filter(|(key, value)| agreed(key, value)).map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    fn explain(&self, problem: &RouteProblem) -> Failure {
        let failure = Failure::refused(problem.to_string());
        match problem {
            RouteProblem::SubsetsSelectOtherPods { .. } if self.pod_labels.is_none() => failure.hint(format!(
                "give the manifest of Deployment {}/{} too: its labels tell which subset has the stable pods",
                self.namespace, self.rollout.spec.workload_ref.name
            )),
            RouteProblem::DestinationRuleNotFound { .. } => failure.hint("give its manifest with `-f` if it exists"),
            _ => failure,
        }
    }

    /// The two subsets that stand for the stable pods and the canary's.
    fn subsets(&self, rule: &Object, subset: &str) -> Edit {
        let of_hash = |hash: &str| BTreeMap::from([(POD_TEMPLATE_HASH.to_owned(), hash.to_owned())]);
        let (stable, canary) = (of_hash(self.stable_hash), of_hash(self.canary_hash));
        let patch = destination_rule::set_subsets(rule, subset, Some(&stable), Some(&canary));
        let title = format!("DestinationRule {}/{} with a subset for each version", rule.namespace(), rule.name());
        patched(title, rule, patch)
    }

    /// The user's Service, where it was given, and what would be generated beside it.
    fn service(&self, host_level: bool, all: &mut Edits) -> Result<(), Failure> {
        let name = &self.rollout.spec.traffic.service;
        if host_level {
            let stable = if self.pinned { String::new() } else { format!(" and {}/{name}-stable", self.namespace) };
            all.notes.push(format!("Service {}/{name}-canary{stable} would be created", self.namespace));
        }
        let Some(live) = self.documents.find("", "Service", self.namespace, name) else { return Ok(()) };
        service::check(live).map_err(|problem| self.explain(&problem))?;
        if self.pinned {
            let title = format!("Service {}/{name}, pinned to the stable revision", self.namespace);
            all.edits.push(patched(title, live, service::pin(live, self.stable_hash)));
        }
        Ok(())
    }
}

/// One Rollout can split one subset of a DestinationRule.
fn several(one: &str, other: &str) -> Failure {
    Failure::refused(format!("the routes send to the subsets `{one}` and `{other}` of one DestinationRule"))
        .hint("one Rollout can split one subset: let all routes name the same, or make a Rollout for each")
}

/// An object with a patch applied.
fn patched(title: String, live: &Object, patch: Option<Patch>) -> Edit {
    let mut after = live.value().clone();
    if let Some(patch) = &patch {
        json_patch::patch(&mut after, patch).expect("a patch applies to the object that it was made from");
    }
    Edit { title, before: live.value().clone(), after, patch }
}
