//! R2: the call state machine.
