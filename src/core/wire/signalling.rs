//! Claims of an INVITE, to desks and to what is stored, and back.

use super::decode::{DecodeError, coded_opt, stored_party};
use super::encode::party_to_pb;
use super::proto_writer::ProtoWriter;
use super::stored::{code_of, write_party};
use super::{View, pb};
use crate::model::{Named, Pii, Signalling};

pub(super) fn signalling_to_pb(said: &Signalling, view: View) -> pb::Signalling {
    let user_to_user = said.user_to_user.as_ref().filter(|_| view == View::Full);
    pb::Signalling {
        diverted_from: said.diverted_from.as_ref().map(|p| party_to_pb(p, view)),
        diversion_reason: said.diversion_reason.clone().unwrap_or_default(),
        user_to_user: user_to_user.map(|u| u.reveal().clone()).unwrap_or_default(),
        session_id: said.session_id.clone().unwrap_or_default(),
        attest: said.attest.map(|a| a.name().to_owned()).unwrap_or_default(),
        private: said.private,
    }
}

pub(super) fn write_signalling(out: &mut ProtoWriter<'_>, said: &Signalling) {
    if let Some(party) = &said.diverted_from {
        out.message(1, |out| write_party(out, party));
    }
    let texts = [
        (2, said.diversion_reason.as_ref()),
        (3, said.user_to_user.as_ref().map(Pii::reveal)),
        (4, said.session_id.as_ref()),
    ];
    for (tag, text) in texts {
        if let Some(text) = text {
            out.present_bytes(tag, text.as_bytes());
        }
    }
    out.number(5, code_of(said.attest));
    out.number(6, said.private.into());
}

pub(super) fn signalling(said: pb::StoredSignalling) -> Result<Signalling, DecodeError> {
    let from = said.diverted_from;
    Ok(Signalling {
        diverted_from: from.map(|p| stored_party(Some(p))).transpose()?,
        diversion_reason: said.diversion_reason,
        user_to_user: said.user_to_user.map(Pii::new),
        session_id: said.session_id,
        attest: coded_opt("signalling.attest", said.attest)?,
        private: said.private,
    })
}
