//! Numbers on the wire to parties in the log.

use crate::gate::{Dialed, Normalizer};
use crate::model::{E164, Party, Pii, mask};
use crate::vault::BlindIndex;

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
            display: Some(display).filter(|d| !d.is_empty()).map(|d| Pii::new(d.to_owned())),
            masked: mask(e164.map_or(raw, E164::as_str)),
            number_ref: self.refs.number_ref(key),
        }
    }
}
