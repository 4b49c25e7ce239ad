//! What makes two requests the same transaction (RFC 3261 §17.2.3).
//!
//! Carries out §17.2.3, §17.2.3 old, §17.2.3 old ack; equal Call-IDs alone are no reason to refuse (§16.3 merged).

use crate::sip::mark::Marks;
use crate::sip::message::{Message, Via};

const MAGIC: &[u8] = b"z9hG4bK";

/// Place of the To tag among the parts of a branch without the magic.
const TO_TAG: usize = 6;

/// Parts that are compared, byte for byte.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    parts: [&'a [u8]; 9],
}

impl<'a> Identity<'a> {
    /// `method` is that of the transaction: INVITE for an ACK.
    pub fn new(message: &Message<'a>, via: &Via, method: &'a [u8]) -> Self {
        let bytes = message.bytes();
        let branch = via.branch(bytes);
        let sent_by = via.sent_by.of(bytes);
        let mut parts = [branch, sent_by, method, &[], &[], &[], &[], &[], &[]];
        if !branch.starts_with(MAGIC) {
            // RFC 2543: the branch alone does not tell transactions apart.
            let cseq = message.cseq().map_or(&[][..], |c| &bytes[..c.method.from()]);
            let number_at = cseq.iter().rposition(|b| *b == b'\n' || *b == b':').unwrap_or(0);
            parts[3..].copy_from_slice(&[
                message.call_id(),
                message.tag_of_from(),
                &cseq[number_at..],
                message.tag_of_to(),
                message.uri().of(bytes),
                via.value.of(bytes),
            ]);
        }
        Self { parts }
    }

    /// Do all the parts of RFC 2543 count?
    pub fn is_old(&self) -> bool {
        !self.parts[0].starts_with(MAGIC)
    }

    /// That of the INVITE which had no To tag yet, for the ACK of its answer.
    pub fn before_the_answer(mut self) -> Self {
        self.parts[TO_TAG] = &[];
        self
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
