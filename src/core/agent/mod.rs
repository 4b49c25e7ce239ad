//! R2: agents: who is at work, and may a call be given to them now.
//!
//! One machine an agent. What the agent has said (logged out, not ready, ready) is kept apart from
//! what holds them now (a call that rings, a call, work after a call, a lost link); the state that
//! others see is made of both, and what was said in the meantime holds when the hold is over.
//! docs/agents.md has the table. Nothing here knows calls or PBXs: the engine brings what happens
//! at the agent's device and does what [`Wish`] asks for.

mod input;
mod machine;
mod restore;
mod settings;
mod telling;
#[cfg(test)]
mod tests;

pub use input::{AgentFact, AgentInput, AgentRefusal, Left, MemberView};
pub use machine::{AgentMachine, Wish};
pub use settings::{AfterCall, AgentPolicy, NoAnswer};
