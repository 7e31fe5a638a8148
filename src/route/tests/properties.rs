//! Any route, any course of steps, edits and re-applied manifests: what has to hold after each event.
//!
//! Beside the live route runs the text that its user has in mind. An edit is made to both, a split to the live one only;
//! so what a restore gives can be compared with what the user would have had without Siskin.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{BY_SUBSET, PINNED, UNPINNED};
use crate::{
    model::Object,
    route::{
        Backends, RouteBefore, RouteEdit, RouteKind, RouteProblem, canary_weight,
        destination_rule::{SubsetPin, set_subsets, subset_labels},
        dialect::{Dialect, Role, stated_weight},
        patched, restore, split,
    },
};

/// An entry of a rule. The user's own ones are of destination 0.
#[derive(Clone, Debug)]
struct Entry {
    destination: usize,
    port: Option<i64>,
    weight: Option<i64>,
    filtered: bool,
}

#[derive(Clone, Debug)]
struct Rule {
    /// 0: by name, 1: by matches, else by nothing.
    identity: usize,
    host_form: usize,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
enum Event {
    /// A step; or one whose patch was lost after the status was written.
    Split {
        weight: u32,
        lost: bool,
    },
    Reapply,
    Reweigh {
        rule: usize,
        weight: i64,
    },
    AddRule {
        at: usize,
        rule: Rule,
    },
    RemoveRule {
        rule: usize,
    },
    TouchRule {
        rule: usize,
    },
    TouchOwnEntry {
        rule: usize,
    },
    AddEntryWithoutTraffic {
        rule: usize,
    },
}

fn entry() -> impl Strategy<Value = Entry> {
    let weight = prop::option::of(prop::sample::select(vec![0, 1, 7, 40, 100, 1000]));
    (0..5_usize, prop::option::of(80..82_i64), weight, any::<bool>()).prop_map(
        |(destination, port, weight, filtered)| {
            // Two of five are the user's own.
            Entry { destination: destination.saturating_sub(1), port, weight, filtered }
        },
    )
}

fn rule() -> impl Strategy<Value = Rule> {
    (0..3_usize, 0..4_usize, prop::collection::vec(entry(), 0..4)).prop_map(|(identity, host_form, entries)| Rule {
        identity,
        host_form,
        entries,
    })
}

fn event() -> impl Strategy<Value = Event> {
    let number = 0..8_usize;
    prop_oneof![
        6 => (0..=100_u32, prop::bool::weighted(0.2)).prop_map(|(weight, lost)| Event::Split { weight, lost }),
        1 => Just(Event::Reapply),
        1 => (number.clone(), 1..300_i64).prop_map(|(rule, weight)| Event::Reweigh { rule, weight }),
        1 => (number.clone(), rule()).prop_map(|(at, rule)| Event::AddRule { at, rule }),
        1 => number.clone().prop_map(|rule| Event::RemoveRule { rule }),
        1 => number.clone().prop_map(|rule| Event::TouchRule { rule }),
        1 => number.clone().prop_map(|rule| Event::TouchOwnEntry { rule }),
        1 => number.prop_map(|rule| Event::AddEntryWithoutTraffic { rule }),
    ]
}

fn setting() -> impl Strategy<Value = (RouteKind, Backends<'static>)> {
    prop::sample::select(vec![
        (RouteKind::HttpRoute, PINNED),
        (RouteKind::HttpRoute, UNPINNED),
        (RouteKind::VirtualService, PINNED),
        (RouteKind::VirtualService, UNPINNED),
        (RouteKind::VirtualService, BY_SUBSET),
    ])
}

/// A route in the middle of a run, and what its user has in mind.
struct Run {
    kind: RouteKind,
    backends: Backends<'static>,
    live: Object,
    user: Object,
    before: Option<RouteBefore>,
    made: usize,
}

impl Run {
    fn new(kind: RouteKind, backends: Backends<'static>, rules: &[Rule]) -> Self {
        let metadata = json!({"name": "web", "namespace": "shop", "resourceVersion": "1", "x-unknown": true});
        let empty = Object::new(json!({"metadata": metadata, "spec": {"hostnames": ["a"], "x-unknown": [1]}}));
        let mut run = Self { kind, backends, live: empty.clone(), user: empty, before: None, made: 0 };
        let rules: Vec<Value> = rules.iter().map(|rule| run.rule(rule)).collect();
        let field = run.dialect().rules().trim_start_matches("/spec/").to_owned();
        run.edit(|route, _| route["spec"][&field] = json!(rules));
        run
    }

    fn dialect(&self) -> Dialect<'_> {
        Dialect::new(self.kind, &self.user, &self.backends)
    }

    fn rule(&mut self, rule: &Rule) -> Value {
        self.made += 1;
        let entries: Vec<Value> = rule.entries.iter().map(|entry| self.entry(rule, entry)).collect();
        let mut value = json!({ self.dialect().entries(): entries, "timeout": "3s", "x-unknown": {"deep": [1, null]} });
        match rule.identity {
            0 => value["name"] = json!(format!("rule-{}", self.made)),
            1 => value[self.dialect().matches()] = json!([{"path": format!("/{}", self.made)}]),
            _ => {}
        }
        value
    }

    fn entry(&self, rule: &Rule, entry: &Entry) -> Value {
        let mut value = match (self.kind, self.backends.subset) {
            (RouteKind::HttpRoute, _) => [
                json!({"name": "web"}),
                json!({"name": "api", "x-unknown": 1}),
                json!({"name": "web", "namespace": "other"}),
                json!({"name": "web", "kind": "ServiceImport"}),
            ][entry.destination]
                .clone(),
            (RouteKind::VirtualService, subset) => {
                let host = ["web", "web.shop", "web.shop.svc", "web.shop.svc.cluster.local"][rule.host_form];
                let destination = [
                    subset.map_or_else(|| json!({"host": host}), |subset| json!({"host": host, "subset": subset})),
                    json!({"host": host, "subset": "legacy"}),
                    json!({"host": "web.other"}),
                    json!({"host": "api", "subset": "main"}),
                ][entry.destination]
                    .clone();
                json!({ "destination": destination })
            }
        };
        match (self.kind, entry.port) {
            (RouteKind::HttpRoute, Some(port)) => value["port"] = json!(port),
            (RouteKind::VirtualService, Some(port)) => value["destination"]["port"] = json!({"number": port}),
            _ => {}
        }
        if let Some(weight) = entry.weight {
            value["weight"] = json!(weight);
        }
        if entry.filtered {
            value["filters"] = json!([{"type": "X", "x-unknown": "y"}]);
        }
        value
    }

    /// Makes an edit to both texts. The edit is told how to find the user's own entries.
    fn edit(&mut self, edit: impl Fn(&mut Value, &dyn Fn(&Value) -> bool)) {
        let (kind, backends) = (self.kind, self.backends);
        for side in [&mut self.live, &mut self.user] {
            let mut value = side.value().clone();
            let dialect = Dialect::new(kind, side, &backends);
            edit(&mut value, &|entry| matches!(dialect.role(entry), Role::User | Role::Stable));
            *side = Object::new(value);
        }
    }

    fn rules(&self) -> usize {
        self.user.list(self.dialect().rules()).len()
    }

    fn happen(&mut self, event: &Event) {
        let rules = self.rules();
        let path = |rule: usize, dialect: Dialect<'_>| format!("{}/{}", dialect.rules(), rule % rules.max(1));
        match event {
            Event::Split { weight, lost } => self.split(*weight, *lost),
            Event::Reapply => self.live = self.user.clone(),
            Event::AddRule { at, rule } => {
                // Never one that looks like others: which of two such rules was split, nobody can tell (and no request
                // ever reaches the second).
                let rule = self.rule(&Rule { identity: rule.identity % 2, ..rule.clone() });
                let list = self.dialect().rules();
                self.edit(|route, _| {
                    route.pointer_mut(list).unwrap().as_array_mut().unwrap().insert(at % (rules + 1), rule.clone());
                });
            }
            _ if rules == 0 => {}
            Event::Reweigh { rule, weight } => {
                let entries = format!("{}/{}/0", path(*rule, self.dialect()), self.dialect().entries());
                self.live = self.user.clone();
                self.edit(|route, _| {
                    if let Some(entry) = route.pointer_mut(&entries) {
                        entry["weight"] = json!(weight);
                    }
                });
            }
            Event::RemoveRule { rule } => {
                let list = self.dialect().rules();
                self.edit(|route, _| {
                    let rules = route.pointer_mut(list).unwrap().as_array_mut().unwrap();
                    // Of rules that look the same nobody can tell which one is gone.
                    if rules[rule % rules.len()].get("name").is_some() {
                        rules.remove(rule % rules.len());
                    }
                });
            }
            Event::TouchRule { rule } => {
                let rule = path(*rule, self.dialect());
                self.edit(|route, _| route.pointer_mut(&rule).unwrap()["timeout"] = json!("9s"));
            }
            Event::TouchOwnEntry { rule } => {
                let entries = format!("{}/{}", path(*rule, self.dialect()), self.dialect().entries());
                self.edit(|route, own| {
                    let entries = route.pointer_mut(&entries).unwrap().as_array_mut().unwrap();
                    if let Some(entry) = entries.iter_mut().find(|entry| own(entry)) {
                        entry["x-added"] = json!({"by": "hand"});
                    }
                });
            }
            Event::AddEntryWithoutTraffic { rule } => {
                let entries = format!("{}/{}", path(*rule, self.dialect()), self.dialect().entries());
                let several = self.user.list(&entries).len() > 1;
                self.edit(|route, _| {
                    if several {
                        let entries = route.pointer_mut(&entries).unwrap().as_array_mut().unwrap();
                        entries.push(json!({"name": "added", "weight": 0}));
                    }
                });
            }
        }
    }

    fn try_split(&self, weight: u32) -> Result<RouteEdit, RouteProblem> {
        split(self.kind, &self.live, &[], &self.backends, self.before.as_ref(), weight)
    }

    fn split(&mut self, weight: u32, lost: bool) {
        let edit = match self.try_split(weight) {
            Ok(edit) => edit,
            Err(problem) => {
                assert!(weight > 0, "lowering never fails");
                let coarse = matches!(problem, RouteProblem::WeightTooCoarse { .. });
                assert_eq!(coarse, self.own_weights().iter().any(|own| own.weight > 0), "{problem}");
                return;
            }
        };
        self.before = Some(edit.before.clone());
        self.check_patch(&edit);
        if lost {
            return;
        }
        self.live = Object::new(edit.object);
        let again = self.try_split(weight).unwrap();
        assert_eq!((again.patch, again.before), (None, edit.before), "a split is idempotent");
        self.check_weights(weight);
    }

    fn check_patch(&self, edit: &RouteEdit) {
        let Some(patch) = &edit.patch else {
            assert_eq!(&edit.object, self.live.value());
            return;
        };
        let mut object = self.live.value().clone();
        json_patch::patch(&mut object, patch).unwrap();
        assert_eq!(object, edit.object);
        let mut newer = self.live.value().clone();
        newer["metadata"]["resourceVersion"] = json!("2");
        assert!(json_patch::patch(&mut newer, patch).is_err(), "a patch fits one version only");
    }

    /// The user's own entries in the user's text.
    fn own_weights(&self) -> Vec<OwnWeight> {
        let dialect = self.dialect();
        let mut found = Vec::new();
        for (rule, value) in self.user.list(dialect.rules()).iter().enumerate() {
            let entries = value[dialect.entries()].as_array().unwrap();
            let meaning = |entry: &Value| dialect.meaning(stated_weight(entry), entries.len() == 1);
            let sum: i64 = entries.iter().map(meaning).sum();
            for entry in entries.iter().filter(|entry| dialect.role(entry) == Role::User) {
                found.push(OwnWeight { rule, weight: meaning(entry), alone: sum == meaning(entry) });
            }
        }
        found
    }

    /// Each pair has the weight that the user gave its entry, or percent where it is alone; and the canary its share.
    fn check_weights(&self, percent: u32) {
        let dialect = self.dialect();
        let rules = self.live.list(dialect.rules());
        let mut passed = vec![0; rules.len()];
        for own in self.own_weights() {
            let entries = rules[own.rule][dialect.entries()].as_array().unwrap();
            let mut ours =
                (0..entries.len()).filter(|entry| matches!(dialect.role(&entries[*entry]), Role::User | Role::Stable));
            let position = ours.nth(passed[own.rule]).unwrap();
            passed[own.rule] += 1;
            let canary = entries.get(position + 1).filter(|entry| dialect.role(entry) == Role::Canary);
            if own.weight == 0 || percent == 0 {
                assert_eq!(canary, None);
                continue;
            }
            let stable = stated_weight(&entries[position]).unwrap();
            let canary = stated_weight(canary.expect("a canary directly behind the entry")).unwrap();
            let share = i64::from(percent);
            if own.alone {
                assert_eq!((stable, canary), (100 - share, share));
            } else {
                assert_eq!(stable + canary, own.weight);
                assert!((canary * 100 - own.weight * share).abs() * 5 <= own.weight * share);
            }
        }
        let shown = canary_weight(self.kind, &self.live, &[], &self.backends);
        if self.own_weights().iter().any(|own| own.weight > 0) {
            assert!(shown.is_some_and(|shown| shown >= percent.min(1) && shown.abs_diff(percent) * 5 <= percent + 5));
        }
    }

    /// A restore gives what the user has in mind, to the last field; and nothing that is not ours differs before it.
    fn check_restore(&self) {
        let before = self.before.clone().unwrap_or_default();
        let restored = restore(self.kind, &self.live, &self.backends, &before);
        assert_eq!(&restored.object, self.user.value());
        self.check_patch(&restored);
        let dialect = self.dialect();
        let foreign = |route: &Object| -> Vec<Value> {
            let mut rules = route.list(dialect.rules()).to_vec();
            for rule in &mut rules {
                rule[dialect.entries()].as_array_mut().unwrap().retain(|entry| dialect.role(entry) == Role::Foreign);
            }
            rules
        };
        assert_eq!(foreign(&self.live), foreign(&self.user));
    }
}

/// An entry of the user's own.
struct OwnWeight {
    rule: usize,
    weight: i64,
    /// Nothing else in the rule gets traffic.
    alone: bool,
}

proptest! {
    #[test]
    fn whatever_happens_the_users_route_comes_back(
        (kind, backends) in setting(),
        rules in prop::collection::vec(rule(), 0..5),
        events in prop::collection::vec(event(), 1..12),
    ) {
        let mut run = Run::new(kind, backends, &rules);
        for event in &events {
            run.happen(event);
            run.check_restore();
        }
    }
}

/// A subset of a user's: its name, and labels of which the pod template has some.
fn subset() -> impl Strategy<Value = Value> {
    let label = prop::sample::select(vec![("app", "web"), ("app", "api"), ("version", "1"), ("a/b~c", "x")]);
    let labels = prop::option::of(prop::collection::vec(label, 1..3));
    (prop::sample::select(vec!["main", "other", "legacy"]), labels, any::<bool>()).prop_map(|(name, labels, policy)| {
        let mut subset = json!({"name": name, "x-unknown": [null]});
        if let Some(labels) = labels {
            subset["labels"] = labels.into_iter().map(|(key, value)| (key.to_owned(), json!(value))).collect();
        }
        if policy {
            subset["trafficPolicy"] = json!({"loadBalancer": {"simple": "RANDOM"}});
        }
        subset
    })
}

/// The user's subsets of a DestinationRule, as they stand.
fn users(live: &Object) -> Vec<Value> {
    let ours = |subset: &Value| subset["name"].as_str().is_some_and(|name| name.starts_with("siskin-"));
    live.list("/spec/subsets").iter().filter(|subset| !ours(subset)).cloned().collect()
}

proptest! {
    #[test]
    fn a_pin_keeps_the_canary_out_and_goes_without_a_trace(
        subsets in prop::collection::vec(subset(), 0..5),
        hashes in prop::collection::vec(prop::sample::select(vec!["6d4f", "77aa"]), 1..4),
    ) {
        let user = Object::new(json!({"metadata": {"name": "web", "resourceVersion": "1"}, "spec": {"host": "web", "subsets": subsets}}));
        let pod_labels = [("app", "web"), ("version", "1"), ("a/b~c", "x")].map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let canary = [("pod-template-hash".to_owned(), "canary".to_owned())].into();
        let mut live = user.clone();
        for hash in hashes {
            let stable = [("pod-template-hash".to_owned(), hash.to_owned())].into();
            let pin = SubsetPin { hash, pod_labels: &pod_labels };
            let set = |live: &Object| set_subsets(live, "main", Some(&stable), Some(&canary), Some(pin));
            live = Object::new(patched(&live, set(&live).as_ref()));
            prop_assert_eq!(set(&live), None, "it is so already");
            for (now, before) in users(&live).iter().zip(user.list("/spec/subsets")) {
                let reaches = before.get("labels").and_then(Value::as_object).is_none_or(|labels| {
                    labels.iter().all(|(key, value)| pod_labels.get(key).map(String::as_str) == value.as_str())
                });
                let pinned = now["labels"]["pod-template-hash"] == hash;
                prop_assert_eq!(pinned, reaches || before["name"] == "main");
            }
            prop_assert_eq!(subset_labels(&live, "main"), subset_labels(&user, "main"));
        }
        let unpinned = set_subsets(&live, "main", None, None, None);
        prop_assert_eq!(patched(&live, unpinned.as_ref()), user.value().clone());
    }
}
