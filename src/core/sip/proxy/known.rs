//! What a PBX knows of a call out, from the headers of its INVITE.

use crate::model::{CallTopic, FACT_BYTES_MAX};
use crate::sip::FACT_HEADERS;
use crate::sip::message::Message;

/// `None`: nothing. A value that is too long is not read: what is not known never allows more.
pub(super) fn call_facts(message: &Message<'_>) -> Option<Box<CallTopic>> {
    let value = |label: &str| {
        let bytes = message.labelled(label).filter(|v| (1..=FACT_BYTES_MAX).contains(&v.len()))?;
        let text = std::str::from_utf8(bytes).ok()?.trim();
        let fits = !text.is_empty() && !text.contains(|c: char| c.is_control());
        fits.then(|| text.to_owned())
    };
    let [subject, case, campaign, customer, seller] = FACT_HEADERS.map(value);
    let facts = CallTopic { subject, case, campaign, customer, seller };
    (facts != CallTopic::default()).then(|| Box::new(facts))
}
