//! R1: sealing, keys, blind index, audit chain.
