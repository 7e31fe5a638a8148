//! What a route looked like before it was split: the little of it that Siskin changes, kept in the Rollout's status.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    dialect::Dialect,
    rule::{Own, Rule},
};

/// What a route's entries were before Siskin split them.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RouteBefore {
    /// The subset that the entries named, at subset level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subset: Option<String>,
    /// One for each entry that sends to the Service.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<EntryBefore>,
}

/// What one entry of a route was before Siskin split it, and how it is found again in a route that was edited meanwhile:
/// by its rule's name, else by its rule's matches, else by its rule's position; and by its port.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct EntryBefore {
    /// The rule's name, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Digest of the rule's matches, where it has some and no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
    /// The rule's position in the route, from 0.
    pub ordinal: u32,
    /// The port that the entry sends to, where it says one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<i64>,
    /// The weight that the user wrote; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<i64>,
    /// Whether nothing else in the rule got traffic.
    pub alone: bool,
}

impl EntryBefore {
    /// The record of an entry that has, or had, this weight.
    pub(super) fn of(dialect: Dialect<'_>, rule: &Rule<'_>, own: &Own, weight: Option<i64>) -> Self {
        let name = rule.name().map(str::to_owned);
        let matches = rule.value.get(dialect.matches()).filter(|_| name.is_none()).map(digest);
        Self {
            rule: name,
            matches,
            ordinal: u32::try_from(rule.ordinal).unwrap_or(u32::MAX),
            port: dialect.port(&rule.entries[own.entry]),
            weight,
            alone: rule.alone(dialect, own),
        }
    }

    /// Whether both are the same port of a rule with the same name, or of a nameless rule with the same matches.
    fn same_rule(&self, other: &Self) -> bool {
        (&self.rule, &self.matches, self.port) == (&other.rule, &other.matches, other.port)
    }

    /// Whether both are the same port of the rule at the same position.
    fn same_position(&self, other: &Self) -> bool {
        (self.ordinal, self.port) == (other.ordinal, other.port)
    }
}

/// The record of each of `rules`' own entries, in their order; only those that Siskin has split have one. Each record is
/// given once: first to the rule that it names, then what is left to the rule that stands where it stood.
pub(super) fn find<'b>(
    dialect: Dialect<'_>,
    rules: &[Rule<'_>],
    before: Option<&'b RouteBefore>,
) -> Vec<Option<&'b EntryBefore>> {
    let wanted: Vec<Option<EntryBefore>> = rules
        .iter()
        .flat_map(|rule| rule.owns.iter().map(move |own| (rule, own)))
        .map(|(rule, own)| own.is_split().then(|| EntryBefore::of(dialect, rule, own, None)))
        .collect();
    let mut records: Vec<&EntryBefore> = before.map(|before| before.entries.iter().collect()).unwrap_or_default();
    let mut found = vec![None; wanted.len()];
    for same in [EntryBefore::same_rule, EntryBefore::same_position] {
        for (slot, wanted) in found.iter_mut().zip(&wanted) {
            if let (None, Some(wanted)) = (&slot, wanted) {
                *slot = records.iter().position(|record| same(record, wanted)).map(|position| records.remove(position));
            }
        }
    }
    found
}

/// A short name for a JSON value that stays the same from release to release (FNV-1a, 64 bits, of its compact text).
pub(super) fn digest(value: &Value) -> String {
    let hash = value
        .to_string()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016x}")
}
