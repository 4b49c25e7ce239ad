//! The house rules: arrows, purity, file sizes, licences.

#![allow(clippy::unwrap_used)]

mod architecture;
mod coverage;
mod licences;
mod mutate;
mod openapi;
mod openapi_claims;
mod openapi_dnc;
mod openapi_gate;
#[path = "../support/proto.rs"]
mod proto;
mod schema;
mod source_code;
