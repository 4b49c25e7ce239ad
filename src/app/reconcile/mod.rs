//! A PBX's call records held against the calls and decisions of this site.
//!
//! What the PBX dialled and nobody decided went past the gate: it is judged now, as of its instant.

mod ask;
mod daily;
mod files;
mod known;
mod report;
mod told;
mod work;

pub(super) use daily::{Daily, Figures};
use files::{hashed, of_day};
pub use work::{Place, reconcile_command};
