//! R5: the configuration file.
