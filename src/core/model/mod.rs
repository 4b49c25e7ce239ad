//! R0: the words everything else is written in.

mod action;
mod agent;
mod attempt;
mod call;
mod command;
mod dice;
mod dossier;
mod event;
mod gate;
mod ids;
mod line;
mod link;
mod names;
mod number;
mod own_keys;
mod pii;
mod signalling;
mod time;

pub use action::*;
pub use agent::*;
pub use attempt::*;
pub use call::*;
pub use command::*;
pub use dice::*;
pub use dossier::*;
pub use event::*;
pub use gate::*;
pub use ids::*;
pub use line::*;
pub use link::*;
pub use names::*;
pub use number::*;
pub use own_keys::*;
pub use pii::*;
pub use signalling::*;
pub use time::*;
