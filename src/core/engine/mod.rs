//! R3: the single writer.
