//! Lists by key: subscribers, or positions of the ring.

use super::seen::{KEY_KINDS, Key};
use std::collections::HashMap;

/// A list for each key that has one.
pub(super) struct Index<L> {
    lists: [HashMap<String, L>; KEY_KINDS],
}

impl<L: Default> Index<L> {
    pub(super) fn new() -> Self {
        Self { lists: std::array::from_fn(|_| HashMap::new()) }
    }

    pub(super) fn get(&self, (kind, name): Key<'_>) -> Option<&L> {
        self.lists[kind as usize].get(name)
    }

    /// Changes the list of a key, which is made if there is none.
    pub(super) fn put(&mut self, (kind, name): Key<'_>, change: impl FnOnce(&mut L)) {
        let lists = &mut self.lists[kind as usize];
        match lists.get_mut(name) {
            Some(list) => change(list),
            None => change(lists.entry(name.to_owned()).or_default()),
        }
    }

    /// Changes the list of a key and forgets it if `change` says that it is empty.
    pub(super) fn take(&mut self, (kind, name): Key<'_>, change: impl FnOnce(&mut L) -> bool) {
        let lists = &mut self.lists[kind as usize];
        if lists.get_mut(name).is_some_and(change) {
            lists.remove(name);
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.lists.iter().all(HashMap::is_empty)
    }
}
