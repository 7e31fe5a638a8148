//! An object as the cache keeps it: as JSON text, which takes far less memory than the tree of maps that it is read
//! into. The trees of what is looked at often are remembered.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::Value;

use crate::model::Object;

/// How many trees are remembered, twice: those looked at lately, and those looked at before. Enough for the objects of
/// a hundred Rollouts that are in a run at the same time, and some 10 MB.
const REMEMBERED: usize = 512;

/// One version of an object.
#[derive(Debug)]
pub(super) struct Stored {
    /// Another one for every version of every object.
    number: u64,
    uid: Box<str>,
    version: Box<str>,
    text: Box<[u8]>,
    /// The list that showed the object last, 0 where none has.
    pub(super) listed: u32,
    /// Whether most of it was left out.
    pub(super) outline: bool,
}

impl Stored {
    /// Packs an object.
    pub(super) fn new(object: &Object, listed: u32) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        Self {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            uid: object.uid().into(),
            version: object.resource_version().into(),
            text: object.value().to_string().into_bytes().into(),
            listed,
            outline: false,
        }
    }

    /// `metadata.uid`.
    pub(super) fn uid(&self) -> &str {
        &self.uid
    }

    /// Whether this version of an object comes after a known one. Resource versions of one kind are numbers that only
    /// grow; where a server has other ones, the last to come wins.
    pub(super) fn newer_than(&self, known: &Self) -> bool {
        match (self.version.parse::<u64>(), known.version.parse::<u64>()) {
            (Ok(version), Ok(known)) => version > known,
            _ => self.version != known.version,
        }
    }

    /// Whether this is a known version of an object, read with something else in it.
    pub(super) fn rereads(&self, known: &Self) -> bool {
        self.uid == known.uid && self.version == known.version && self.text != known.text
    }

    /// Reads the object, without remembering it.
    pub(super) fn read(&self) -> Object {
        // The text was written from a tree, so it can be read.
        Object::new(serde_json::from_slice(&self.text).unwrap_or(Value::Null))
    }
}

/// The trees that were looked at lately.
#[derive(Debug, Default)]
pub(super) struct Remembered(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    lately: HashMap<u64, Object>,
    before: HashMap<u64, Object>,
}

impl Remembered {
    /// The tree of an object.
    pub(super) fn read(&self, stored: &Stored) -> Object {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(stored.number);
        known.unwrap_or_else(|| {
            let object = stored.read();
            self.remember(stored, object.clone());
            object
        })
    }

    /// Remembers a tree that is at hand.
    pub(super) fn remember(&self, stored: &Stored, object: Object) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(stored.number, object);
    }
}

impl Generations {
    fn get(&mut self, number: u64) -> Option<Object> {
        if let Some(object) = self.lately.get(&number) {
            return Some(object.clone());
        }
        let object = self.before.remove(&number)?;
        self.insert(number, object.clone());
        Some(object)
    }

    fn insert(&mut self, number: u64, object: Object) {
        if self.lately.len() >= REMEMBERED {
            self.before = std::mem::take(&mut self.lately);
        }
        self.lately.insert(number, object);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stored(name: &str) -> Stored {
        Stored::new(&Object::new(json!({"metadata": {"name": name, "uid": "u", "resourceVersion": "7"}})), 0)
    }

    #[test]
    fn what_is_read_is_what_was_stored_to_the_last_bit() {
        let value = json!({"metadata": {}, "status": {"share": 0.1 + 0.2, "large": u64::MAX, "text": "ä\"\n"}});
        assert_eq!(*Stored::new(&Object::new(value.clone()), 0).read().value(), value);
    }

    #[test]
    fn what_is_looked_at_often_is_read_once_and_the_memory_of_it_is_bounded() {
        let remembered = Remembered::default();
        let often = stored("often");
        let first = remembered.read(&often);
        let others: Vec<Stored> = (0..10 * REMEMBERED).map(|number| stored(&number.to_string())).collect();
        for other in &others {
            assert_eq!(remembered.read(other), other.read());
            let again = remembered.read(&often);
            assert!(std::ptr::eq(again.value(), first.value()), "it was read again");
        }
        let generations = remembered.0.lock().unwrap();
        assert!(generations.lately.len() + generations.before.len() <= 2 * REMEMBERED);
    }
}
