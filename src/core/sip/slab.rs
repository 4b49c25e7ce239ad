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

/// Values that lie together in memory.
const CHUNK: usize = 256;

type Entry<T> = (u32, Option<T>);

/// The table. It grows by chunks: a table of a hundred thousand transactions that moves to twice
/// the memory would keep the SIP thread from its socket for tens of milliseconds.
#[derive(Debug)]
pub struct Slab<T> {
    chunks: Vec<Vec<Entry<T>>>,
    free: Vec<u32>,
    len: usize,
}

impl<T> Slab<T> {
    /// An empty table.
    pub fn new() -> Self {
        Self { chunks: Vec::new(), free: Vec::new(), len: 0 }
    }

    /// Values in it.
    pub fn len(&self) -> usize {
        self.len
    }

    fn entry(&self, key: Key) -> Option<&Entry<T>> {
        let index = key.index();
        let entry = self.chunks.get(index / CHUNK)?.get(index % CHUNK)?;
        (entry.0 == key.generation()).then_some(entry)
    }

    fn entry_mut(&mut self, key: Key) -> Option<&mut Entry<T>> {
        let index = key.index();
        let entry = self.chunks.get_mut(index / CHUNK)?.get_mut(index % CHUNK)?;
        (entry.0 == key.generation()).then_some(entry)
    }

    /// Adds a value.
    pub fn insert(&mut self, value: T) -> Key {
        self.len += 1;
        if let Some(index) = self.free.pop() {
            let index = index as usize;
            let (generation, slot) = &mut self.chunks[index / CHUNK][index % CHUNK];
            *slot = Some(value);
            return Key::new(index, *generation);
        }
        let full = self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK);
        if full {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let last = self.chunks.len() - 1;
        let chunk = &mut self.chunks[last];
        chunk.push((1, Some(value)));
        Key::new(last * CHUNK + chunk.len() - 1, 1)
    }

    /// Looks a value up.
    pub fn get(&self, key: Key) -> Option<&T> {
        self.entry(key)?.1.as_ref()
    }

    /// Looks a value up.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        self.entry_mut(key)?.1.as_mut()
    }

    /// All values, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.chunks.iter().flatten().enumerate().filter_map(|(i, (generation, value))| {
            Some((Key::new(i, *generation), value.as_ref()?))
        })
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        let (generation, value) = self.entry_mut(key)?;
        let value = value.take()?;
        *generation = generation.wrapping_add(1).max(1);
        self.free.push(key.index() as u32);
        self.len -= 1;
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

    #[test]
    fn chunks_keep_keys_apart() {
        let mut slab = Slab::new();
        let keys: Vec<Key> = (0..3 * CHUNK + 7).map(|n| slab.insert(n)).collect();
        let gone = keys.iter().filter(|key| key.0.is_multiple_of(3));
        let gone: Vec<usize> = gone.filter_map(|key| slab.remove(*key)).collect();
        assert_eq!(slab.len(), keys.len() - gone.len());
        for (n, key) in keys.iter().enumerate() {
            let there = !key.0.is_multiple_of(3);
            assert_eq!(slab.get(*key).copied(), there.then_some(n));
        }
        assert_eq!(slab.iter().count(), slab.len());
        assert!(slab.iter().all(|(key, n)| slab.get(key) == Some(n)));
        let again: Vec<Key> = gone.iter().map(|n| slab.insert(*n)).collect();
        assert_eq!(slab.len(), keys.len());
        assert!(again.iter().all(|key| !keys.contains(key)));
    }
}
