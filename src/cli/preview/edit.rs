//! What all Rollouts among the documents would do to objects, or why they can't.

use json_patch::Patch;
use serde_json::Value;

use super::{documents::Documents, rollout};
use crate::{
    api::{GROUP, Rollout, admission},
    cli::Failure,
    model::Object,
    route,
};

/// One object before and after.
#[derive(Debug)]
pub(super) struct Edit {
    /// What happens to it, in words.
    pub(super) title: String,
    /// The object as it was given; nothing of one that is made.
    pub(super) before: Value,
    /// The object as it would be.
    pub(super) after: Value,
    /// How it gets there.
    pub(super) change: Change,
}

/// How an object gets to where it would be.
#[derive(Debug)]
pub(super) enum Change {
    /// By a patch of a user's object; nothing where it is there already.
    Patch(Option<Patch>),
    /// It is made, and goes with the run.
    Made,
}

impl Edit {
    /// A user's object with a patch applied.
    pub(super) fn of(title: String, live: &Object, patch: Option<Patch>) -> Self {
        Self {
            title,
            before: live.value().clone(),
            after: route::patched(live, patch.as_ref()),
            change: Change::Patch(patch),
        }
    }

    /// An object that is made.
    pub(super) fn made(title: String, object: Value) -> Self {
        Self { title, before: Value::Null, after: object, change: Change::Made }
    }
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
        match accepted(object) {
            Ok(rollout) => problems.extend(rollout::add(documents, &rollout, object, weight, &mut all)),
            Err(refused) => problems.extend(refused),
        }
    }
    match Failure::of_all(problems) {
        Some(failure) => Err(failure),
        None => Ok(all),
    }
}

/// A Rollout as the API server would take it, or what it would say.
fn accepted(object: &Object) -> Result<Rollout, Vec<Failure>> {
    let refused = |why: &dyn std::fmt::Display| {
        Failure::refused(format!("Rollout {}/{} is refused: {why}", object.namespace(), object.name()))
    };
    let objections = admission::objections(object.value());
    if !objections.is_empty() {
        return Err(objections.iter().map(|objection| refused(objection)).collect());
    }
    serde_json::from_value(object.value().clone()).map_err(|error| vec![refused(&error)])
}
