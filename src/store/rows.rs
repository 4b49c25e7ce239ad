//! Rows of `calls-YYYYMM`: a head in clear (no personal data), then the sealed entity.
//!
//! The entity is sealed as a journal frame of its one event, so there is one serialisation.

use super::StoreError;
use super::keyring::Keyring;
use super::mark::Cut;
use std::sync::Arc;
use trunkline_core::model::{
    Agent, Call, CallId, Command, Decision, DecisionId, DncEntry, Duty, Entity, Event, Line, Link,
    NumberRef, Party, Wall, uuid_instant,
};
use trunkline_core::vault::{BlindIndex, Day, KeyPurpose, OVERHEAD_BYTES, RecordContext};
use trunkline_core::wire::{journal_frame_from_bytes, journal_frame_to_bytes};

const VERSION: u8 = 2;

/// Version, instant, revision, two lengths, device and two numbers.
const ROW_HEAD_BYTES_MAX: usize = 1 + 8 + 8 + 2 + 16 + 32;

/// What a row says in clear, all of it bound into the seal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RowHead {
    pub(super) ts: Wall,
    pub(super) rev: u64,
    /// Blind reference of the device; empty or 16 bytes.
    pub(super) device: Vec<u8>,
    /// Blind references of the numbers, 16 bytes each.
    pub(super) phones: Vec<u8>,
}

/// Which kind of row: table name in the seal, key that seals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowKind {
    Rec,
    Decision,
    Dnc,
    Live,
    Attempt,
    Shadow,
    Claim,
}

impl RowKind {
    fn table(self) -> &'static str {
        match self {
            Self::Rec => "rec",
            Self::Decision => "decision",
            Self::Dnc => "dnc",
            Self::Live => "live",
            Self::Attempt => "attempt",
            Self::Shadow => "shadow",
            Self::Claim => "claim",
        }
    }

    fn key(self) -> KeyPurpose {
        match self {
            Self::Rec | Self::Decision | Self::Attempt | Self::Shadow => KeyPurpose::Rec,
            Self::Dnc | Self::Claim => KeyPurpose::Dnc,
            Self::Live => KeyPurpose::Checkpoint,
        }
    }
}

/// Seals and opens rows of one tenant.
pub(super) struct Rows<'a> {
    pub(super) keys: &'a Keyring,
    pub(super) tenant: &'a str,
}

impl Rows<'_> {
    /// Seals an event's entity as a row; `day` names the key.
    pub(super) fn seal(
        &self,
        kind: RowKind,
        id: &[u8],
        head: &RowHead,
        day: Day,
        event: &Event,
    ) -> Result<Vec<u8>, StoreError> {
        let one = std::slice::from_ref(event);
        let plain = zeroize::Zeroizing::new(journal_frame_to_bytes(one));
        self.seal_bytes(kind, id, head, day, &plain)
    }

    /// Seals what has a form of its own as a row.
    pub(super) fn seal_bytes(
        &self,
        kind: RowKind,
        id: &[u8],
        head: &RowHead,
        day: Day,
        plain: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let mut out = Vec::with_capacity(ROW_HEAD_BYTES_MAX + OVERHEAD_BYTES + plain.len());
        out.push(VERSION);
        out.extend_from_slice(&head.ts.0.to_be_bytes());
        out.extend_from_slice(&head.rev.to_be_bytes());
        // Lengths are 0, 16 or 32: see RowHead.
        out.push(u8::try_from(head.device.len()).unwrap_or(0));
        out.push(u8::try_from(head.phones.len()).unwrap_or(0));
        out.extend_from_slice(&head.device);
        out.extend_from_slice(&head.phones);
        self.keys.seal(kind.key(), day, &self.context(kind, id, head), plain, &mut out)?;
        Ok(out)
    }

    /// Opens a row.
    pub(super) fn open(
        &self,
        kind: RowKind,
        file: &str,
        id: &[u8],
        row: &[u8],
    ) -> Result<Event, StoreError> {
        let plain = self.open_bytes(kind, file, id, row)?;
        let events = journal_frame_from_bytes(&plain)
            .map_err(|source| StoreError::Decode { file: file.to_owned(), source })?;
        events.into_iter().next().ok_or(StoreError::row(file, "empty row"))
    }

    /// Opens a row of [`Rows::seal_bytes`].
    pub(super) fn open_bytes(
        &self,
        kind: RowKind,
        file: &str,
        id: &[u8],
        row: &[u8],
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, StoreError> {
        let (head, sealed) = row_head(row).ok_or(StoreError::row(file, "row head"))?;
        self.keys.unseal(file, &self.context(kind, id, &head), sealed)
    }

    fn context<'c>(&'c self, kind: RowKind, id: &'c [u8], head: &'c RowHead) -> RecordContext<'c> {
        RecordContext {
            tenant: self.tenant,
            table: kind.table(),
            record_id: id,
            rev: head.rev,
            ts: head.ts,
            agent: &head.device,
            phone_ix: &head.phones,
        }
    }
}

/// Reads the part in clear.
pub(super) fn row_head(row: &[u8]) -> Option<(RowHead, &[u8])> {
    let mut cut = Cut(row);
    if cut.u8()? != VERSION {
        return None;
    }
    let ts = Wall(i64::from_be_bytes(cut.array()?));
    let rev = cut.u64()?;
    let (device_len, phones_len) = (usize::from(cut.u8()?), usize::from(cut.u8()?));
    let (device, rest) = cut.0.split_at_checked(device_len)?;
    let (phones, sealed) = rest.split_at_checked(phones_len)?;
    Some((RowHead { ts, rev, device: device.to_vec(), phones: phones.to_vec() }, sealed))
}

/// The record of a call under its month's index.
pub(super) fn call_head(call: &Call, index: &BlindIndex) -> RowHead {
    let mut phones = Vec::with_capacity(32);
    for party in [&call.from, &call.to] {
        phones.extend_from_slice(&number_ref(index, party).0);
    }
    RowHead {
        ts: uuid_instant(call.id.0),
        rev: call.rev,
        device: index.device_ref(&call.device).to_vec(),
        phones,
    }
}

/// A decision under its month's index.
pub(super) fn decision_head(decision: &Decision, index: &BlindIndex) -> RowHead {
    RowHead {
        ts: uuid_instant(decision.id.0),
        rev: 0,
        device: index.device_ref(&decision.device).to_vec(),
        phones: number_ref(index, &decision.to).0.to_vec(),
    }
}

fn number_ref(index: &BlindIndex, party: &Party) -> NumberRef {
    match &party.e164 {
        Some(number) => index.number_ref(number.reveal().as_str()),
        None => index.number_ref(party.raw.reveal()),
    }
}

/// Key of an index row: reference, instant, id.
pub(super) fn index_key(reference: &[u8], ts: Wall, id: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(40);
    key.extend_from_slice(reference);
    key.extend_from_slice(&ordered(ts));
    key.extend_from_slice(id);
    key
}

/// Bytes that sort like the instant.
fn ordered(ts: Wall) -> [u8; 8] {
    (ts.0 ^ i64::MIN).to_be_bytes()
}

pub(super) fn call_of(event: Event) -> Option<Call> {
    match event.entity {
        Entity::Call(call) => Some(Arc::unwrap_or_clone(call)),
        _ => None,
    }
}

pub(super) fn decision_of(event: Event) -> Option<Decision> {
    match event.entity {
        Entity::Decision(decision) => Some(*decision),
        _ => None,
    }
}

pub(super) fn dnc_of(event: Event) -> Option<DncEntry> {
    match event.entity {
        Entity::Dnc(mut entries) => entries.pop(),
        _ => None,
    }
}

pub(super) fn line_of(event: Event) -> Option<Line> {
    match event.entity {
        Entity::Line(line) => Some(*line),
        _ => None,
    }
}

pub(super) fn agent_of(event: Event) -> Option<Agent> {
    match event.entity {
        Entity::Agent(agent) => Some(*agent),
        _ => None,
    }
}

pub(super) fn command_of(event: Event) -> Option<Command> {
    match event.entity {
        Entity::Command(command) => Some(*command),
        _ => None,
    }
}

pub(super) fn link_of(event: Event) -> Option<Link> {
    match event.entity {
        Entity::Link(link) => Some(*link),
        _ => None,
    }
}

pub(super) fn duty_of(event: Event) -> Option<Duty> {
    match event.entity {
        Entity::Duty(duty) => Some(*duty),
        _ => None,
    }
}

/// Day of the key that seals a call's record: that of its start, so that it dies with its month.
pub(super) fn call_day(id: CallId) -> Day {
    Day::of(uuid_instant(id.0))
}

/// The same for a decision.
pub(super) fn decision_day(id: DecisionId) -> Day {
    Day::of(uuid_instant(id.0))
}
