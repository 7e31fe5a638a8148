//! The rules of a route, with the entries that are ours: every stable entry paired with its canary.

use serde_json::Value;

use super::{
    before::EntryBefore,
    dialect::{Dialect, Role, stated_weight},
};
use crate::model::Object;

/// One rule of a route.
pub(super) struct Rule<'v> {
    /// The rule's position.
    pub(super) ordinal: usize,
    pub(super) value: &'v Value,
    pub(super) entries: &'v [Value],
    /// The entries that send to the Service of the rollout.
    pub(super) owns: Vec<Own>,
    /// Canary entries without a stable entry to belong to.
    pub(super) surplus: Vec<usize>,
}

/// An entry that sends to the Service of the rollout, with its canary. Both are positions in the rule's entries.
#[derive(Clone, Copy)]
pub(super) struct Own {
    pub(super) entry: usize,
    /// What the entry names now. [`Role::Canary`] where only the canary is left of a pair.
    pub(super) role: Role,
    pub(super) canary: Option<usize>,
}

impl Own {
    /// Whether the entry's weight is one that Siskin gave it, and not the user's.
    pub(super) fn is_split(&self) -> bool {
        self.canary.is_some() || self.role == Role::Canary
    }
}

/// The rules of a route. Those that are none (of another shape than the API allows) have no entries.
pub(super) fn read<'v>(dialect: Dialect<'_>, live: &'v Object) -> Vec<Rule<'v>> {
    live.list(dialect.rules())
        .iter()
        .enumerate()
        .map(|(ordinal, value)| {
            let entries = value.get(dialect.entries()).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let (owns, surplus) = pair(dialect, entries);
            Rule { ordinal, value, entries, owns, surplus }
        })
        .collect()
}

/// Gives each canary entry to a stable entry of the same port: the nearest before it, or else the first after it.
fn pair(dialect: Dialect<'_>, entries: &[Value]) -> (Vec<Own>, Vec<usize>) {
    let (mut owns, mut canaries) = (Vec::<Own>::new(), Vec::new());
    for (position, entry) in entries.iter().enumerate() {
        match dialect.role(entry) {
            Role::Foreign => {}
            Role::Canary => canaries.push(position),
            role => owns.push(Own { entry: position, role, canary: None }),
        }
    }
    let mut surplus = Vec::new();
    for canary in canaries {
        let port = dialect.port(&entries[canary]);
        let free = |own: &Own| own.canary.is_none() && dialect.port(&entries[own.entry]) == port;
        let before = owns.iter().rposition(|own| own.entry < canary && free(own));
        match before.or_else(|| owns.iter().position(free)) {
            Some(found) => owns[found].canary = Some(canary),
            None => surplus.push(canary),
        }
    }
    // Someone took out everything but canary entries. Without them the rule would serve nothing, so one stands for all.
    if owns.is_empty() && surplus.len() == entries.len() && !surplus.is_empty() {
        owns.push(Own { entry: surplus.remove(0), role: Role::Canary, canary: None });
    }
    (owns, surplus)
}

impl Rule<'_> {
    /// The rule's own name, where it has one.
    pub(super) fn name(&self) -> Option<&str> {
        self.value.get("name").and_then(Value::as_str).filter(|name| !name.is_empty())
    }

    /// The rule in a sentence: `rule main`, `rule 2`.
    pub(super) fn describe(&self) -> String {
        self.name().map_or_else(|| format!("rule {}", self.ordinal + 1), |name| format!("rule {name}"))
    }

    /// Whether a list of rule names takes this rule in. An empty list takes all.
    pub(super) fn selected(&self, names: &[String]) -> bool {
        names.is_empty() || self.name().is_some_and(|name| names.iter().any(|wanted| wanted == name))
    }

    /// Whether nothing else in the rule gets traffic: then the pair's weights are free to be percent.
    pub(super) fn alone(&self, dialect: Dialect<'_>, own: &Own) -> bool {
        let ours =
            |position: usize| position == own.entry || Some(position) == own.canary || self.surplus.contains(&position);
        (0..self.entries.len()).filter(|position| !ours(*position)).all(|position| self.meaning(dialect, position) == 0)
    }

    /// What an entry's weight means as it stands.
    pub(super) fn meaning(&self, dialect: Dialect<'_>, position: usize) -> i64 {
        dialect.meaning(stated_weight(&self.entries[position]), self.entries.len() == 1)
    }

    /// The entries that get traffic as they stand.
    pub(super) fn entries_with_traffic(&self, dialect: Dialect<'_>) -> impl Iterator<Item = &Value> {
        let positions = (0..self.entries.len()).filter(move |position| self.meaning(dialect, *position) > 0);
        positions.map(|position| &self.entries[position])
    }

    /// The weight of an entry of ours in the user's text: what the entry states while Siskin has not split it, else what
    /// was recorded.
    ///
    /// A pair to whose rule another destination was added has the weight of both together: whoever added it chose its
    /// weight by what they saw. So has one whose recorded weight would now mean no traffic (Istio's absent weight does,
    /// beside others): only entries with traffic are split.
    pub(super) fn users_weight(&self, dialect: Dialect<'_>, own: &Own, before: Option<&EntryBefore>) -> Option<i64> {
        let together = || {
            let canary = own.canary.map_or(0, |canary| self.meaning(dialect, canary));
            Some(self.meaning(dialect, own.entry) + canary)
        };
        if !own.is_split() {
            return stated_weight(&self.entries[own.entry]);
        }
        let alone = self.alone(dialect, own);
        match before {
            Some(before) if before.alone && !alone => together(),
            Some(before) if self.users_meaning(dialect, own, before.weight) == 0 => together(),
            Some(before) => before.weight,
            None if alone => dialect.usual_weight(),
            None => together(),
        }
    }

    /// What the user's weight means in the user's text, where Siskin's entries are not there.
    pub(super) fn users_meaning(&self, dialect: Dialect<'_>, own: &Own, weight: Option<i64>) -> i64 {
        let ours = 1 + usize::from(own.canary.is_some()) + self.surplus.len();
        dialect.meaning(weight, self.entries.len() == ours)
    }
}
