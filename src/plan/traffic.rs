//! Weights on the user's routes: raised with care, lowered at once, and at the end put back.

use std::time::Duration;

use super::{
    draft::Draft,
    last_resort, run,
    seen::{Route, Seen},
};
use crate::{
    act::Purpose,
    api::{RouteMemory, RouteRef},
    route::{self, Acceptance, RouteBefore},
};

/// How long every proxy is given to take what was written before anything depends on it.
pub(super) const PROPAGATION: Duration = Duration::from_secs(2);

/// How a set of routes stands to what was asked of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Applied {
    /// Every route has it, and the data plane has said so.
    Yes,
    /// Written, or about to be.
    NotYet,
    /// Written, and somebody who serves a route has not answered for it yet: who.
    Unanswered(String),
    /// The data plane refuses a route; its words.
    Refused(String),
}

/// Gives the canary this share on every route. `may_raise` says whether it may get more than it has.
pub(super) fn split(draft: &mut Draft<'_>, seen: &Seen<'_>, weight: u32, may_raise: bool) -> Applied {
    let mut applied = Applied::Yes;
    for route in &seen.routes {
        applied = applied.and(if route.leaving {
            leave(draft, seen, route);
            Applied::Yes
        } else {
            split_one(draft, seen, route, weight, may_raise)
        });
    }
    applied
}

fn split_one(draft: &mut Draft<'_>, seen: &Seen<'_>, route: &Route<'_>, weight: u32, may_raise: bool) -> Applied {
    let backends = seen.backends(route);
    let at = |weight| route::split(route.kind, route.live, &route.reference.rules, &backends, route.before, weight);
    let (edit, mut applied) = match at(weight) {
        Ok(edit) => (edit, Applied::Yes),
        // The user wrote weights in mid-run that can't be divided like that. None at all is always possible.
        Err(problem) => match at(0) {
            Ok(edit) => (edit, Applied::Refused(problem.to_string())),
            Err(_) => return Applied::Refused(problem.to_string()),
        },
    };
    if edit.patch.is_some() && edit.raises {
        if !may_raise {
            return Applied::NotYet;
        }
        // What is put back later must be known before it is changed.
        remember(draft, route.reference, edit.before);
        draft.save();
        draft.patch(route.key(), edit.patch, Purpose::Raise);
        return Applied::NotYet;
    }
    remember(draft, route.reference, edit.before);
    // Nothing is lowered before it was raised, so a route that nobody remembers is only given other names here.
    if route.before.is_none() && edit.patch.is_some() {
        draft.save();
    }
    if draft.patch(route.key(), edit.patch, Purpose::Lower) {
        applied = applied.and(Applied::NotYet);
    }
    // Nobody needs to answer for a route that gives the canary nothing.
    if weight == 0 { applied } else { applied.and(accepted(seen, route)) }
}

/// Takes the canary off every route: lowering, before anything else, and without waiting for anybody's answer. Where the
/// Service is pinned that is the user's own text; else the stable backend stays named until the canary's pods are gone.
/// Where that backend is not there (not yet, or not any more), the user's own text is what serves.
pub(super) fn to_stable(draft: &mut Draft<'_>, seen: &Seen<'_>) -> Applied {
    let applied = if seen.pinned || seen.stable_backend_is_there() {
        split(draft, seen, 0, false)
    } else {
        write_back(draft, seen, Purpose::Lower);
        Applied::Yes
    };
    last_resort::cut_off(draft, seen);
    applied
}

/// The routes as their user wrote them. Says whether they are so already: whether those who serve them like what their
/// user wrote is the user's business.
pub(super) fn restore(draft: &mut Draft<'_>, seen: &Seen<'_>) -> bool {
    write_back(draft, seen, Purpose::Restore)
}

/// Whether every route is as its user wrote it.
pub(super) fn is_restored(seen: &Seen<'_>) -> bool {
    seen.routes.iter().all(|route| restored(seen, route).is_none())
}

fn write_back(draft: &mut Draft<'_>, seen: &Seen<'_>, purpose: Purpose) -> bool {
    let mut written = true;
    for route in &seen.routes {
        written &= !draft.patch(route.key(), restored(seen, route), purpose);
    }
    written
}

/// The routes as their user wrote them, for so long that no proxy still names what they named before. Says whether that
/// is so; the time is written before the routes are, so that a restart waits as well.
pub(super) fn put_back(draft: &mut Draft<'_>, seen: &Seen<'_>) -> bool {
    draft.again(PROPAGATION);
    if !is_restored(seen) {
        let now = draft.time();
        if let Some(run) = &mut draft.status.run {
            run.restored_at = Some(now);
        }
        draft.save();
    }
    if !restore(draft, seen) {
        last_resort::cut_off(draft, seen);
        return false;
    }
    let restored = draft.status.run.as_ref().and_then(|run| run.restored_at.as_ref());
    let waited = restored.map_or(PROPAGATION, |restored| run::since(draft.now, restored));
    draft.again(PROPAGATION.saturating_sub(waited));
    waited >= PROPAGATION
}

/// Puts a route back that the spec does not name any more, and forgets it once that is done.
fn leave(draft: &mut Draft<'_>, seen: &Seen<'_>, route: &Route<'_>) {
    if !draft.patch(route.key(), restored(seen, route), Purpose::Restore) {
        let gone = route.reference;
        draft.status.routes.retain(|known| known.kind != gone.kind || known.name != gone.name);
    }
}

fn restored(seen: &Seen<'_>, route: &Route<'_>) -> Option<json_patch::Patch> {
    let nothing = RouteBefore::default();
    let before = route.before.unwrap_or(&nothing);
    route::restore(route.kind, route.live, &seen.backends(route), before).patch
}

/// Keeps what a route looked like, for putting it back.
fn remember(draft: &mut Draft<'_>, reference: &RouteRef, before: RouteBefore) {
    let memory = &mut draft.status.routes;
    match memory.iter_mut().find(|known| known.kind == reference.kind && known.name == reference.name) {
        Some(known) => known.before = before,
        None => memory.push(RouteMemory { kind: reference.kind, name: reference.name.clone(), before }),
    }
}

/// Who refuses a route, in a sentence.
pub(super) fn refused(seen: &Seen<'_>, route: &Route<'_>) -> Option<String> {
    match accepted(seen, route) {
        Applied::Refused(why) => Some(why),
        _ => None,
    }
}

fn accepted(seen: &Seen<'_>, route: &Route<'_>) -> Applied {
    match route::acceptance(route.kind, route.live, &seen.backends(route)) {
        Acceptance::Accepted => Applied::Yes,
        Acceptance::Pending { parent, why } => Applied::Unanswered(format!(
            "{parent} has not yet answered for {} {} as it is now: {why}",
            route.kind,
            route.live.name()
        )),
        Acceptance::Refused { parent, reason, message } => Applied::Refused(format!(
            "{} {} is refused by {parent}: {reason}: {message}",
            route.kind,
            route.live.name()
        )),
    }
}

impl Applied {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Refused(why), _) | (_, Self::Refused(why)) => Self::Refused(why),
            (Self::NotYet, _) | (_, Self::NotYet) => Self::NotYet,
            (Self::Unanswered(who), _) | (_, Self::Unanswered(who)) => Self::Unanswered(who),
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }
}
