//! What makes two requests the same transaction (RFC 3261 §17.2.3).
//!
//! Carries out §17.2.3, §17.2.3 old; equal Call-IDs alone are no reason to refuse (§16.3 merged).

use crate::sip::mark::Marks;
use crate::sip::message::{Message, Via};

const MAGIC: &[u8] = b"z9hG4bK";

/// Parts that are compared, byte for byte.
pub struct Identity<'a> {
    parts: [&'a [u8]; 6],
}

impl<'a> Identity<'a> {
    /// `method` is that of the transaction: INVITE for an ACK.
    pub fn new(message: &Message<'a>, via: &Via, method: &'a [u8]) -> Self {
        let bytes = message.bytes();
        let branch = via.branch(bytes);
        let sent_by = via.sent_by.of(bytes);
        let mut parts = [branch, sent_by, method, &[], &[], &[]];
        if !branch.starts_with(MAGIC) {
            // RFC 2543: the branch alone does not tell transactions apart.
            let cseq = message.cseq().map_or(&[][..], |c| &bytes[..c.method.from()]);
            let number_at = cseq.iter().rposition(|b| *b == b'\n' || *b == b':').unwrap_or(0);
            parts[3..].copy_from_slice(&[
                message.call_id(),
                message.tag_of_from(),
                &cseq[number_at..],
            ]);
        }
        Self { parts }
    }

    /// Key in the table.
    pub fn key(&self, marks: &Marks) -> u64 {
        marks.key(&self.parts)
    }

    /// For the comparison that follows a hit.
    pub fn stored(&self) -> Box<[u8]> {
        self.parts.join(&0).into_boxed_slice()
    }

    /// Are these the stored bytes?
    pub fn is(&self, stored: &[u8]) -> bool {
        let mut rest = stored;
        for (i, part) in self.parts.iter().enumerate() {
            let last = i + 1 == self.parts.len();
            let Some(after) = rest.strip_prefix(*part) else { return false };
            match (last, after.split_first()) {
                (true, None) => return true,
                (false, Some((0, after))) => rest = after,
                _ => return false,
            }
        }
        false
    }
}
