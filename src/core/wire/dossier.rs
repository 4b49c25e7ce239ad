//! What people add to a call and what desktops are to show, both ways.

use super::decode::{DecodeError, coded, coded_opt};
use super::encode::View;
use super::pb;
use super::proto_writer::ProtoWriter;
use super::stored::{code, code_of};
use crate::model::{
    Call, CallLabel, Dossier, Factor, IdentityLevel, Named as _, Pop, PromptKind, Wall,
};
use std::collections::BTreeMap;

/// What stands in the place of a value that a view does not show.
const MASK: &str = "***";

/// Attached values as a view shows them, and the keys of those that it does not.
pub(super) fn data_to_pb(call: &Call, view: View) -> (BTreeMap<String, String>, Vec<String>) {
    let hidden = |key: &str| view == View::Masked && call.is_masked(key);
    let shown = |key: &str, value: &str| if hidden(key) { MASK } else { value }.to_owned();
    let data = call.data.iter().map(|(k, v)| (k.clone(), shown(k, v.reveal()))).collect();
    (data, call.data.keys().filter(|key| hidden(key)).cloned().collect())
}

/// Empty for a call of which nobody has recorded anything.
pub(super) fn identity_name(call: &Call) -> String {
    let level = call.identity();
    let level = Some(level).filter(|level| *level != IdentityLevel::None);
    level.map(|level| level.name().to_owned()).unwrap_or_default()
}

pub(super) fn factors_to_pb(call: &Call) -> Vec<pb::IdentityFactor> {
    let factors = call.dossier.iter().flat_map(|dossier| &dossier.factors);
    let factor = |f: &Factor| pb::IdentityFactor {
        kind: f.kind.to_string(),
        by_number: f.by_number,
        by: f.by.to_string(),
        at: Some(f.at.into()),
    };
    factors.map(factor).collect()
}

pub(super) fn label_to_pb(call: &Call) -> Option<pb::Label> {
    let label = call.dossier.as_ref()?.label.as_ref()?;
    let (name, by) = (label.name.to_string(), label.by.to_string());
    Some(pb::Label { name, by, at: Some(label.at.into()) })
}

pub(super) fn pop_to_pb(pop: &Pop) -> pb::Pop {
    let (prompt, text) = match &pop.prompt {
        Some((kind, text)) => (kind.name(), &**text),
        None => ("", ""),
    };
    pb::Pop {
        window: pop.window.name().to_owned(),
        opening: pop.opening.to_string(),
        prompt: prompt.to_owned(),
        prompt_text: text.to_owned(),
    }
}

pub(super) fn write_dossier(out: &mut ProtoWriter<'_>, dossier: &Dossier) {
    for factor in &dossier.factors {
        out.message(38, |out| {
            out.bytes(1, factor.kind.as_bytes());
            out.number(2, factor.by_number.into());
            out.bytes(3, factor.by.as_bytes());
            out.signed(4, factor.at.0);
        });
    }
    if let Some(label) = &dossier.label {
        out.message(39, |out| {
            out.bytes(1, label.name.as_bytes());
            out.bytes(2, label.by.as_bytes());
            out.signed(3, label.at.0);
        });
    }
    for key in &dossier.sensitive {
        out.present_bytes(40, key.as_bytes());
    }
}

pub(super) fn write_pop(out: &mut ProtoWriter<'_>, pop: &Pop) {
    out.number(1, code(pop.window));
    out.bytes(2, pop.opening.as_bytes());
    out.number(3, code_of(pop.prompt.as_ref().map(|(kind, _)| *kind)));
    if let Some((_, text)) = &pop.prompt {
        out.bytes(4, text.as_bytes());
    }
}

/// Takes its part out of a stored call.
pub(super) fn dossier(c: &mut pb::StoredCall) -> Option<Box<Dossier>> {
    let factor = |f: pb::StoredFactor| Factor {
        kind: f.kind.into(),
        by_number: f.by_number,
        by: f.by.into(),
        at: Wall(f.at_us),
    };
    let label =
        |l: pb::StoredLabel| CallLabel { name: l.name.into(), by: l.by.into(), at: Wall(l.at_us) };
    let dossier = Dossier {
        factors: std::mem::take(&mut c.factors).into_iter().map(factor).collect(),
        sensitive: std::mem::take(&mut c.sensitive).into_iter().map(Into::into).collect(),
        label: c.label.take().map(label),
    };
    (!dossier.is_empty()).then(|| Box::new(dossier))
}

pub(super) fn pop(p: pb::StoredPop) -> Result<Box<Pop>, DecodeError> {
    let kind: Option<PromptKind> = coded_opt("pop.prompt", p.prompt)?;
    Ok(Box::new(Pop {
        window: coded("pop.window", p.window)?,
        opening: p.opening.into(),
        prompt: kind.map(|kind| (kind, p.prompt_text.into())),
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::{
        CallId, Detail, Dialog, Direction, Entity, Event, EventKind, Moment, Now, NumberRef,
        Origin, Party, Pii, PopWindow, Pos, Waiver,
    };
    use crate::wire::{event_to_json, journal_frame_from_bytes, journal_frame_to_bytes};
    use std::sync::Arc;
    use uuid::Uuid;

    fn call(kinds: &[&str]) -> Call {
        let party = Arc::new(Party {
            e164: None,
            raw: Pii::new("100".into()),
            display: None,
            masked: "100".into(),
            number_ref: NumberRef([0; 16]),
        });
        let origin = Origin {
            id: CallId(Uuid::from_u128(1)),
            tenant: "t".into(),
            site: "s".into(),
            direction: Direction::Inbound,
            purpose: None,
            from: party.clone(),
            to: party.clone(),
            dialed: party,
            device: "100".into(),
            thread_id: CallId(Uuid::from_u128(1)),
            parent_id: None,
            signalling: None,
            started: Moment::own(Now::default()),
        };
        let factor = |kind: &&str| Factor {
            kind: (*kind).into(),
            by_number: *kind == "ani",
            by: "alice".into(),
            at: Wall(5),
        };
        let dossier = Dossier {
            factors: kinds.iter().map(factor).collect(),
            sensitive: ["policy".into(), "absent".into()].into(),
            label: Some(CallLabel { name: "有效".into(), by: "alice".into(), at: Wall(6) }),
        };
        let mut call = Call::begun(origin, "main".into(), Dialog::default(), Vec::new());
        call.data.insert("policy".into(), Pii::new("P-1".into()));
        call.data.insert("city".into(), Pii::new("X".into()));
        call.dossier = Some(Box::new(dossier));
        call
    }

    fn event(kinds: &[&str]) -> Event {
        let waiver = Waiver { by: "boss".into(), reason: "hurry".into() };
        let detail = Detail {
            confirm_by: vec!["bob".into()],
            waiver: Some(Box::new(waiver)),
            ..Detail::default()
        };
        Event {
            pos: Pos(1),
            ts: Wall(7),
            kind: EventKind::CallIdentified,
            entity: Entity::Call(Arc::new(call(kinds))),
            detail,
        }
    }

    #[test]
    fn what_the_journal_says_of_people_is_read_back_whole() {
        let events = vec![event(&["ani", "birth_date"]), event(&[])];
        let read = journal_frame_from_bytes(&journal_frame_to_bytes(&events)).unwrap();
        assert_eq!(read, events);
        let pop = Pop {
            window: PopWindow::Secondary,
            opening: "hello".into(),
            prompt: Some((PromptKind::ApologyFault, "sorry".into())),
        };
        let mut bytes = Vec::new();
        write_pop(&mut ProtoWriter::new(&mut bytes), &pop);
        let stored = prost::Message::decode(bytes.as_slice()).unwrap();
        assert_eq!(*super::pop(stored).unwrap(), pop);
    }

    #[test]
    fn a_sensitive_value_is_masked_for_agents_until_two_factors_are_known() {
        for (kinds, view, shown) in [
            (&[][..], View::Masked, "***"),
            (&["ani"], View::Masked, "***"),
            (&["ani", "birth_date"], View::Masked, "P-1"),
            (&[], View::Full, "P-1"),
        ] {
            let json = event_to_json(&event(kinds), view);
            let json: serde_json::Value = serde_json::from_str(&json).unwrap();
            let data = &json["o"]["data"];
            assert_eq!((&data["policy"], &data["city"]), (&shown.into(), &"X".into()), "{kinds:?}");
            let masked = json["o"]["masked_data"].as_array().map_or(0, Vec::len);
            assert_eq!(masked == 1, shown == "***", "{kinds:?}");
            assert_eq!(json["o"]["label"]["name"], "有效");
            assert_eq!(json["d"]["confirm_by"][0], "bob");
            assert_eq!(json["d"]["waived_by"], "boss");
        }
    }
}
