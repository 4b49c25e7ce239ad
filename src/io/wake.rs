//! Wakes the SIP thread: an eventfd beside its bounded inbox.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

/// Both ends; clones share the descriptor.
#[derive(Clone)]
pub struct Waker {
    event: Arc<EventFd>,
}

impl Waker {
    /// A new descriptor.
    ///
    /// # Errors
    /// If the process has none left.
    pub fn new() -> std::io::Result<Self> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        Ok(Self { event: Arc::new(EventFd::from_value_and_flags(0, flags)?) })
    }

    /// Makes `wait` return now.
    pub fn wake(&self) {
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
        }
    }
}
