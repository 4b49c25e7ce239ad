//! The house rules: arrows, purity, file sizes, licences.

#![allow(clippy::unwrap_used)]

mod architecture;
mod licences;
mod source_code;
