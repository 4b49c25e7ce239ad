//! The do-not-call list and the registers beside it, as commands and the HTTP API change them.

mod claims;
mod entries;
mod removal;
mod service;
mod upload;

pub(super) use claims::{Recorder, claim_json};
pub(super) use service::{Lists, restored};
