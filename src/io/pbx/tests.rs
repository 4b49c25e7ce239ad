//! Drivers against scripted peers.
