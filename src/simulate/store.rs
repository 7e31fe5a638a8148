//! A small API server: objects as JSON with the bookkeeping that decisions depend on (resource versions, generations,
//! uids, finalizers, owners), and the admission policy that holds workloads.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    NAMESPACE, admission,
    clock::{Millis, timestamp},
};
use crate::{
    model::{Key, Object},
    observe::Kind,
};

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// People and their GitOps tools.
    User,
    /// Controllers of Kubernetes and of the mesh.
    System,
    /// The controller under test.
    Siskin,
}

/// Why a write was refused, as the server's status says it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A test of a patch failed, or a precondition.
    #[error("conflict: {0}")]
    Conflict(String),
    /// There is no such object.
    #[error("not found: {0}")]
    NotFound(String),
    /// The object would not be one of its kind.
    #[error("invalid: {0}")]
    Invalid(String),
}

/// A change, as a watch tells it.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its kind.
    pub kind: Kind,
    /// The object as it is now, or as it was last.
    pub object: Object,
    /// Whether it is gone.
    pub gone: bool,
}

/// All objects of one namespace.
#[derive(Debug, Default)]
pub struct Store {
    objects: BTreeMap<(Kind, String), Object>,
    version: u64,
    uids: u64,
    changes: Vec<Change>,
    /// Whether the admission policy is installed.
    pub policy: bool,
    /// Whether it fills in the field that a newer server fills in.
    pub upgraded: bool,
    /// The time that new objects get.
    pub now: Millis,
}

impl Store {
    /// One object.
    pub fn get(&self, kind: Kind, name: &str) -> Option<&Object> {
        self.objects.get(&(kind, name.to_owned()))
    }

    /// All objects of a kind, by name.
    pub fn all(&self, kind: Kind) -> impl Iterator<Item = &Object> {
        self.objects
            .range((kind, String::new())..)
            .take_while(move |((found, _), _)| *found == kind)
            .map(|(_, object)| object)
    }

    /// Every object with its kind.
    pub fn everything(&self) -> impl Iterator<Item = (Kind, &Object)> {
        self.objects.iter().map(|((kind, _), object)| (*kind, object))
    }

    /// The changes since the last call.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Whether nothing has changed since the changes were taken.
    pub fn unchanged(&self) -> bool {
        self.changes.is_empty()
    }

    /// Makes an object. One by its name must not exist.
    pub fn create(&mut self, kind: Kind, mut object: Value) {
        self.uids += 1;
        object["apiVersion"] = kind.api_version().into();
        object["kind"] = kind.kind().into();
        object["metadata"]["namespace"] = NAMESPACE.into();
        object["metadata"]["uid"] = format!("uid-{}", self.uids).into();
        object["metadata"]["creationTimestamp"] = timestamp(self.now).to_string().into();
        if has_generation(kind) {
            object["metadata"]["generation"] = json!(1);
        }
        if kind == Kind::Deployment {
            admission::default_deployment(&mut object, self.upgraded);
        }
        self.insert(kind, object);
    }

    /// Changes an object in place and gives it as it is then. Nothing happens where nothing changes.
    pub fn update(
        &mut self,
        writer: Writer,
        kind: Kind,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) -> Option<Object> {
        let old = self.get(kind, name)?.clone();
        let mut new = old.value().clone();
        change(&mut new);
        Some(self.replace(writer, kind, &old, new))
    }

    /// A JSON patch: all of it or nothing.
    pub fn patch(&mut self, writer: Writer, target: &Key, patch: &json_patch::Patch) -> Result<Object, Refused> {
        let (kind, old) = self.find(target)?;
        let mut new = old.value().clone();
        json_patch::patch(&mut new, patch).map_err(|error| match error.kind {
            json_patch::PatchErrorKind::TestFailed => Refused::Conflict(format!("{target}: {error}")),
            _ => Refused::Invalid(format!("{target}: {error}")),
        })?;
        Ok(self.replace(writer, kind, &old, new))
    }

    /// Server-side apply, forced: what is stated is so afterwards. Maps are merged, lists replaced; nobody but Siskin
    /// writes to what Siskin applies, so no field is ever left over from an earlier apply.
    pub fn apply(&mut self, writer: Writer, stated: &Value) -> Result<Object, Refused> {
        let key = Object::new(stated.clone()).key();
        let kind = Kind::of(&key.api_version, &key.kind)
            .ok_or_else(|| Refused::Invalid(format!("{key} is of no known kind")))?;
        match self.get(kind, &key.name).cloned() {
            None => self.create(kind, stated.clone()),
            Some(old) => {
                let mut new = old.value().clone();
                for field in ["labels", "annotations", "ownerReferences"] {
                    if let Some(value) = stated["metadata"].get(field) {
                        merge(&mut new["metadata"][field], value);
                    }
                }
                new["spec"] = stated["spec"].clone();
                if kind == Kind::Deployment {
                    admission::default_deployment(&mut new, self.upgraded);
                }
                self.replace(writer, kind, &old, new);
            }
        }
        Ok(self.get(kind, &key.name).expect("it was just written").clone())
    }

    /// The status subresource, for the very object and version that were seen.
    pub fn write_status(&mut self, seen: &Object, kind: Kind, status: Value) -> Result<Object, Refused> {
        let (_, old) = self.find(&seen.key())?;
        if old.uid() != seen.uid() || old.resource_version() != seen.resource_version() {
            return Err(Refused::Conflict(format!(
                "{} is at version {}, not {}",
                seen.key(),
                old.resource_version(),
                seen.resource_version()
            )));
        }
        let mut new = old.value().clone();
        new["status"] = status;
        Ok(self.replace(Writer::System, kind, &old, new))
    }

    /// Deletes an object, or marks it where something holds it back. An empty uid deletes whatever has the name.
    pub fn delete(&mut self, target: &Key, uid: &str) -> Result<Option<Object>, Refused> {
        let (kind, old) = self.find(target)?;
        if !uid.is_empty() && old.uid() != uid {
            return Err(Refused::Conflict(format!("{target} has uid {}, not {uid}", old.uid())));
        }
        if old.list("/metadata/finalizers").is_empty() {
            self.remove(kind, &old);
            return Ok(None);
        }
        let mut new = old.value().clone();
        if !old.deleting() {
            new["metadata"]["deletionTimestamp"] = timestamp(self.now).to_string().into();
        }
        Ok(Some(self.replace(Writer::System, kind, &old, new)))
    }

    /// Garbage collection: what belonged to something that is gone goes too.
    pub fn collect_garbage(&mut self) {
        loop {
            let orphan = self.everything().find(|(_, object)| {
                object.controller_uid().is_some_and(|owner| self.objects.values().all(|other| other.uid() != owner))
            });
            let Some((kind, object)) = orphan.map(|(kind, object)| (kind, object.clone())) else { return };
            self.remove(kind, &object);
        }
    }

    /// Changes how stored objects are read, without a write: what an upgrade of the server does.
    pub fn rewrite(&mut self, kind: Kind, change: impl Fn(&mut Value)) {
        for object in self.objects.iter_mut().filter(|((found, _), _)| *found == kind).map(|(_, object)| object) {
            let mut new = object.value().clone();
            change(&mut new);
            *object = Object::new(new);
        }
    }

    fn find(&self, target: &Key) -> Result<(Kind, Object), Refused> {
        let kind = Kind::of(&target.api_version, &target.kind)
            .ok_or_else(|| Refused::Invalid(format!("{target} is of no known kind")))?;
        let object = self.get(kind, &target.name).ok_or_else(|| Refused::NotFound(target.to_string()))?;
        Ok((kind, object.clone()))
    }

    fn replace(&mut self, writer: Writer, kind: Kind, old: &Object, mut new: Value) -> Object {
        if kind == Kind::Deployment && self.policy && writer != Writer::Siskin {
            admission::keep_hold(old, &mut new);
        }
        if new == *old.value() {
            return old.clone();
        }
        if has_generation(kind) && new.get("spec") != old.at("/spec") {
            new["metadata"]["generation"] = json!(old.generation() + 1);
        }
        let emptied = new["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty);
        self.insert(kind, new);
        let object = self.get(kind, old.name()).expect("it was just written").clone();
        if object.deleting() && emptied {
            self.remove(kind, &object);
        }
        object
    }

    fn insert(&mut self, kind: Kind, mut object: Value) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        let object = Object::new(object);
        self.changes.push(Change { kind, object: object.clone(), gone: false });
        self.objects.insert((kind, object.name().to_owned()), object);
    }

    fn remove(&mut self, kind: Kind, object: &Object) {
        self.version += 1;
        self.objects.remove(&(kind, object.name().to_owned()));
        self.changes.push(Change { kind, object: object.clone(), gone: true });
    }
}

/// Whether the server counts changes of a kind's spec.
fn has_generation(kind: Kind) -> bool {
    !matches!(kind, Kind::Service | Kind::EndpointSlice)
}

fn merge(into: &mut Value, stated: &Value) {
    match (into, stated) {
        (Value::Object(into), Value::Object(stated)) => {
            for (key, value) in stated {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, stated) => *into = stated.clone(),
    }
}

#[cfg(test)]
mod tests;
