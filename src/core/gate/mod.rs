//! R1: may this call be dialled?
