//! Values under keys that are never used twice: the key of a value that is gone finds nothing.

/// Key of a value. As a number it fits into a branch or an `AskId`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(pub u64);

impl Key {
    fn new(index: usize, generation: u32) -> Self {
        Self(u64::from(generation) << 32 | index as u64)
    }

    fn index(self) -> usize {
        (self.0 & 0xffff_ffff) as usize
    }

    fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// The table.
#[derive(Debug)]
pub struct Slab<T> {
    entries: Vec<(u32, Option<T>)>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    /// An empty table.
    pub fn new() -> Self {
        Self { entries: Vec::new(), free: Vec::new() }
    }

    /// Values in it.
    pub fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// Adds a value.
    pub fn insert(&mut self, value: T) -> Key {
        if let Some(index) = self.free.pop() {
            let (generation, slot) = &mut self.entries[index as usize];
            *slot = Some(value);
            return Key::new(index as usize, *generation);
        }
        self.entries.push((1, Some(value)));
        Key::new(self.entries.len() - 1, 1)
    }

    /// Looks a value up.
    pub fn get(&self, key: Key) -> Option<&T> {
        let (generation, value) = self.entries.get(key.index())?;
        value.as_ref().filter(|_| *generation == key.generation())
    }

    /// Looks a value up.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let (generation, value) = self.entries.get_mut(key.index())?;
        value.as_mut().filter(|_| *generation == key.generation())
    }

    /// All values, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.entries.iter().enumerate().filter_map(|(i, (generation, value))| {
            Some((Key::new(i, *generation), value.as_ref()?))
        })
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        let (generation, value) = self.entries.get_mut(key.index())?;
        if *generation != key.generation() {
            return None;
        }
        let value = value.take()?;
        *generation = generation.wrapping_add(1).max(1);
        self.free.push(key.index() as u32);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_key_finds_nothing() {
        let mut slab = Slab::new();
        let (a, b) = (slab.insert('a'), slab.insert('b'));
        assert_eq!(slab.remove(a), Some('a'));
        assert_eq!((slab.remove(a), slab.get(a), slab.len()), (None, None, 1));
        let c = slab.insert('c');
        assert_ne!(a, c);
        assert_eq!((slab.get(a), slab.get(b), slab.get(c)), (None, Some(&'b'), Some(&'c')));
    }
}
