//! R4: journal and projections.
