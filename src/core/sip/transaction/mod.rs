//! The four state machines of RFC 3261 §17 with the Accepted states of RFC 6026, over UDP, as
//! tables: a pair of state and input that stands in none is ignored.

mod invite_client;
mod invite_server;
mod other_client;
mod other_server;

pub use invite_client::{InviteClient, InviteClientAct, InviteClientInput};
pub use invite_server::{InviteServer, InviteServerAct, InviteServerInput};
pub use other_client::{OtherClient, OtherClientAct, OtherClientInput};
pub use other_server::{OtherServer, OtherServerAct, OtherServerInput};

/// A state machine as rows of (state, input, next state, what to do).
macro_rules! machine {
    (
        $(#[$doc:meta])*
        $state:ident { $($s:ident),* } $input:ident { $($i:ident),* } $act:ident { $($a:ident),* }
        $($from:ident + $on:ident => $to:ident : $do:ident;)*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum $state { $($s),* }

        /// What can happen to it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum $input { $($i),* }

        /// What is to be done then.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum $act { $($a),* }

        impl $state {
            /// The next state and what to do; `None`: the input is ignored.
            pub fn step(self, input: $input) -> Option<(Self, $act)> {
                match (self, input) {
                    $((Self::$from, $input::$on) => Some((Self::$to, $act::$do)),)*
                    _ => None,
                }
            }

            #[cfg(test)]
            fn table() -> String {
                let mut out = String::new();
                for state in [$(Self::$s),*] {
                    for input in [$($input::$i),*] {
                        if let Some((next, act)) = state.step(input) {
                            out += &format!("{state:?} + {input:?} -> {next:?}: {act:?}\n");
                        }
                    }
                }
                out
            }
        }
    };
}
use machine;
