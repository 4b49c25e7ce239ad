//! R0: the words everything else is written in.

mod action;
mod agent;
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
mod overriding;
mod own_keys;
mod pii;
mod signalling;
mod time;

pub use action::*;
pub use agent::*;
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
pub use overriding::*;
pub use own_keys::*;
pub use pii::*;
pub use signalling::*;
pub use time::*;
