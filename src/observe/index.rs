//! A compact index: values under the hash of what they are looked up by. Two keys with one hash only make more
//! candidates, so whoever asks compares what was meant. At 10,000 Rollouts the keys themselves would take most of the
//! cache's memory.

use std::{
    collections::{BTreeSet, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
};

/// Values by the hash of a key.
#[derive(Debug)]
pub(super) struct Index<V>(BTreeSet<(u64, V)>);

impl<V> Default for Index<V> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

impl<V: Ord + Default> Index<V> {
    /// Adds a value.
    pub(super) fn insert(&mut self, hash: u64, value: V) {
        self.0.insert((hash, value));
    }

    /// Takes a value out.
    pub(super) fn remove(&mut self, hash: u64, value: V) {
        self.0.remove(&(hash, value));
    }

    /// Whether there is this value.
    pub(super) fn contains(&self, hash: u64, value: V) -> bool {
        self.0.contains(&(hash, value))
    }

    /// The values under a hash, in order.
    pub(super) fn under(&self, hash: u64) -> impl Iterator<Item = &V> {
        self.0.range((hash, V::default())..).take_while(move |(other, _)| *other == hash).map(|(_, value)| value)
    }

    /// Whether there is any value under a hash.
    pub(super) fn any(&self, hash: u64) -> bool {
        self.under(hash).next().is_some()
    }
}

/// The hash of a key. The same in every process.
pub(super) fn hash(key: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_under_their_own_key_in_order() {
        let mut index = Index::<Box<str>>::default();
        for (key, value) in [(1, "b"), (1, "a"), (2, "c"), (1, "")] {
            index.insert(key, value.into());
        }
        index.remove(1, "b".into());
        assert_eq!(index.under(1).map(|value| &**value).collect::<Vec<_>>(), ["", "a"]);
        assert!(index.any(2) && !index.any(3) && index.contains(2, "c".into()));
    }
}
