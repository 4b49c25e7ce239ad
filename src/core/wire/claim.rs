//! Claims on record, both ways.

use super::decode::{DecodeError, bad, call_id, named, non_empty, party, wall};
use super::encode::party_to_pb;
use super::{View, pb};
use crate::model::{ClaimEnd, ClaimEntry, Named};

pub(super) fn claims_to_pb(entries: &[ClaimEntry], view: View) -> pb::Claims {
    pb::Claims { entries: entries.iter().map(|entry| entry_to_pb(entry, view)).collect() }
}

/// What people wrote may name other people.
fn entry_to_pb(entry: &ClaimEntry, view: View) -> pb::ClaimEntry {
    let words = |text: &str| if view == View::Full { text.to_owned() } else { String::new() };
    pb::ClaimEntry {
        id: entry.id.to_string(),
        claim: entry.claim.name().to_owned(),
        scope: entry.scope.name().to_owned(),
        number: Some(party_to_pb(&entry.number, view)),
        purpose: entry.purpose.clone().unwrap_or_default(),
        case: words(entry.case.as_deref().unwrap_or_default()),
        until: entry.until.clone().unwrap_or_default(),
        call_id: entry.call.map(|id| id.to_string()).unwrap_or_default(),
        evidence: words(&entry.evidence),
        source: entry.source.clone(),
        given_at: Some(entry.given_at.into()),
        added_by: entry.added_by.clone(),
        withdrawn: entry.withdrawn.as_ref().map(|end| pb::ClaimEnd {
            at: Some(end.at.into()),
            by: end.by.clone(),
            reason: words(&end.reason),
        }),
    }
}

pub(super) fn claim(e: pb::ClaimEntry) -> Result<ClaimEntry, DecodeError> {
    let ended = |end: pb::ClaimEnd| {
        let at = wall("claim.withdrawn.at", end.at)?;
        Ok(ClaimEnd { at, by: end.by, reason: end.reason })
    };
    Ok(ClaimEntry {
        id: e.id.parse().map_err(|_| bad("claim.id", &e.id))?,
        claim: named("claim.claim", &e.claim)?,
        scope: named("claim.scope", &e.scope)?,
        number: party(e.number)?,
        purpose: non_empty(e.purpose),
        case: non_empty(e.case),
        until: non_empty(e.until),
        call: match e.call_id.as_str() {
            "" => None,
            id => Some(call_id("claim.call_id", id)?),
        },
        evidence: e.evidence,
        source: e.source,
        given_at: wall("claim.given_at", e.given_at)?,
        added_by: e.added_by,
        withdrawn: e.withdrawn.map(ended).transpose()?,
    })
}
