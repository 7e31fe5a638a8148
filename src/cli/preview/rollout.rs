//! One Rollout's part of a preview, decided by the functions that the controller decides by.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    documents::Documents,
    edit::{Edit, Edits},
};
use crate::{
    api::{GROUP, Rollout, RouteRef, VERSION},
    cli::Failure,
    model::{Object, POD_TEMPLATE_HASH},
    route::{
        self, Backends, RouteBefore, RouteKind, RouteProblem,
        destination_rule::{self, SubsetPin},
        host_policy, policy, service,
    },
};

/// Stands for the stable revision's hash where it can't be known.
const STABLE_PLACEHOLDER: &str = "<stable>";
/// Stands for the canary revision's hash where it can't be known.
const CANARY_PLACEHOLDER: &str = "<canary>";

/// Adds what the Rollout would do, and gives what stands in its way.
pub(super) fn add(
    documents: &Documents,
    rollout: &Rollout,
    object: &Object,
    weight: u32,
    all: &mut Edits,
) -> Vec<Failure> {
    let first = all.edits.len();
    let preview = Preview::new(documents, rollout, object, weight);
    let problems = preview.add_to(all);
    preview.explain_placeholders(first, all);
    problems
}

/// What a Rollout says, and what the documents say to it.
struct Preview<'a> {
    documents: &'a Documents,
    rollout: &'a Rollout,
    object: &'a Object,
    namespace: &'a str,
    service: &'a str,
    weight: u32,
    stable_hash: &'a str,
    canary_hash: &'a str,
    /// Each DestinationRule that the controller reads: those of the Rollout's namespace.
    destination_rules: Vec<Object>,
    /// The workload's pod template's labels, where its manifest was given.
    pod_labels: Option<BTreeMap<String, String>>,
}

/// A route, and how it splits.
struct Route<'a> {
    reference: &'a RouteRef,
    kind: RouteKind,
    live: &'a Object,
    before: Option<&'a RouteBefore>,
    subset: Option<String>,
    /// The rules that are split, in words.
    rules: Vec<String>,
}

impl<'a> Preview<'a> {
    fn new(documents: &'a Documents, rollout: &'a Rollout, object: &'a Object, weight: u32) -> Self {
        let namespace = object.namespace();
        let workload = documents.find("apps", "Deployment", namespace, &rollout.spec.workload_ref.name);
        let hash = |pointer: &str, placeholder: &'static str| match object.text(pointer) {
            "" => placeholder,
            hash => hash,
        };
        let rules = documents.of_kind("networking.istio.io", "DestinationRule");
        Self {
            documents,
            rollout,
            object,
            namespace,
            service: &rollout.spec.traffic.service,
            weight,
            stable_hash: hash("/status/stableRevision", STABLE_PLACEHOLDER),
            canary_hash: hash("/status/canaryRevision", CANARY_PLACEHOLDER),
            destination_rules: rules.filter(|rule| rule.namespace() == namespace).cloned().collect(),
            pod_labels: workload.map(|workload| workload.strings("/spec/template/metadata/labels")),
        }
    }

    fn add_to(&self, all: &mut Edits) -> Vec<Failure> {
        let (mut routes, mut problems) = (Vec::new(), Vec::new());
        for reference in &self.rollout.spec.traffic.routes {
            match self.route(reference) {
                Ok(route) => routes.push(route),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return problems;
        }
        let run = self.rollout.status.as_ref().and_then(|status| status.run.as_ref());
        let subsets = routes.iter().map(|route| route.subset.as_deref());
        let pinned =
            run.map_or_else(|| route::pins_service(self.rollout.spec.traffic.pin_service, subsets), |run| run.pinned);
        for route in &routes {
            match self.split(route, pinned) {
                Ok(edit) => all.edits.push(edit),
                Err(problem) => problems.push(problem),
            }
        }
        problems.extend(self.subsets(&routes, all));
        problems.extend(self.services(&routes, pinned, all));
        problems
    }

    /// Whether no run is on, as far as the Rollout's manifest tells.
    fn at_rest(&self) -> bool {
        self.rollout.status.as_ref().is_none_or(|status| !status.phase.running())
    }

    fn route(&self, reference: &'a RouteRef) -> Result<Route<'a>, Failure> {
        let kind = RouteKind::from(reference.kind);
        let group = kind.api_version().split_once('/').map_or("", |(group, _)| group);
        let Some(live) = self.documents.find(group, kind.kind(), self.namespace, &reference.name) else {
            return Err(Failure::refused(format!(
                "{kind} {}/{} is named by Rollout {}/{}, but not among the documents",
                self.namespace,
                reference.name,
                self.namespace,
                self.object.name(),
            ))
            .hint("give its manifest with `-f`; `-n` names the namespace of manifests that have none"));
        };
        let before = self.before(reference);
        let backends = Backends {
            namespace: self.namespace,
            service: self.service,
            pinned: self.rollout.spec.traffic.pin_service,
            subset: before.and_then(|before| before.subset.as_deref()),
        };
        let rules = &self.destination_rules;
        let found = route::inspect(kind, live, &reference.rules, &backends, rules, &self.stable_labels());
        let (subset, rules) = match (found, before) {
            // In mid-run what was found before the run counts.
            (found, Some(before)) => (before.subset.clone(), found.map(|found| found.rules).unwrap_or_default()),
            (Ok(found), None) => (found.subset().map(str::to_owned), found.rules),
            (Err(problem), None) => return Err(self.explain(&problem)),
        };
        Ok(Route { reference, kind, live, before, subset, rules })
    }

    /// What the route looked like before the run, where the Rollout's manifest comes from a cluster in mid-run.
    fn before(&self, reference: &RouteRef) -> Option<&'a RouteBefore> {
        let status = self.rollout.status.as_ref().filter(|status| status.phase.running())?;
        let known = status.routes.iter().find(|known| known.kind == reference.kind && known.name == reference.name)?;
        Some(&known.before)
    }

    fn split(&self, route: &Route<'_>, pinned: bool) -> Result<Edit, Failure> {
        let subset = route.subset.as_deref();
        let backends = Backends { namespace: self.namespace, service: self.service, pinned, subset };
        let at = |weight| {
            route::split(route.kind, route.live, &route.reference.rules, &backends, route.before, weight)
                .map_err(|problem| self.explain(&problem))
        };
        // No run starts unless all of its steps are possible.
        if self.at_rest() {
            let canary = self.rollout.spec.strategy.canary.as_ref();
            for step in canary.map(crate::api::Canary::steps).unwrap_or_default() {
                at(step.weight)?;
            }
        }
        let edit = at(self.weight)?;
        let rules = if route.rules.is_empty() { String::new() } else { format!(": {}", route.rules.join(", ")) };
        let title = format!(
            "{} {}/{} with the canary at {}%{rules}",
            route.kind,
            self.namespace,
            route.live.name(),
            self.weight
        );
        Ok(Edit::of(title, route.live, edit.patch))
    }

    /// Labels of the stable pods, as far as the documents tell: the template's own, or else those on which all subsets
    /// of the Service's host agree.
    fn stable_labels(&self) -> BTreeMap<String, String> {
        if let Some(labels) = &self.pod_labels {
            return labels.clone();
        }
        let Some(rule) = destination_rule::find(&self.destination_rules, self.namespace, self.service, None) else {
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

    /// In each DestinationRule that routes split by: the two subsets that stand for the stable pods and the canary's, and
    /// the pin of the user's own.
    fn subsets(&self, routes: &[Route<'_>], all: &mut Edits) -> Vec<Failure> {
        let (mut seen, mut problems) = (BTreeMap::new(), Vec::new());
        for subset in routes.iter().filter_map(|route| route.subset.as_deref()) {
            let rules = &self.destination_rules;
            let Some(rule) = destination_rule::find(rules, self.namespace, self.service, Some(subset)) else {
                continue;
            };
            if let Some(other) = seen.insert(rule.name(), subset) {
                problems.extend((other != subset).then(|| several(other, subset)));
                continue;
            }
            if let Some(pod_labels) = self.pod_labels.as_ref().filter(|_| self.at_rest()) {
                let checked = destination_rule::check_template(rule, subset, pod_labels);
                problems.extend(checked.err().map(|problem| self.explain(&problem)));
            }
            let of_hash = |hash: &str| BTreeMap::from([(POD_TEMPLATE_HASH.to_owned(), hash.to_owned())]);
            let (stable, canary) = (of_hash(self.stable_hash), of_hash(self.canary_hash));
            let pin = SubsetPin { hash: self.stable_hash, pod_labels: &self.stable_labels() };
            let patch = destination_rule::set_subsets(rule, subset, Some(&stable), Some(&canary), Some(pin));
            let title = format!(
                "DestinationRule {}/{} with a subset for each version, and the user's own pinned to the stable one",
                rule.namespace(),
                rule.name()
            );
            all.edits.push(Edit::of(title, rule, patch));
        }
        problems
    }

    /// The user's Service, where it was given, and what is made beside it.
    fn services(&self, routes: &[Route<'_>], pinned: bool, all: &mut Edits) -> Vec<Failure> {
        let by_host = routes.iter().any(|route| route.subset.is_none());
        let backends = Backends { namespace: self.namespace, service: self.service, pinned, subset: None };
        let made = [(by_host, backends.canary_service()), (by_host && !pinned, backends.stable_service())];
        let made: Vec<String> = made.into_iter().filter(|(needed, _)| *needed).map(|(_, name)| name).collect();
        let mut problems: Vec<Failure> = made.iter().filter_map(|name| self.taken("", "Service", name)).collect();
        let canary = format!("{}-canary", self.rollout.spec.workload_ref.name);
        problems.extend(self.taken("apps", "Deployment", &canary));

        let rollout = self.object.name();
        let owner = self.owner();
        if let Some(live) = self.documents.find("", "Service", self.namespace, self.service) {
            if let Err(problem) = self.check_service(live) {
                problems.push(self.explain(&problem));
                return problems;
            }
            if pinned {
                let title = format!("Service {}/{}, pinned to the stable revision", self.namespace, self.service);
                all.edits.push(Edit::of(title, live, service::pin(live, self.stable_hash)));
            }
            for name in &made {
                let object = if *name == backends.canary_service() {
                    service::canary_service(live, rollout, &owner, pinned)
                } else {
                    service::stable_service(live, rollout, &owner, Some(self.stable_hash))
                };
                all.edits.push(Edit::made(format!("Service {}/{name}, made for the run", self.namespace), object));
            }
        } else if !made.is_empty() {
            let names: Vec<String> = made.iter().map(|name| format!("{}/{name}", self.namespace)).collect();
            all.notes.push(format!("Service {} would be created", names.join(" and ")));
        }
        for name in &made {
            for rule in
                host_policy::copies(&self.destination_rules, self.namespace, self.service, name, rollout, &owner)
            {
                let title = format!(
                    "DestinationRule {}/{}, made so that the policy of host {} holds for {name} too",
                    self.namespace,
                    rule["metadata"]["name"].as_str().unwrap_or_default(),
                    self.service
                );
                all.edits.push(Edit::made(title, rule));
            }
            for policy in policy::attached_to(self.documents.all(), self.namespace, self.service) {
                all.notes.push(format!(
                    "{policy} is attached to Service {} and does not hold for {name}; attach one like it to {name} if its pods need it",
                    self.service
                ));
            }
        }
        problems
    }

    fn check_service(&self, live: &Object) -> Result<(), RouteProblem> {
        service::check(live)?;
        match &self.pod_labels {
            Some(labels) => service::check_selects(live, &self.rollout.spec.workload_ref.name, labels),
            None => Ok(()),
        }
    }

    /// What a run would make must not be somebody else's.
    fn taken(&self, group: &str, kind: &str, name: &str) -> Option<Failure> {
        let object = self.documents.find(group, kind, self.namespace, name)?;
        let ours = object.controller_uid().is_some_and(|owner| owner == self.object.uid());
        (self.at_rest() && !ours).then(|| {
            Failure::refused(format!(
                "{kind} {name} exists and is not this Rollout's, but a run needs the name; rename or delete it"
            ))
        })
    }

    /// The owner reference that ends what is made with its Rollout.
    fn owner(&self) -> Value {
        let mut owner = json!({
            "apiVersion": format!("{GROUP}/{VERSION}"),
            "kind": "Rollout",
            "name": self.object.name(),
            "controller": true,
            "blockOwnerDeletion": true,
        });
        if !self.object.uid().is_empty() {
            owner["uid"] = self.object.uid().into();
        }
        owner
    }

    fn explain(&self, problem: &RouteProblem) -> Failure {
        let failure = Failure::refused(problem.to_string());
        match problem {
            RouteProblem::SubsetsSelectOtherPods { .. } if self.pod_labels.is_none() => failure.hint(format!(
                "give the manifest of Deployment {}/{} too: its labels tell which subset has the stable pods",
                self.namespace, self.rollout.spec.workload_ref.name
            )),
            RouteProblem::DestinationRuleNotFound { .. } => failure.hint(format!(
                "give its manifest with `-f` if it exists; only those of namespace {} are read",
                self.namespace
            )),
            _ => failure,
        }
    }

    /// Says of the placeholders in this Rollout's edits what they stand for.
    fn explain_placeholders(&self, first: usize, all: &mut Edits) {
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
    }
}

/// One Rollout can split one subset of a DestinationRule.
fn several(one: &str, other: &str) -> Failure {
    Failure::refused(format!("the routes send to the subsets `{one}` and `{other}` of one DestinationRule"))
        .hint("one Rollout can split one subset: let all routes name the same, or make a Rollout for each")
}
