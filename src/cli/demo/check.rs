//! Compares what the desk was told with what carrier and phones saw on the wire.

use super::{account::Tally, procs::Who};
use crate::sim::ua::Report;

/// What the SIP peers saw.
#[derive(Clone, Debug, Default)]
pub(super) struct Wire {
    /// INVITEs that reached the carrier.
    pub carrier_invites: u64,
    /// Names of private headers that reached the carrier.
    pub leaked: Vec<String>,
    /// Calls that came up at the phones, in either direction.
    pub phones_answered: u64,
    /// INVITEs that reached the phones.
    pub phones_invites: u64,
    /// 403s that the phones got.
    pub phones_refused: u64,
    /// Things that should not happen.
    pub troubles: Vec<String>,
}

impl Wire {
    pub fn saw(&mut self, who: Who, report: &Report) {
        match (who, report) {
            (Who::Carrier, Report::Incoming { extensions, .. }) => {
                self.carrier_invites += 1;
                self.leaked.extend(extensions.iter().cloned());
            }
            (Who::Phones, Report::Incoming { .. }) => self.phones_invites += 1,
            (Who::Phones, Report::Answered { .. }) => self.phones_answered += 1,
            (Who::Phones, Report::Failed { status: 403, .. }) => self.phones_refused += 1,
            (Who::Carrier | Who::Phones, Report::Trouble { text }) => {
                self.troubles.push(format!("{who:?}: {text}"));
            }
            _ => {} // what the counts do not need
        }
    }
}

/// One comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub good: bool,
    pub text: String,
}

/// What the desks noticed about their own stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Desks {
    pub gaps: u64,
    /// Frames of the agent's desk that showed a full number.
    pub numbers_shown: u64,
    pub agent_events: u64,
    pub resumed: u64,
}

/// All comparisons; the account is trusted only where they are good.
pub(super) fn findings(tally: &Tally, wire: &Wire, desks: Desks) -> Vec<Finding> {
    let pair = |what: &str, desk: u64, seen: u64| {
        let text = format!("{what}: desk {desk}, wire {seen}");
        Finding { good: desk == seen, text }
    };
    let none =
        |what: &str, count: usize| Finding { good: count == 0, text: format!("{what}: {count}") };
    let let_out = tally.allowed + tally.exempt;
    let answered = tally.inbound_answered + tally.outbound_answered;
    let mut all = vec![
        pair("calls let out = INVITEs that reached the carrier", let_out, wire.carrier_invites),
        pair("calls refused = 403s that the phones got", tally.refusals(), wire.phones_refused),
        pair("calls in = INVITEs that reached the phones", tally.inbound, wire.phones_invites),
        pair("calls answered = calls that came up", answered, wire.phones_answered),
        none("private headers that reached the carrier", wire.leaked.len()),
        none("gaps in the event streams of the desks", count(desks.gaps)),
        none("full numbers shown to the agent", count(desks.numbers_shown)),
    ];
    all.extend(wire.troubles.iter().map(|text| Finding { good: false, text: text.clone() }));
    all
}

fn count(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_left_without_the_desk_knowing_is_found() {
        let tally = Tally { allowed: 2, ..Tally::default() };
        let mut wire = Wire::default();
        let incoming = |extensions| Report::Incoming {
            id: String::new(),
            from: String::new(),
            to: String::new(),
            call_id: String::new(),
            extensions,
        };
        wire.saw(Who::Carrier, &incoming(vec![]));
        wire.saw(Who::Carrier, &incoming(vec![]));
        assert!(findings(&tally, &wire, Desks::default()).iter().all(|f| f.good));
        wire.saw(Who::Carrier, &incoming(vec!["X-Trunkline-Purpose".to_owned()]));
        let bad: Vec<_> =
            findings(&tally, &wire, Desks::default()).into_iter().filter(|f| !f.good).collect();
        assert_eq!(bad.len(), 2, "{bad:?}");
    }
}
