//! JSON patches that touch single fields and entries, and that fail when the object is no longer what they were made for.

use json_patch::{
    AddOperation, Patch, PatchOperation, RemoveOperation, ReplaceOperation, TestOperation, jsonptr::PointerBuf,
};
use serde_json::Value;

use crate::model::Object;

/// Collects the operations of one patch: all tests come before all edits.
#[derive(Default)]
pub(super) struct PatchBuilder {
    tests: Vec<PatchOperation>,
    edits: Vec<PatchOperation>,
}

impl PatchBuilder {
    /// The patch is to fail unless the value at `path` is this one. Tests see the object before any edit.
    pub(super) fn test(&mut self, path: &str, value: &Value) {
        self.tests.push(PatchOperation::Test(TestOperation { path: pointer(path), value: value.clone() }));
    }

    /// Changes the field at `path` from `old` to `new`, either of which may be absent.
    pub(super) fn set(&mut self, path: &str, old: Option<&Value>, new: Option<Value>) {
        match (old, new) {
            (Some(old), Some(new)) if *old != new => {
                self.edits.push(PatchOperation::Replace(ReplaceOperation { path: pointer(path), value: new }));
            }
            (None, Some(new)) => self.add(path, new),
            (Some(_), None) => self.remove(path),
            _ => {}
        }
    }

    /// Adds a field, or inserts into a list before the element at `path`.
    pub(super) fn add(&mut self, path: &str, value: Value) {
        self.edits.push(PatchOperation::Add(AddOperation { path: pointer(path), value }));
    }

    /// Removes a field or an element.
    pub(super) fn remove(&mut self, path: &str) {
        self.edits.push(PatchOperation::Remove(RemoveOperation { path: pointer(path) }));
    }

    /// How many edits there are so far.
    pub(super) fn edits(&self) -> usize {
        self.edits.len()
    }

    /// The patch for this object, tied to its resourceVersion where it has one; `None` when there is nothing to change.
    pub(super) fn finish(self, live: &Object) -> Option<Patch> {
        if self.edits.is_empty() {
            return None;
        }
        let version = live.at("/metadata/resourceVersion").map(|version| {
            PatchOperation::Test(TestOperation { path: pointer("/metadata/resourceVersion"), value: version.clone() })
        });
        Some(Patch(version.into_iter().chain(self.tests).chain(self.edits).collect()))
    }
}

/// The object as it is after a patch that was made for it.
pub(super) fn patched(live: &Object, patch: Option<&Patch>) -> Value {
    let mut object = live.value().clone();
    if let Some(patch) = patch {
        json_patch::patch(&mut object, patch).expect("a patch fits the object that it was made from");
    }
    object
}

/// Writes a field of a value, if the object that would hold it is there.
pub(super) fn put(value: &mut Value, path: &str, new: Value) {
    let (parent, field) = path.rsplit_once('/').unwrap_or(("", path));
    if let Some(Value::Object(parent)) = value.pointer_mut(parent) {
        parent.insert(field.to_owned(), new);
    }
}

fn pointer(path: &str) -> PointerBuf {
    PointerBuf::parse(path).expect("paths are made of list positions and of field names without `~` and `/`")
}
