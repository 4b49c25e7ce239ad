//! What we write into other people's messages and want to recognise, with a MAC (SipHash-2-4,
//! 64 bits): branches, Record-Route parameters and our own tags. None of it needs memory to be
//! read, so a restarted process still routes calls of the one before it.

use super::text::push_hex;
use super::{FlowId, PeerId};
use siphasher::sip::SipHasher24;
use std::hash::Hasher;

const MAGIC: &[u8] = b"z9hG4bK";
/// `z9hG4bK`, epoch (8 digits), kind, id (16), loop hash (8), MAC (16).
const BRANCH_LEN: usize = MAGIC.len() + 8 + 1 + 16 + 8 + 16;
/// Two peers (4 digits each) and the MAC (16); between them what few calls need.
const ROUTE_LEN: usize = 4 + 4 + 16;
/// Largest shift of CSeq numbers that a branch can tell.
pub const SHIFT_MAX: u8 = 3;

/// What stands behind a branch of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BranchKind {
    /// A client transaction; the id is its key. Its CSeq number is higher by `shift` (at most
    /// `SHIFT_MAX`) than that of the request it serves.
    Transaction {
        /// Challenges that were answered.
        shift: u8,
    },
    /// A request forwarded without memory: an ACK, or anything inside a dialog while the tables
    /// are full. The id is a hash, so that its retransmission gets the same branch.
    Stateless {
        /// As above.
        shift: u8,
    },
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

/// What our Record-Route parameter says of a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sides {
    /// Who called.
    pub caller: PeerId,
    /// Who was called.
    pub callee: PeerId,
    /// The callee's CSeq numbers of the caller's requests are higher by this.
    pub shift: u8,
    /// Connection that the caller's request came on.
    pub caller_flow: Option<FlowId>,
    /// Connection that the request had to leave on.
    pub callee_flow: Option<FlowId>,
}

/// Who talks to whom, from a Record-Route parameter of ours, turned so that `sender` sent the
/// message at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteMark {
    /// Sender's side.
    pub sender: PeerId,
    /// The other side.
    pub target: PeerId,
    /// Connection of the other side when the dialog began, if it was in this run of the process.
    pub flow: Option<FlowId>,
    /// Sent by the caller: what is added to CSeq numbers on the way to the callee.
    pub shift: u8,
}

/// What is hashed; keeps MACs of one use from being taken for another.
#[derive(Clone, Copy)]
enum Domain {
    Branch,
    Route,
    Tag,
    Key,
    Loop,
    Own,
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

    /// Unguessable text for a request of our own (Call-ID, tag, cnonce): another one for each
    /// number, use and run of the process.
    pub fn own_text(&self, what: &str, number: u64) -> String {
        let (epoch, number) = (self.epoch.to_be_bytes(), number.to_be_bytes());
        let half = |n: u8| self.hash(Domain::Own, &[what.as_bytes(), &epoch, &number, &[n]]);
        format!("{:016x}{:016x}", half(0), half(1))
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
            BranchKind::Transaction { shift } => b't' + shift.min(SHIFT_MAX),
            BranchKind::Stateless { shift } => b's' - shift.min(SHIFT_MAX),
        };
        push_hex(&mut out, self.epoch.into(), 8);
        out.push(letter);
        push_hex(&mut out, id, 16);
        push_hex(&mut out, loop_hash.into(), 8);
        let mac = self.hash(Domain::Branch, &[&out]);
        push_hex(&mut out, mac, 16);
        out
    }

    /// Reads a branch of ours; `None` for any other.
    pub fn read_branch(&self, branch: &[u8]) -> Option<Branch> {
        if branch.len() != BRANCH_LEN || !branch.starts_with(MAGIC) {
            return None;
        }
        let (body, mac) = branch.split_at(BRANCH_LEN - 16);
        let kind = match body[15] {
            letter @ b't'..=b'w' => BranchKind::Transaction { shift: letter - b't' },
            letter @ b'p'..=b's' => BranchKind::Stateless { shift: b's' - letter },
            _ => return None,
        };
        let epoch = hex(&body[7..15])? as u32;
        let (id, loop_hash) = (hex(&body[16..32])?, hex(&body[32..40])? as u32);
        let ours = hex(mac)? == self.hash(Domain::Branch, &[body]);
        ours.then_some(Branch { epoch, kind, id, loop_hash })
    }

    fn route_mac(&self, sides: &[u8], call_id: &[u8], caller_tag: &[u8]) -> u64 {
        self.hash(Domain::Route, &[sides, call_id, caller_tag])
    }

    /// Value of our Record-Route parameter. The MAC binds it to the Call-ID and the caller's tag:
    /// it cannot be carried into another call, and it tells later which side a message comes from.
    pub fn route(&self, sides: &Sides, call_id: &[u8], caller_tag: &[u8]) -> Vec<u8> {
        let mut text = Vec::with_capacity(ROUTE_LEN);
        push_hex(&mut text, sides.caller.0.into(), 4);
        push_hex(&mut text, sides.callee.0.into(), 4);
        if sides.shift > 0 {
            text.extend_from_slice(format!("s{:x}", sides.shift).as_bytes());
        }
        let flows = [('u', sides.caller_flow), ('w', sides.callee_flow)];
        for (letter, flow) in flows {
            if let Some(FlowId(number)) = flow {
                text.extend_from_slice(format!("{letter}{number:x}").as_bytes());
            }
        }
        if sides.caller_flow.is_some() || sides.callee_flow.is_some() {
            // Numbers of connections mean nothing to another run.
            text.extend_from_slice(format!("x{:x}", self.epoch).as_bytes());
        }
        let mac = self.route_mac(&text, call_id, caller_tag);
        push_hex(&mut text, mac, 16);
        text
    }

    /// Reads our Record-Route parameter in a message with these ids.
    pub fn read_route(
        &self,
        value: &[u8],
        call_id: &[u8],
        from_tag: &[u8],
        to_tag: &[u8],
    ) -> Option<RouteMark> {
        let (text, mac) = value.split_at_checked(value.len().checked_sub(16)?)?;
        let mac = hex(mac)?;
        if value.len() < ROUTE_LEN {
            return None;
        }
        let by_caller = self.route_mac(text, call_id, from_tag) == mac;
        if !by_caller && self.route_mac(text, call_id, to_tag) != mac {
            return None;
        }
        let sides = self.read_sides(text)?;
        Some(match by_caller {
            true => RouteMark {
                sender: sides.caller,
                target: sides.callee,
                flow: sides.callee_flow,
                shift: sides.shift,
            },
            false => RouteMark {
                sender: sides.callee,
                target: sides.caller,
                flow: sides.caller_flow,
                shift: 0,
            },
        })
    }

    /// `text` has a MAC of ours.
    fn read_sides(&self, text: &[u8]) -> Option<Sides> {
        let (peers, mut rest) = text.split_at_checked(8)?;
        let (caller, callee) = (hex(&peers[..4])? as u16, hex(&peers[4..])? as u16);
        let (mut shift, mut flows, mut epoch) = (0, [None, None], None);
        while let Some((letter, after)) = rest.split_first() {
            let end = after.iter().position(|b| !b.is_ascii_hexdigit()).unwrap_or(after.len());
            let number = hex(&after[..end])?;
            match letter {
                b's' => shift = u8::try_from(number).ok().filter(|s| *s <= SHIFT_MAX)?,
                b'u' => flows[0] = Some(FlowId(number)),
                b'w' => flows[1] = Some(FlowId(number)),
                b'x' => epoch = Some(number),
                _ => return None,
            }
            rest = &after[end..];
        }
        let flows = if epoch == Some(u64::from(self.epoch)) { flows } else { [None, None] };
        let [caller_flow, callee_flow] = flows;
        let (caller, callee) = (PeerId(caller), PeerId(callee));
        Some(Sides { caller, callee, shift, caller_flow, callee_flow })
    }

    /// To tag of a final answer of ours: the same for each copy of a request, and recognised in
    /// its ACK without memory (RFC 3261 §8.2.7).
    pub fn tag(&self, call_id: &[u8], from_tag: &[u8], cseq: u32) -> String {
        format!("tl{:016x}", self.hash(Domain::Tag, &[call_id, from_tag, &cseq.to_be_bytes()]))
    }
}

fn hex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |n, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            b'A'..=b'F' => digit - b'A' + 10,
            _ => return None,
        };
        Some(n << 4 | u64::from(value))
    })
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
        let branch =
            marks(7).branch(BranchKind::Transaction { shift: 2 }, u64::MAX - 5, 0xdead_beef);
        let read = marks(8).read_branch(&branch).unwrap();
        assert_eq!((read.epoch, read.id, read.loop_hash), (7, u64::MAX - 5, 0xdead_beef));
        assert_eq!(read.kind, BranchKind::Transaction { shift: 2 });
        for shift in 0..=SHIFT_MAX {
            for kind in [BranchKind::Transaction { shift }, BranchKind::Stateless { shift }] {
                let branch = marks(7).branch(kind, 1, 2);
                assert_eq!(marks(7).read_branch(&branch).map(|b| b.kind), Some(kind));
            }
        }
        for i in 0..branch.len() {
            let mut forged = branch.clone();
            forged[i] = if forged[i] == b'0' { b'1' } else { b'0' };
            assert_eq!(marks(7).read_branch(&forged), None, "byte {i}");
        }
        assert_eq!(Marks::new(b"another secret!!", 7).read_branch(&branch), None);
    }

    #[test]
    fn a_route_mark_knows_the_direction_and_its_call() {
        let value = marks(1).route(&sides(0, None, None), b"call", b"alice");
        assert_eq!(value.len(), ROUTE_LEN);
        let read = |call: &[u8], from: &[u8], to: &[u8]| {
            marks(9).read_route(&value, call, from, to).map(|m| (m.sender.0, m.target.0))
        };
        assert_eq!(read(b"call", b"alice", b"bob"), Some((1, 0xffff)));
        assert_eq!(read(b"call", b"bob", b"alice"), Some((0xffff, 1)));
        assert_eq!(read(b"other", b"alice", b"bob"), None);
        assert_eq!(read(b"call", b"bob", b"carol"), None);
    }

    fn sides(shift: u8, caller_flow: Option<u64>, callee_flow: Option<u64>) -> Sides {
        Sides {
            caller: PeerId(1),
            callee: PeerId(0xffff),
            shift,
            caller_flow: caller_flow.map(FlowId),
            callee_flow: callee_flow.map(FlowId),
        }
    }

    #[test]
    fn a_route_mark_carries_shift_and_connections_of_its_own_run_only() {
        for (shift, up, down) in
            [(0, None, None), (3, None, None), (1, Some(7), None), (2, Some(u64::MAX), Some(0))]
        {
            let value = marks(5).route(&sides(shift, up, down), b"call", b"alice");
            let read = |epoch: u32, from: &[u8], to: &[u8]| {
                let mark = marks(epoch).read_route(&value, b"call", from, to).unwrap();
                (mark.target.0, mark.shift, mark.flow.map(|f| f.0))
            };
            assert_eq!(read(5, b"alice", b"bob"), (0xffff, shift, down), "{value:?}");
            assert_eq!(read(5, b"bob", b"alice"), (1, 0, up));
            assert_eq!(read(6, b"alice", b"bob"), (0xffff, shift, None), "another run");
            for i in 0..value.len() {
                let mut forged = value.clone();
                forged[i] = if forged[i] == b'1' { b'2' } else { b'1' };
                assert_eq!(marks(5).read_route(&forged, b"call", b"alice", b"bob"), None);
            }
        }
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
