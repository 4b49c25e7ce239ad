//! R0: the words everything else is written in.

mod call;
mod event;
mod gate;
mod ids;
mod names;
mod number;
mod pii;
mod time;

pub use call::*;
pub use event::*;
pub use gate::*;
pub use ids::*;
pub use names::*;
pub use number::*;
pub use pii::*;
pub use time::*;
