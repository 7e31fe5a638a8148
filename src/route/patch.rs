//! JSON patches that touch single fields and entries, and that fail when the object is no longer what they were made for.

use json_patch::{
    AddOperation, Patch, PatchOperation, RemoveOperation, ReplaceOperation, TestOperation, jsonptr::PointerBuf,
};
use serde_json::Value;

use crate::model::Object;

/// Where a field stands in an object. It is made of the names of fields and of positions in lists, so that a name with `~`
/// or `/` in it (as keys of labels have) is a name like any other.
#[derive(Clone, Debug)]
pub(super) struct Path(PointerBuf);

impl Path {
    /// What a JSON pointer in this code says: `/spec/selector`. A key that comes from an object is added by
    /// [`Path::field`].
    pub(super) fn new(pointer: &'static str) -> Self {
        Self(PointerBuf::from_tokens(pointer.split('/').skip(1)))
    }

    /// A field further inside.
    pub(super) fn field(&self, name: &str) -> Self {
        let mut path = self.0.clone();
        path.push_back(name);
        Self(path)
    }

    /// What a JSON pointer in this code says, from here.
    pub(super) fn inside(&self, pointer: &'static str) -> Self {
        pointer.split('/').skip(1).fold(self.clone(), |path, name| path.field(name))
    }

    /// An element of the list at this path. One behind the last is where a new one is added.
    pub(super) fn element(&self, position: usize) -> Self {
        self.field(&position.to_string())
    }

    /// The value there.
    pub(super) fn get<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.0.resolve(value).ok()
    }
}

/// Collects the operations of one patch: all tests come before all edits.
#[derive(Default)]
pub(super) struct PatchBuilder {
    tests: Vec<PatchOperation>,
    edits: Vec<PatchOperation>,
}

impl PatchBuilder {
    /// The patch is to fail unless the value at `path` is this one. Tests see the object before any edit.
    pub(super) fn test(&mut self, path: &Path, value: &Value) {
        self.tests.push(PatchOperation::Test(TestOperation { path: path.0.clone(), value: value.clone() }));
    }

    /// Changes the field at `path` from `old` to `new`, either of which may be absent.
    pub(super) fn set(&mut self, path: &Path, old: Option<&Value>, new: Option<Value>) {
        match (old, new) {
            (Some(old), Some(new)) if *old != new => {
                self.edits.push(PatchOperation::Replace(ReplaceOperation { path: path.0.clone(), value: new }));
            }
            (None, Some(new)) => self.add(path, new),
            (Some(_), None) => self.remove(path),
            _ => {}
        }
    }

    /// Adds a field, or inserts into a list before the element at `path`.
    pub(super) fn add(&mut self, path: &Path, value: Value) {
        self.edits.push(PatchOperation::Add(AddOperation { path: path.0.clone(), value }));
    }

    /// Removes a field or an element.
    pub(super) fn remove(&mut self, path: &Path) {
        self.edits.push(PatchOperation::Remove(RemoveOperation { path: path.0.clone() }));
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
        let path = Path::new("/metadata/resourceVersion");
        let version = path
            .get(live.value())
            .map(|version| PatchOperation::Test(TestOperation { path: path.0.clone(), value: version.clone() }));
        Some(Patch(version.into_iter().chain(self.tests).chain(self.edits).collect()))
    }
}

/// The object as it is after a patch. One that does not fit changes nothing, as on a server.
pub fn patched(live: &Object, patch: Option<&Patch>) -> Value {
    let mut object = live.value().clone();
    if let Some(patch) = patch
        && json_patch::patch(&mut object, patch).is_err()
    {
        return live.value().clone();
    }
    object
}

/// Writes a field of a value, if the object that would hold it is there.
pub(super) fn put(value: &mut Value, path: &'static str, new: Value) {
    let (parent, field) = path.rsplit_once('/').unwrap_or(("", path));
    if let Some(Value::Object(parent)) = value.pointer_mut(parent) {
        parent.insert(field.to_owned(), new);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_may_have_any_letters() {
        let live = Object::new(json!({"metadata": {"labels": {"example.com/a~b": "1"}}}));
        let path = Path::new("/metadata/labels").field("example.com/a~b");
        let mut builder = PatchBuilder::default();
        builder.set(&path, path.get(live.value()), Some("2".into()));
        let patch = builder.finish(&live);
        assert_eq!(patched(&live, patch.as_ref()), json!({"metadata": {"labels": {"example.com/a~b": "2"}}}));
    }

    #[test]
    fn a_patch_that_does_not_fit_changes_nothing() {
        let live = Object::new(json!({"spec": {"one": 1}}));
        let mut builder = PatchBuilder::default();
        builder.remove(&Path::new("/spec/one"));
        builder.add(&Path::new("/spec/list").element(3), json!(1));
        assert_eq!(patched(&live, builder.finish(&live).as_ref()), *live.value());
    }
}
