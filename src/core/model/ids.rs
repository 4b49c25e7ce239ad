//! Identifiers. All are made from time and a seed that come in as arguments.

use super::{Dice, Now, Wall};
use std::fmt;
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(s).map(Self)
            }
        }
    };
}

uuid_id!(
    /// A call, ours: UUIDv7. SIP's header is `SipCallId`.
    CallId
);
uuid_id!(
    /// A gate decision: UUIDv7.
    DecisionId
);

uuid_id!(
    /// A duty: UUIDv7.
    DutyId
);

uuid_id!(
    /// An override: UUIDv7.
    OverrideId
);

uuid_id!(
    /// A claim on record: UUIDv7.
    ClaimId
);

uuid_id!(
    /// A command: the UUID of the client that gave it.
    CommandId
);

/// Makes UUIDv7 values from the clock it is shown and a seed. Ids need to be distinct, not secret.
#[derive(Clone, Debug)]
pub struct IdSource {
    dice: Dice,
}

impl IdSource {
    /// `seed` must be random: ids of two processes must differ.
    pub fn new(seed: u64) -> Self {
        Self { dice: Dice::new(seed) }
    }

    /// The next UUIDv7 (RFC 9562 §5.7).
    pub fn uuid(&mut self, now: Now) -> Uuid {
        let ms = u64::try_from(now.wall.0 / 1000).unwrap_or(0);
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.dice.throw().to_be_bytes());
        random[8..].copy_from_slice(&self.dice.throw().to_be_bytes()[..2]);
        uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid()
    }

    /// The next call id.
    pub fn call(&mut self, now: Now) -> CallId {
        CallId(self.uuid(now))
    }

    /// The next duty id.
    pub fn duty(&mut self, now: Now) -> DutyId {
        DutyId(self.uuid(now))
    }

    /// The next decision id.
    pub fn decision(&mut self, now: Now) -> DecisionId {
        DecisionId(self.uuid(now))
    }
}

/// The instant inside a UUIDv7, to the millisecond.
pub fn uuid_instant(id: Uuid) -> Wall {
    let (high, _) = id.as_u64_pair();
    Wall(i64::try_from(high >> 16).unwrap_or(0).saturating_mul(1000))
}

/// Position in the site's log; the first event is 1, 0 is "before everything".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pos(pub u64);

impl Pos {
    /// The position after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Pos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Incarnation of the log: changes when positions may have been lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(pub Uuid);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A leg of a call; unique in its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegId(pub u8);

impl fmt::Display for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Blind index of a telephone number: equal numbers have equal refs under one key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NumberRef(pub [u8; 16]);

impl fmt::Display for NumberRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for NumberRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl NumberRef {
    /// Reads 32 hex digits.
    pub fn parse(hex: &str) -> Option<Self> {
        if hex.len() != 32 || !hex.is_ascii() {
            return None;
        }
        let mut out = [0; 16];
        for (i, byte) in out.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).ok()?;
        }
        Some(Self(out))
    }
}
