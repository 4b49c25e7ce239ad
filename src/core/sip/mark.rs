//! What we write into other people's messages and want to recognise, with a MAC (SipHash-2-4,
//! 64 bits): branches, Record-Route parameters and our own tags. None of it needs memory to be
//! read, so a restarted process still routes calls of the one before it.

use super::PeerId;
use siphasher::sip::SipHasher24;
use std::hash::Hasher;
use std::io::Write;

const MAGIC: &[u8] = b"z9hG4bK";
/// `z9hG4bK`, epoch (8 digits), kind, id (16), loop hash (8), MAC (16).
const BRANCH_LEN: usize = MAGIC.len() + 8 + 1 + 16 + 8 + 16;
/// Two peers (4 digits each) and the MAC (16).
const ROUTE_LEN: usize = 4 + 4 + 16;

/// What stands behind a branch of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BranchKind {
    /// A client transaction; the id is its key.
    Transaction,
    /// A forwarded ACK; the id is a hash, so that its retransmission gets the same branch.
    Stateless,
}

/// A branch of ours, of this run or an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Run of the process.
    pub epoch: u32,
    /// What it stands for.
    pub kind: BranchKind,
    /// See `BranchKind`.
    pub id: u64,
    /// Hash of what decides a request's way (RFC 5393 §4.2.2).
    pub loop_hash: u32,
}

/// Who talks to whom, from a Record-Route parameter of ours, turned so that `sender` sent the
/// message at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteMark {
    /// Sender's side.
    pub sender: PeerId,
    /// The other side.
    pub target: PeerId,
}

/// What is hashed; keeps MACs of one use from being taken for another.
#[derive(Clone, Copy)]
enum Domain {
    Branch,
    Route,
    Tag,
    Key,
    Loop,
}

/// Writes and reads marks.
#[derive(Clone)]
pub struct Marks {
    hasher: SipHasher24,
    epoch: u32,
}

impl Marks {
    /// See `CoreConfig::secret` and `CoreConfig::epoch`.
    pub fn new(secret: &[u8; 16], epoch: u32) -> Self {
        Self { hasher: SipHasher24::new_with_key(secret), epoch }
    }

    /// This run.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    fn hash(&self, domain: Domain, parts: &[&[u8]]) -> u64 {
        let mut hasher = self.hasher;
        hasher.write_u8(domain as u8);
        for part in parts {
            // With its length each list of parts has one byte string.
            hasher.write_u32(part.len() as u32);
            hasher.write(part);
        }
        hasher.finish()
    }

    /// Key of a server transaction.
    pub fn key(&self, parts: &[&[u8]]) -> u64 {
        self.hash(Domain::Key, parts)
    }

    /// Hash of what decides a request's way.
    pub fn loop_hash(&self, parts: &[&[u8]]) -> u32 {
        self.hash(Domain::Loop, parts) as u32
    }

    /// A branch of this run.
    pub fn branch(&self, kind: BranchKind, id: u64, loop_hash: u32) -> Vec<u8> {
        let mut out = Vec::with_capacity(BRANCH_LEN);
        out.extend_from_slice(MAGIC);
        let letter = match kind {
            BranchKind::Transaction => 't',
            BranchKind::Stateless => 's',
        };
        let _ = write!(out, "{:08x}{letter}{id:016x}{loop_hash:08x}", self.epoch);
        let mac = self.hash(Domain::Branch, &[&out]);
        let _ = write!(out, "{mac:016x}");
        out
    }

    /// Reads a branch of ours; `None` for any other.
    pub fn read_branch(&self, branch: &[u8]) -> Option<Branch> {
        if branch.len() != BRANCH_LEN || !branch.starts_with(MAGIC) {
            return None;
        }
        let (body, mac) = branch.split_at(BRANCH_LEN - 16);
        let kind = match body[15] {
            b't' => BranchKind::Transaction,
            b's' => BranchKind::Stateless,
            _ => return None,
        };
        let epoch = hex(&body[7..15])? as u32;
        let (id, loop_hash) = (hex(&body[16..32])?, hex(&body[32..40])? as u32);
        let ours = hex(mac)? == self.hash(Domain::Branch, &[body]);
        ours.then_some(Branch { epoch, kind, id, loop_hash })
    }

    fn route_mac(&self, peers: &[u8], call_id: &[u8], caller_tag: &[u8]) -> u64 {
        self.hash(Domain::Route, &[peers, call_id, caller_tag])
    }

    /// Value of our Record-Route parameter. The MAC binds it to the Call-ID and the caller's tag:
    /// it cannot be carried into another call, and it tells later which side a message comes from.
    pub fn route(
        &self,
        caller: PeerId,
        callee: PeerId,
        call_id: &[u8],
        caller_tag: &[u8],
    ) -> String {
        let peers = format!("{:04x}{:04x}", caller.0, callee.0);
        let mac = self.route_mac(peers.as_bytes(), call_id, caller_tag);
        format!("{peers}{mac:016x}")
    }

    /// Reads our Record-Route parameter in a message with these ids.
    pub fn read_route(
        &self,
        value: &[u8],
        call_id: &[u8],
        from_tag: &[u8],
        to_tag: &[u8],
    ) -> Option<RouteMark> {
        if value.len() != ROUTE_LEN {
            return None;
        }
        let (peers, mac) = value.split_at(8);
        let (caller, callee) = (hex(&peers[..4])? as u16, hex(&peers[4..])? as u16);
        let (caller, callee, mac) = (PeerId(caller), PeerId(callee), hex(mac)?);
        if self.route_mac(peers, call_id, from_tag) == mac {
            return Some(RouteMark { sender: caller, target: callee });
        }
        let turned = self.route_mac(peers, call_id, to_tag) == mac;
        turned.then_some(RouteMark { sender: callee, target: caller })
    }

    /// To tag of a final answer of ours: the same for each copy of a request, and recognised in
    /// its ACK without memory (RFC 3261 §8.2.7).
    pub fn tag(&self, call_id: &[u8], from_tag: &[u8], cseq: u32) -> String {
        format!("tl{:016x}", self.hash(Domain::Tag, &[call_id, from_tag, &cseq.to_be_bytes()]))
    }
}

fn hex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |n, d| Some(n << 4 | u64::from(char::from(*d).to_digit(16)?)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn marks(epoch: u32) -> Marks {
        Marks::new(b"0123456789abcdef", epoch)
    }

    #[test]
    fn a_branch_outlives_its_run_and_no_byte_can_change() {
        let branch = marks(7).branch(BranchKind::Transaction, u64::MAX - 5, 0xdead_beef);
        let read = marks(8).read_branch(&branch).unwrap();
        assert_eq!((read.epoch, read.id, read.loop_hash), (7, u64::MAX - 5, 0xdead_beef));
        for i in 0..branch.len() {
            let mut forged = branch.clone();
            forged[i] = if forged[i] == b'0' { b'1' } else { b'0' };
            assert_eq!(marks(7).read_branch(&forged), None, "byte {i}");
        }
        assert_eq!(Marks::new(b"another secret!!", 7).read_branch(&branch), None);
    }

    #[test]
    fn a_route_mark_knows_the_direction_and_its_call() {
        let value = marks(1).route(PeerId(1), PeerId(2), b"call", b"alice");
        let read = |call: &[u8], from: &[u8], to: &[u8]| {
            marks(9).read_route(value.as_bytes(), call, from, to).map(|m| (m.sender.0, m.target.0))
        };
        assert_eq!(read(b"call", b"alice", b"bob"), Some((1, 2)));
        assert_eq!(read(b"call", b"bob", b"alice"), Some((2, 1)));
        assert_eq!(read(b"other", b"alice", b"bob"), None);
        assert_eq!(read(b"call", b"bob", b"carol"), None);
    }

    proptest! {
        /// Nobody guesses a mark.
        #[test]
        fn garbage_is_no_mark(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(marks(1).read_branch(&bytes), None);
            prop_assert_eq!(marks(1).read_route(&bytes, b"c", b"f", b"t"), None);
        }
    }
}
