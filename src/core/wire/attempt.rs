//! What is known of calls out, and what is kept of those that count for caps.

use super::decode::{bad, non_empty, uuid};
use super::{DecodeError, View, pb};
use crate::model::{Attempt, CallId, CallTopic, DecisionId, NumberRef, Place, Wall};
use prost::Message;

/// The facts of a call in a view.
pub(super) fn topic_to_pb(facts: &CallTopic, view: View) -> pb::CallFacts {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    pb::CallFacts {
        subject: text(&facts.subject),
        case_id: text(&facts.case),
        campaign: text(&facts.campaign),
        customer: if view == View::Full { text(&facts.customer) } else { String::new() },
        seller: text(&facts.seller),
    }
}

/// The facts of a call as they came.
pub fn topic_from_pb(facts: pb::CallFacts) -> CallTopic {
    CallTopic {
        subject: non_empty(facts.subject),
        case: non_empty(facts.case_id),
        campaign: non_empty(facts.campaign),
        customer: non_empty(facts.customer),
        seller: non_empty(facts.seller),
    }
}

pub(super) fn place_to_stored(place: &Place) -> pb::StoredPlace {
    pb::StoredPlace {
        number: place.number.0.to_vec(),
        customer: place.customer.map(|key| key.0.to_vec()).unwrap_or_default(),
    }
}

pub(super) fn place(place: pb::StoredPlace) -> Result<Place, DecodeError> {
    let key = |field, bytes: &[u8]| {
        <[u8; 16]>::try_from(bytes).map(NumberRef).map_err(|_| bad(field, "not 16 bytes"))
    };
    let customer = Some(place.customer).filter(|bytes| !bytes.is_empty());
    Ok(Place {
        number: key("place.number", &place.number)?,
        customer: customer.map(|bytes| key("place.customer", &bytes)).transpose()?,
    })
}

/// What is kept of an attempt beside the journal; its id, answer and label stand elsewhere.
pub fn attempt_to_bytes(attempt: &Attempt) -> Vec<u8> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let stored = pb::StoredAttempt {
        call_id: attempt.call.map(|call| call.0.as_bytes().to_vec()).unwrap_or_default(),
        at_us: attempt.at.0,
        place: Some(place_to_stored(&attempt.place)),
        purpose: text(&attempt.purpose),
        subject: text(&attempt.topic.subject),
        seller: text(&attempt.topic.seller),
        campaign: text(&attempt.topic.campaign),
    };
    stored.encode_to_vec()
}

/// Reads what [`attempt_to_bytes`] wrote: an attempt that nobody answered and without a label.
///
/// # Errors
/// If the bytes are none.
pub fn attempt_from_bytes(decision: DecisionId, bytes: &[u8]) -> Result<Attempt, DecodeError> {
    let stored =
        pb::StoredAttempt::decode(bytes).map_err(|e| DecodeError::Protobuf(e.to_string()))?;
    let call = match stored.call_id.is_empty() {
        true => None,
        false => Some(CallId(uuid("attempt.call_id", &stored.call_id)?)),
    };
    Ok(Attempt {
        decision,
        call,
        at: Wall(stored.at_us),
        place: place(stored.place.ok_or_else(|| bad("attempt.place", "absent"))?)?,
        purpose: non_empty(stored.purpose),
        topic: CallTopic {
            subject: non_empty(stored.subject),
            seller: non_empty(stored.seller),
            campaign: non_empty(stored.campaign),
            case: None,
            customer: None,
        },
        answered: false,
        label: None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_attempt_comes_back_and_half_of_one_does_not() {
        let id = DecisionId(uuid::Uuid::from_u128(7));
        let attempt = Attempt {
            decision: id,
            call: Some(CallId(uuid::Uuid::from_u128(9))),
            at: Wall(-5),
            place: Place { number: NumberRef([1; 16]), customer: Some(NumberRef([2; 16])) },
            purpose: Some("sales".into()),
            topic: CallTopic {
                subject: Some("motor".into()),
                seller: Some("a".into()),
                campaign: Some("b".into()),
                ..CallTopic::default()
            },
            answered: false,
            label: None,
        };
        let bytes = attempt_to_bytes(&attempt);
        assert_eq!(attempt_from_bytes(id, &bytes).unwrap(), attempt);
        assert!(attempt_from_bytes(id, &[]).is_err(), "no place");
        let short = pb::StoredAttempt {
            place: Some(pb::StoredPlace { number: vec![1; 15], customer: Vec::new() }),
            ..pb::StoredAttempt::default()
        };
        assert!(attempt_from_bytes(id, &short.encode_to_vec()).is_err());
    }
}
