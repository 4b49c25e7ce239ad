//! Numbers on the wire to parties in the log.

use crate::gate::{Dialed, Normalizer};
use crate::model::{E164, Party, Pii, mask};
use crate::vault::BlindIndex;
use std::collections::HashMap;
use std::sync::Arc;

/// Numbers remembered by [`KnownParties`]; a full memory is emptied.
const KNOWN_MAX: usize = 4096;

/// Makes parties: normalises, masks and indexes numbers.
#[derive(Clone)]
pub struct PartyMaker {
    normalizer: Normalizer,
    refs: BlindIndex,
}

impl PartyMaker {
    /// `refs` decides what the references can be compared with.
    pub fn new(normalizer: Normalizer, refs: BlindIndex) -> Self {
        Self { normalizer, refs }
    }

    /// Reads a number.
    pub fn read(&self, raw: &str) -> Dialed {
        self.normalizer.read(raw)
    }

    /// A party from what stood on the wire.
    pub fn party(&self, raw: &str, display: &str) -> Party {
        self.with(raw, display, &self.read(raw))
    }

    /// The same when the number has been read already.
    pub fn with(&self, raw: &str, display: &str, dialed: &Dialed) -> Party {
        let e164 = match dialed {
            Dialed::Number(number) => Some(number),
            Dialed::Emergency(_) | Dialed::Internal(_) | Dialed::Short(_) | Dialed::Invalid(_) => {
                None
            }
        };
        let key = dialed.list_key().unwrap_or(raw);
        Party {
            e164: e164.cloned().map(Pii::new),
            raw: Pii::new(raw.to_owned()),
            display: display_name(display),
            masked: mask(e164.map_or(raw, E164::as_str)),
            number_ref: self.refs.number_ref(key),
        }
    }
}

fn display_name(display: &str) -> Option<Pii<String>> {
    Some(display).filter(|d| !d.is_empty()).map(|d| Pii::new(d.to_owned()))
}

/// Parties seen before: own numbers and extensions come again with every call, and reading a number
/// by the numbering plan costs more than the rest of its call's set-up.
#[derive(Default)]
pub(super) struct KnownParties(HashMap<String, Arc<Party>>);

impl KnownParties {
    /// What `maker` makes of it; shared while a number keeps its display name.
    pub(super) fn party(&mut self, maker: &PartyMaker, raw: &str, display: &str) -> Arc<Party> {
        if let Some(known) = self.0.get_mut(raw) {
            let shown = known.display.as_ref().map_or("", |d| d.reveal());
            if shown != display {
                Arc::make_mut(known).display = display_name(display);
            }
            return known.clone();
        }
        if self.0.len() >= KNOWN_MAX {
            self.0.clear();
        }
        let party = Arc::new(maker.party(raw, display));
        self.0.insert(raw.to_owned(), party.clone());
        party
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::gate::DialPlan;
    use crate::vault::Secret;

    #[test]
    fn a_known_party_is_the_one_that_was_made() {
        let refs = BlindIndex::new(&Secret::new([1; 32]));
        let maker = PartyMaker::new(Normalizer::new(DialPlan::default()).unwrap(), refs);
        let mut known = KnownParties::default();
        for display in ["", "Ann", "", "Bob"] {
            let party = known.party(&maker, "+8613800138000", display);
            assert_eq!(*party, maker.party("+8613800138000", display));
        }
        for n in 0..=KNOWN_MAX {
            known.party(&maker, &n.to_string(), "");
            assert!(known.0.len() <= KNOWN_MAX);
        }
    }
}
