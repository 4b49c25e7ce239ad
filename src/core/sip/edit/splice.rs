//! The edit list. What no edit names stays (RFC 3261 §16.6 item 1, §16.7 item 9), well formed or
//! not (§16.3 item 1b).

use crate::sip::message::Span;

#[derive(Clone, Copy, Debug)]
struct Edit {
    at: Span,
    text: Span,
}

/// Replacements in a message, in any order; those at one place apply in the order of their making.
#[derive(Debug, Default)]
pub struct Edits {
    list: Vec<Edit>,
    text: Vec<u8>,
}

impl Edits {
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.list.clear();
        self.text.clear();
    }

    /// Puts what `write` writes in place of `at`; an empty span is an insertion.
    pub fn replace(&mut self, at: Span, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.text.len();
        write(&mut self.text);
        self.list.push(Edit { at, text: Span::new(start, self.text.len()) });
    }

    /// Inserts before byte `at`.
    pub fn insert(&mut self, at: usize, write: impl FnOnce(&mut Vec<u8>)) {
        self.replace(Span::new(at, at), write);
    }

    /// Takes bytes out.
    pub fn remove(&mut self, at: Span) {
        self.replace(at, |_| {});
    }

    /// The bytes up to `end` with all edits made. Where removals overlap, their union goes.
    pub fn apply(&mut self, bytes: &[u8], end: usize) -> Vec<u8> {
        self.list.sort_by_key(|edit| edit.at.start);
        let mut out = Vec::with_capacity(end + self.text.len());
        let mut cursor = 0;
        for edit in &self.list {
            let from = edit.at.from().clamp(cursor, end);
            out.extend_from_slice(&bytes[cursor..from]);
            out.extend_from_slice(edit.text.of(&self.text));
            cursor = edit.at.to().clamp(from, end);
        }
        out.extend_from_slice(&bytes[cursor..end]);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn applies_in_place_order() {
        let mut edits = Edits::default();
        edits.remove(Span::new(4, 6));
        edits.insert(2, |t| t.extend(b"A"));
        edits.insert(2, |t| t.extend(b"B"));
        edits.replace(Span::new(8, 9), |t| t.extend(b"xyz"));
        assert_eq!(edits.apply(b"0123456789ab", 10), b"01AB2367xyz9");
        edits.clear();
        assert_eq!(edits.apply(b"0123", 4), b"0123");
    }

    proptest! {
        /// Edits never panic, and without edits nothing changes.
        #[test]
        fn any_list_applies(
            bytes in prop::collection::vec(any::<u8>(), 0..64),
            spans in prop::collection::vec((0usize..80, 0usize..20), 0..8),
        ) {
            let mut edits = Edits::default();
            prop_assert_eq!(edits.apply(&bytes, bytes.len()), bytes.clone());
            for (at, len) in &spans {
                edits.replace(Span::new(*at, at + len), |t| t.push(b'!'));
            }
            let out = edits.apply(&bytes, bytes.len());
            prop_assert_eq!(out.iter().filter(|b| **b == b'!').count() >= spans.len(), true);
        }
    }
}
