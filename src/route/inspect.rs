//! Whether a route can be used for a rollout, asked before anything is touched.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Backends, RouteBefore, RouteKind, RouteProblem, destination_rule,
    dialect::Dialect,
    host, restore, rule,
    virtual_service::{host_of, subset_of},
};
use crate::model::Object;

/// How a route tells stable pods from canary pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Level {
    /// By Services.
    Host,
    /// By subsets of a DestinationRule.
    Subset {
        /// The user's subset that carries the stable pods.
        subset: String,
        /// The name of the DestinationRule that defines it.
        destination_rule: String,
        /// That DestinationRule's namespace.
        destination_rule_namespace: String,
    },
}

/// What was found in a route that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// How stable and canary are told apart.
    pub level: Level,
    /// The rules that will be split, in words: `rule main`, `rule 2`.
    pub rules: Vec<String>,
    /// Whether the route already names what Siskin generates. Where no run is on, someone else uses these names.
    pub split: bool,
}

impl Inspection {
    /// What [`Backends::subset`] has to be for this route.
    pub fn subset(&self) -> Option<&str> {
        match &self.level {
            Level::Host => None,
            Level::Subset { subset, .. } => Some(subset),
        }
    }
}

/// Finds out how a route sends to the Service, and whether it can be split.
///
/// `rules` narrows the route's rules by name; empty takes all. `destination_rules` are those that may have the Service's
/// host (read for a VirtualService only), `stable_labels` the labels of the stable pods. During a run
/// [`Backends::subset`] has to be given; the route is then judged by what its user wrote.
///
/// Whether its weights can be divided is told by [`super::split`], tried with each weight that is planned.
pub fn inspect(
    kind: RouteKind,
    live: &Object,
    rules: &[String],
    backends: &Backends<'_>,
    destination_rules: &[Object],
    stable_labels: &BTreeMap<String, String>,
) -> Result<Inspection, RouteProblem> {
    let restored = restore(kind, live, backends, &RouteBefore::default());
    let split = restored.patch.is_some();
    let written = Object::new(restored.object);
    let level = match kind {
        RouteKind::HttpRoute => Level::Host,
        RouteKind::VirtualService => level(&written, rules, backends, destination_rules, stable_labels)?,
    };
    let subset = match &level {
        Level::Host => None,
        Level::Subset { subset, .. } => Some(subset.as_str()),
    };
    let rules = sending_rules(kind, &written, rules, &Backends { subset, ..*backends })?;
    Ok(Inspection { level, rules, split })
}

/// The rules that send to the Service, in words.
fn sending_rules(
    kind: RouteKind,
    written: &Object,
    names: &[String],
    backends: &Backends<'_>,
) -> Result<Vec<String>, RouteProblem> {
    let dialect = Dialect::new(kind, written, backends);
    let rules = rule::read(dialect, written);
    let sends = |rule: &rule::Rule<'_>| rule.owns.iter().any(|own| rule.meaning(dialect, own.entry) > 0);
    for name in names {
        let route = RouteProblem::object(kind.kind(), written);
        match rules.iter().find(|rule| rule.name() == Some(name)) {
            None => {
                let known: Vec<_> = rules.iter().filter_map(rule::Rule::name).collect();
                return Err(RouteProblem::RuleNotFound { route, rule: name.clone(), known: known_names(&known) });
            }
            Some(rule) if !sends(rule) => {
                return Err(RouteProblem::RuleDoesNotSendToService {
                    route,
                    rule: name.clone(),
                    service: format!("{}/{}", backends.namespace, backends.service),
                });
            }
            Some(_) => {}
        }
    }
    let sending: Vec<_> =
        rules.iter().filter(|rule| rule.selected(names) && sends(rule)).map(rule::Rule::describe).collect();
    if sending.is_empty() {
        return Err(RouteProblem::does_not_send(kind, written, backends));
    }
    Ok(sending)
}

fn known_names(known: &[&str]) -> String {
    if known.is_empty() {
        "its rules have no names".into()
    } else {
        format!("it has {}", quoted(known.iter().copied()))
    }
}

fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The level of a VirtualService: that of its destinations that get traffic and reach the stable pods.
fn level(
    written: &Object,
    rules: &[String],
    backends: &Backends<'_>,
    destination_rules: &[Object],
    stable_labels: &BTreeMap<String, String>,
) -> Result<Level, RouteProblem> {
    let route = || RouteProblem::object(RouteKind::VirtualService.kind(), written);
    let service = || format!("{}/{}", backends.namespace, backends.service);
    let dialect = Dialect::new(RouteKind::VirtualService, written, backends);
    let (mut without, mut of_stable, mut of_others) = (false, BTreeMap::new(), BTreeSet::new());
    let all = rule::read(dialect, written);
    let selected = all.iter().filter(|rule| rule.selected(rules));
    for entry in selected.flat_map(|rule| rule.entries_with_traffic(dialect)) {
        let host = host_of(entry);
        if !host::names(host, dialect.namespace, backends.namespace, backends.service) {
            continue;
        }
        let Some(subset) = subset_of(entry) else {
            without = true;
            continue;
        };
        let (found, labels) = subset_of_host(&route, host, subset, backends, destination_rules)?;
        if labels.iter().all(|(key, value)| stable_labels.get(key) == Some(value)) {
            of_stable.insert(subset, found);
        } else {
            of_others.insert(subset);
        }
    }
    let mut of_stable = of_stable.into_iter();
    match (of_stable.next(), of_stable.next()) {
        (Some((one, _)), Some((two, _))) => {
            let subsets = quoted([one, two].into_iter().chain(of_stable.map(|(subset, _)| subset)));
            Err(RouteProblem::SeveralSubsets { route: route(), service: service(), subsets })
        }
        (Some((subset, _)), None) if without => {
            Err(RouteProblem::MixedLevels { route: route(), service: service(), subset: subset.to_owned() })
        }
        (Some((subset, found)), None) => {
            // During a run the label is Siskin's own.
            if backends.subset.is_none() {
                destination_rule::check_hashes(found, subset)?;
            }
            Ok(Level::Subset {
                subset: subset.to_owned(),
                destination_rule: found.name().to_owned(),
                destination_rule_namespace: found.namespace().to_owned(),
            })
        }
        (None, _) if !without && !of_others.is_empty() => Err(RouteProblem::SubsetsSelectOtherPods {
            route: route(),
            service: service(),
            subsets: quoted(of_others.into_iter()),
        }),
        (None, _) => Ok(Level::Host),
    }
}

/// The DestinationRule that defines a subset of the Service's host, and the subset's labels.
fn subset_of_host<'d>(
    route: &impl Fn() -> String,
    host: &str,
    subset: &str,
    backends: &Backends<'_>,
    destination_rules: &'d [Object],
) -> Result<(&'d Object, BTreeMap<String, String>), RouteProblem> {
    let find = |subset| destination_rule::find(destination_rules, backends.namespace, backends.service, subset);
    let defined = find(Some(subset)).and_then(|rule| Some((rule, destination_rule::subset_labels(rule, subset)?)));
    defined.ok_or_else(|| match find(None) {
        None => {
            RouteProblem::DestinationRuleNotFound { route: route(), host: host.to_owned(), subset: subset.to_owned() }
        }
        Some(rule) => RouteProblem::SubsetNotFound {
            route: route(),
            destination_rule: RouteProblem::object("DestinationRule", rule),
            host: host.to_owned(),
            subset: subset.to_owned(),
        },
    })
}
