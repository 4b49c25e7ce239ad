//! R5: start, drain, stop.
