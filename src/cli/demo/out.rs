//! Printing to a reader who may leave (`trunkline demo | head`).

use std::{
    io::Write,
    sync::atomic::{AtomicBool, Ordering},
};

static CLOSED: AtomicBool = AtomicBool::new(false);

/// Prints a line; remembers if nobody reads any more.
pub(in crate::cli) fn line(text: std::fmt::Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        CLOSED.store(true, Ordering::Relaxed);
    }
}

/// Whether a line could not be printed.
pub(in crate::cli) fn is_closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}

/// `println!` that does not panic when the reader is gone.
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::demo::out::line(format_args!($($text)*)) };
}
pub(in crate::cli) use say;
