//! R5: the command line.
