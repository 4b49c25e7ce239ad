//! Control links, both ways. There is no personal data in them: every view is the same.

use super::decode::{DecodeError, named, wall};
use super::encode::to_u32;
use super::pb;
use crate::model::{Link, Named, Wall};

/// A control link.
pub fn link_to_pb(link: &Link) -> pb::Link {
    pb::Link {
        id: link.id.clone(),
        rev: to_u32(link.rev),
        pbx: link.pbx.clone(),
        kind: link.kind.name().to_owned(),
        state: link.state.name().to_owned(),
        since: Some(link.since.into()),
        reason: link.reason.clone(),
        next_try_at: link.next_try_at.map(Into::into),
        version: link.version.clone(),
        instance: link.instance.clone(),
        lost: to_u32(link.lost),
        clock_skew_ms: link.clock_skew_ms,
        warning: link.warning.clone(),
    }
}

pub(super) fn link(l: pb::Link) -> Result<Link, DecodeError> {
    Ok(Link {
        id: l.id,
        rev: l.rev.into(),
        pbx: l.pbx,
        kind: named("link.kind", &l.kind)?,
        state: named("link.state", &l.state)?,
        since: wall("link.since", l.since)?,
        reason: l.reason,
        next_try_at: l.next_try_at.map(Wall::from),
        version: l.version,
        instance: l.instance,
        lost: l.lost.into(),
        clock_skew_ms: l.clock_skew_ms,
        warning: l.warning,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::{Detail, Entity, Event, EventKind, LinkKind, LinkState, Pos};
    use crate::wire::{View, event_to_json, journal_frame_from_bytes, journal_frame_to_bytes};

    #[test]
    fn what_the_journal_says_of_links_is_read_back_whole() {
        let link = Link {
            id: "asterisk/ami".into(),
            rev: 7,
            pbx: "asterisk".into(),
            kind: LinkKind::Ami,
            state: LinkState::Refused,
            since: Wall(1_763_863_200_000_001),
            reason: "Authentication failed".into(),
            next_try_at: Some(Wall(1_763_863_260_000_000)),
            version: "Asterisk 22.10.0".into(),
            instance: "2025-11-23T02:00:00Z".into(),
            lost: 3,
            clock_skew_ms: Some(-12),
            warning: "timestampevents is off".into(),
        };
        let event = Event {
            pos: Pos(1),
            ts: Wall(1_763_863_200_000_001),
            kind: EventKind::LinkStateChanged,
            entity: Entity::Link(Box::new(link)),
            detail: Detail::default(),
        };
        let events = vec![event];
        let read = journal_frame_from_bytes(&journal_frame_to_bytes(&events)).unwrap();
        assert_eq!(read, events);
        let json = event_to_json(&events[0], View::Masked);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["k"], "link.state_changed");
        assert_eq!(json["o"]["state"], "refused");
        assert_eq!(json["o"]["clock_skew_ms"], -12);
    }
}
