//! The canary worked into a route and taken out of it again, as patches of single fields and entries.

use json_patch::Patch;
use serde_json::Value;

use super::{
    Backends, RouteKind, RouteProblem,
    before::{self, EntryBefore, RouteBefore},
    dialect::{Dialect, Role},
    patch::{self, PatchBuilder, Path},
    rule::{self, Own, Rule},
    weight::divide,
};
use crate::model::Object;

/// An edit of a route.
#[derive(Clone, Debug)]
pub struct RouteEdit {
    /// What to send. `None`: the route is already so. It begins with tests, so that it fails on any other version of the
    /// object than the one that it was made from.
    pub patch: Option<Patch>,
    /// The route as it will be.
    pub object: Value,
    /// What the route looked like before it was split. Where this differs from what the Rollout's status has, the status
    /// is to be written before the patch is sent: afterwards the route no longer tells.
    pub before: RouteBefore,
    /// Whether some rule's canary gets a larger share than it has: such a patch has to wait until the canary can carry it,
    /// any other is sent at once.
    pub raises: bool,
}

/// What an own entry is to become.
struct Aim {
    /// What the user's entry is to name.
    role: Role,
    /// Its weight.
    weight: Option<i64>,
    /// The canary's weight, where there is to be a canary.
    canary: Option<i64>,
}

/// Gives the canary `weight` percent (0 to 100) of what the route sends to the Service.
///
/// Where the Service is alone in a rule, the pair's weights are percent. Where a rule has other destinations, theirs stay
/// and the Service's weight is divided. At 0 the canary entry goes and the user's weight comes back; only what stable
/// entries name stays, where it is not the user's own Service. Entries of rules that `rules` does not take in are
/// restored.
///
/// Works on the user's text, on split text (then it needs `before`), and on anything that users and their tools make of
/// either: an entry without a canary beside it is the user's text, and its weight the user's new weight; one with a
/// canary has weights that Siskin gave, and what was recorded counts. An entry that gets no traffic is left as it is.
///
/// # Errors
/// Above 0 only: [`RouteProblem::RouteDoesNotSendToService`], [`RouteProblem::WeightTooCoarse`]. Taking traffic away
/// from a canary never fails.
pub fn split(
    kind: RouteKind,
    live: &Object,
    rules: &[String],
    backends: &Backends<'_>,
    before: Option<&RouteBefore>,
    weight: u32,
) -> Result<RouteEdit, RouteProblem> {
    let percent = weight.min(100);
    let mut recorded = RouteBefore { subset: backends.subset.map(str::to_owned), entries: Vec::new() };
    let (mut sends, mut raises) = (false, false);
    let (patch, object) = edit(kind, live, backends, before, |dialect, rule, own, users_weight| {
        let total = rule.users_meaning(dialect, own, users_weight);
        let takes_part = total > 0 && rule.selected(rules);
        // One that is only now restored stays recorded until the route shows it.
        if takes_part || own.is_split() {
            recorded.entries.push(EntryBefore::of(dialect, rule, own, users_weight));
        }
        if !takes_part {
            return Ok(Aim { role: Role::User, weight: users_weight, canary: None });
        }
        sends = true;
        if percent == 0 {
            return Ok(Aim { role: Role::Stable, weight: users_weight, canary: None });
        }
        let (stable, canary) = if rule.alone(dialect, own) {
            (i64::from(100 - percent), i64::from(percent))
        } else {
            divide(total, percent).map_err(|coarse| RouteProblem::WeightTooCoarse {
                route: RouteProblem::object(kind.kind(), live),
                rule: rule.describe(),
                service: backends.service.to_owned(),
                total,
                percent,
                factor: coarse.factor,
                fine: total * coarse.factor,
            })?
        };
        let (stable_now, canary_now) = weights(dialect, rule, own);
        raises |= canary * (stable_now + canary_now) > canary_now * (stable + canary);
        Ok(Aim { role: Role::Stable, weight: Some(stable), canary: Some(canary) })
    })?;
    if !sends && percent > 0 {
        return Err(RouteProblem::does_not_send(kind, live, backends));
    }
    Ok(RouteEdit { patch, object, before: recorded, raises })
}

/// Takes out everything that [`split`] put into a route, and gives back what it changed. What users changed meanwhile
/// stays. Never fails; a route in which nothing is ours gives no patch.
pub fn restore(kind: RouteKind, live: &Object, backends: &Backends<'_>, before: &RouteBefore) -> RouteEdit {
    let restored = edit(kind, live, backends, Some(before), |_, _, _, weight| {
        Ok::<_, std::convert::Infallible>(Aim { role: Role::User, weight, canary: None })
    });
    let Ok((patch, object)) = restored;
    RouteEdit { patch, object, before: before.clone(), raises: false }
}

/// The canary's share of what the route sends to the Service, in percent, the largest of its rules. `None`: the route
/// sends nothing to the Service.
pub fn canary_weight(kind: RouteKind, live: &Object, rules: &[String], backends: &Backends<'_>) -> Option<u32> {
    let dialect = Dialect::new(kind, live, backends);
    rule::read(dialect, live)
        .iter()
        .filter(|rule| rule.selected(rules))
        .flat_map(|rule| rule.owns.iter().filter_map(move |own| share(dialect, rule, own)))
        .max()
}

/// The canary's percent of one pair; `None` where the pair gets no traffic. A canary with any traffic has at least 1.
fn share(dialect: Dialect<'_>, rule: &Rule<'_>, own: &Own) -> Option<u32> {
    let (stable, canary) = weights(dialect, rule, own);
    let total = stable + canary;
    let percent = (canary * 100 + total / 2).checked_div(total)?;
    u32::try_from(percent.max(i64::from(canary > 0))).ok()
}

/// The stable's and the canary's weight of one pair, as it stands.
fn weights(dialect: Dialect<'_>, rule: &Rule<'_>, own: &Own) -> (i64, i64) {
    let entry = rule.meaning(dialect, own.entry);
    match (own.role, own.canary) {
        (Role::Canary, _) => (0, entry),
        (_, None) => (entry, 0),
        (_, Some(position)) => (entry, rule.meaning(dialect, position)),
    }
}

/// Makes every own entry of a route what `aim` says, given the entry's weight in the user's text.
fn edit<Problem>(
    kind: RouteKind,
    live: &Object,
    backends: &Backends<'_>,
    before: Option<&RouteBefore>,
    mut aim: impl FnMut(Dialect<'_>, &Rule<'_>, &Own, Option<i64>) -> Result<Aim, Problem>,
) -> Result<(Option<Patch>, Value), Problem> {
    let dialect = Dialect::new(kind, live, backends);
    let rules = rule::read(dialect, live);
    let mut records = before::find(dialect, &rules, before).into_iter();
    let mut builder = PatchBuilder::default();
    for rule in &rules {
        let mut changes = Changes { dialect, rule, builder: &mut builder };
        let mut positions: Vec<(usize, Change)> =
            rule.surplus.iter().map(|position| (*position, Change::Remove)).collect();
        for own in &rule.owns {
            let users_weight = rule.users_weight(dialect, own, records.next().flatten());
            positions.extend(changes.wanted(own, &aim(dialect, rule, own, users_weight)?));
        }
        // From the end, so that what is inserted or removed moves nothing that is still to be changed.
        positions.sort_by_key(|(position, _)| std::cmp::Reverse(*position));
        for (position, change) in positions {
            changes.make(position, change);
        }
    }
    let patch = builder.finish(live);
    let object = patch::patched(live, patch.as_ref());
    Ok((patch, object))
}

/// A change at one position of a rule's entries.
enum Change {
    /// The entry's name and weight, and a canary put behind it.
    Entry {
        role: Role,
        weight: Option<Value>,
        canary: Option<Value>,
    },
    /// The canary entry that is there becomes this one.
    Canary(Value),
    Remove,
}

/// Writes the changes of one rule.
struct Changes<'a, 'v> {
    dialect: Dialect<'a>,
    rule: &'a Rule<'v>,
    builder: &'a mut PatchBuilder,
}

impl Changes<'_, '_> {
    /// The changes that make an own entry what is aimed at.
    fn wanted(&self, own: &Own, aim: &Aim) -> Vec<(usize, Change)> {
        let entry = &self.rule.entries[own.entry];
        let canary = aim.canary.map(|weight| self.canary(entry, weight));
        let weight =
            if own.is_split() || canary.is_some() { aim.weight.map(Value::from) } else { entry.get("weight").cloned() };
        let (beside, inserted) = match (own.canary, canary) {
            (Some(position), Some(canary)) => (Some((position, Change::Canary(canary))), None),
            (Some(position), None) => (Some((position, Change::Remove)), None),
            (None, canary) => (None, canary),
        };
        std::iter::once((own.entry, Change::Entry { role: aim.role, weight, canary: inserted })).chain(beside).collect()
    }

    /// The canary of an entry: the same in everything but name and weight.
    fn canary(&self, entry: &Value, weight: i64) -> Value {
        let name = self.dialect.name(entry, Role::Canary);
        let mut canary = entry.clone();
        patch::put(&mut canary, name.field, Value::from(name.value));
        patch::put(&mut canary, "/weight", Value::from(weight));
        canary
    }

    fn make(&mut self, position: usize, change: Change) {
        let before = self.builder.edits();
        let path = self.path(position);
        let entry = &self.rule.entries[position];
        match change {
            Change::Remove => self.builder.remove(&path),
            Change::Canary(canary) => {
                let mut same_but_weight = entry.clone();
                patch::put(&mut same_but_weight, "/weight", canary["weight"].clone());
                if same_but_weight == canary {
                    self.builder.set(&path.field("weight"), entry.get("weight"), canary.get("weight").cloned());
                } else {
                    self.builder.set(&path, Some(entry), Some(canary));
                }
            }
            Change::Entry { role, weight, canary } => {
                if let Some(canary) = canary {
                    self.builder.add(&self.path(position + 1), canary);
                }
                let name = self.dialect.name(entry, role);
                self.builder.set(&path.inside(name.field), entry.pointer(name.field), Some(Value::from(name.value)));
                self.builder.set(&path.field("weight"), entry.get("weight"), weight);
            }
        }
        if self.builder.edits() > before {
            for field in self.dialect.names() {
                if let Some(value) = entry.pointer(field) {
                    self.builder.test(&path.inside(field), value);
                }
            }
        }
    }

    fn path(&self, position: usize) -> Path {
        let rules = Path::new(self.dialect.rules());
        rules.element(self.rule.ordinal).field(self.dialect.entries()).element(position)
    }
}
