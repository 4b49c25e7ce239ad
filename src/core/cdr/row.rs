//! One row of call records, in words that all PBXs share.

use crate::model::{Pii, Wall};

/// Which way a row says that its call went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// It does not say.
    #[default]
    Unsaid,
    /// A leg that the PBX dialled.
    Out,
    /// A call that came to the PBX.
    In,
}

/// A row.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Line in its file, from 1.
    pub line: u64,
    /// When the call or leg began.
    pub at: Wall,
    /// It was answered.
    pub answered: bool,
    /// From its begin to its end, in seconds.
    pub length_s: u32,
    /// What was dialled.
    pub dialed: Pii<String>,
    /// Who called: a number or a device.
    pub caller: Pii<String>,
    /// Dialplan context.
    pub context: String,
    /// Channel that the call came from: `PJSIP/1001-00000007`. Empty: not said.
    pub from_channel: String,
    /// Channel that was dialled. Empty: not said, or nothing was dialled.
    pub to_channel: String,
    /// What tells the dialled leg from all others; empty: nothing does.
    pub leg: String,
    /// The same for the leg that the call came from.
    pub from_leg: String,
    /// Ids by which the call may be known: of channels, of linked channels, SIP Call-IDs.
    pub ids: Vec<String>,
    /// Which way it went.
    pub way: Way,
}

impl Row {
    /// Something was dialled, as far as the row tells.
    pub(super) fn dials(&self) -> bool {
        !self.to_channel.is_empty() || !self.leg.is_empty() || self.way == Way::Out
    }
}

/// `PJSIP/carrier-0000001a` is a channel of the endpoint `PJSIP/carrier`; other forms are their own.
pub(super) fn endpoint(channel: &str) -> &str {
    let number = |tail: &str| tail.len() == 8 && tail.bytes().all(|b| b.is_ascii_hexdigit());
    match channel.rsplit_once('-') {
        Some((endpoint, tail)) if number(tail) => endpoint,
        _ => channel,
    }
}

/// A telephone of the house, by the name of its endpoint: digits alone.
pub(super) fn is_telephone(channel: &str) -> bool {
    let name = endpoint(channel).split_once('/').map_or("", |(_, name)| name);
    let name = name.rsplit('/').next().unwrap_or_default();
    let user = name.split('@').next().unwrap_or_default();
    !user.is_empty() && user.len() <= 6 && user.bytes().all(|b| b.is_ascii_digit())
}
