//! Wakes the SIP thread: an eventfd beside its bounded inbox.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Both ends; clones share the descriptor.
#[derive(Clone)]
pub struct Waker {
    event: Arc<EventFd>,
    /// A wake-up is under way: another one would only cost a system call.
    pending: Arc<AtomicBool>,
}

impl Waker {
    /// A new descriptor.
    ///
    /// # Errors
    /// If the process has none left.
    pub fn new() -> std::io::Result<Self> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let event = Arc::new(EventFd::from_value_and_flags(0, flags)?);
        Ok(Self { event, pending: Arc::default() })
    }

    /// Makes `wait` return now, or the next one at once. What was made ready before is seen after.
    pub fn wake(&self) {
        if self.pending.swap(true, Ordering::AcqRel) {
            return;
        }
        // Fails only when the counter is full, and then the waiter is awake anyway.
        let _ = self.event.write(1);
    }

    /// Waits for a wake-up, data on one of `fds`, or the timeout.
    pub fn wait(&self, fds: &[BorrowedFd<'_>], timeout: Option<Duration>) {
        let mut polled = vec![PollFd::new(self.event.as_fd(), PollFlags::POLLIN)];
        polled.extend(fds.iter().map(|fd| PollFd::new(*fd, PollFlags::POLLIN)));
        // Rounded up, so that a deadline has passed when the wait ends.
        let ms = timeout.map(|t| i32::try_from(t.as_micros().div_ceil(1000)).unwrap_or(i32::MAX));
        let timeout = ms.and_then(|ms| PollTimeout::try_from(ms).ok()).unwrap_or(PollTimeout::NONE);
        if poll(&mut polled, timeout).is_ok_and(|ready| ready > 0)
            && polled[0].any().unwrap_or(false)
        {
            let _ = self.event.read();
            // After the read: who finds it set has a wake-up that is still to be read. A swap,
            // because it must also see what the waker made ready before it set it.
            self.pending.swap(false, Ordering::AcqRel);
        }
    }
}
