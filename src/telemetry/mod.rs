//! R4: metrics and logs.
