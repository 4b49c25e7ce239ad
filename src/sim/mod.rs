//! R4: scripted peers.
