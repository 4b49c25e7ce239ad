//! R2: read model, subscriptions, snapshots, resume.
