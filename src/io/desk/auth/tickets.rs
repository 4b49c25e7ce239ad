//! Single-use tickets: a browser fetches one with its token and says it in `hello`, so that the
//! token itself is in no message of the socket and in no URL.

use crate::io::desk::token::Verified;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use trunkline_core::model::Wall;
use trunkline_core::vault::digest;

/// A ticket is good for so long.
pub(super) const TICKET_LIFE: Duration = Duration::from_secs(30);
/// Tickets of all users. Beyond: refused until some have ended.
const TICKETS_MAX: usize = 10_000;
/// Tickets of one user. Beyond: the oldest is void.
const TICKETS_PER_USER_MAX: usize = 16;

/// Why there is no ticket, or why one is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// Too many are out.
    #[error("too many tickets are out")]
    Full,
    /// Never given out, used, or its time is over.
    #[error("the ticket is not known any more")]
    Unknown,
    /// Given to a page of another origin.
    #[error("the ticket was given to another origin")]
    Origin,
    /// No random numbers.
    #[error("the system gives no random numbers")]
    Entropy,
}

struct Ticket {
    verified: Verified,
    origin: String,
    ends: Wall,
}

/// Tickets that are out, by the digest of what the client holds.
#[derive(Default)]
pub(super) struct Tickets {
    by_digest: HashMap<Key, Ticket>,
    /// Of each user with tickets out, oldest first.
    by_user: HashMap<String, VecDeque<Key>>,
    /// Of all, oldest first; those that were used are gone from the tables already.
    order: VecDeque<Key>,
}

type Key = [u8; 32];

impl Tickets {
    pub(super) fn issue(
        &mut self,
        verified: Verified,
        origin: &str,
        now: Wall,
    ) -> Result<String, TicketError> {
        self.forget_ended(now);
        let mine = self.by_user.get(&verified.who.user);
        let full = mine.filter(|keys| keys.len() >= TICKETS_PER_USER_MAX);
        if let Some(oldest) = full.and_then(|keys| keys.front().copied()) {
            self.remove(&oldest);
        }
        if self.by_digest.len() >= TICKETS_MAX {
            return Err(TicketError::Full);
        }
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|_| TicketError::Entropy)?;
        let text = URL_SAFE_NO_PAD.encode(random);
        let key = digest(text.as_bytes());
        self.by_user.entry(verified.who.user.clone()).or_default().push_back(key);
        let ticket = Ticket { verified, origin: origin.to_owned(), ends: now.after(TICKET_LIFE) };
        self.by_digest.insert(key, ticket);
        self.order.push_back(key);
        Ok(text)
    }

    fn remove(&mut self, key: &Key) -> Option<Ticket> {
        let ticket = self.by_digest.remove(key)?;
        let user = &ticket.verified.who.user;
        if let Some(keys) = self.by_user.get_mut(user) {
            keys.retain(|k| k != key);
            if keys.is_empty() {
                self.by_user.remove(user);
            }
        }
        Some(ticket)
    }

    /// Whatever comes of it, the ticket is used up.
    pub(super) fn redeem(
        &mut self,
        ticket: &str,
        origin: &str,
        now: Wall,
    ) -> Result<Verified, TicketError> {
        let found = self.remove(&digest(ticket.as_bytes()));
        let ticket = found.filter(|t| now <= t.ends).ok_or(TicketError::Unknown)?;
        match ticket.origin == origin {
            true => Ok(ticket.verified),
            false => Err(TicketError::Origin),
        }
    }

    fn forget_ended(&mut self, now: Wall) {
        if self.order.len() > 2 * TICKETS_MAX {
            self.order.retain(|key| self.by_digest.contains_key(key));
        }
        while let Some(key) = self.order.front().copied() {
            if self.by_digest.get(&key).is_some_and(|t| now <= t.ends) {
                return;
            }
            self.remove(&key);
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use trunkline_core::hub::{Principal, Role};

    fn verified(user: &str) -> Verified {
        let (devices, agent, teams) = (Vec::new(), String::new(), Vec::new());
        let who = Principal { user: user.into(), role: Role::Agent, devices, agent, teams };
        Verified { who, expires: Wall(0), issued: Wall(0), id: String::new() }
    }

    #[test]
    fn a_ticket_is_good_once_for_thirty_seconds_and_one_origin() {
        let mut tickets = Tickets::default();
        let mut out = || tickets.issue(verified("u"), "o", Wall(0)).unwrap();
        let (a, b, c) = (out(), out(), out());
        assert!(a != b && a.len() == 43);
        let end = Wall(30_000_000);
        assert_eq!(tickets.redeem(&a, "o", end).unwrap().who.user, "u");
        assert_eq!(tickets.redeem(&a, "o", Wall(0)), Err(TicketError::Unknown));
        assert_eq!(tickets.redeem(&b, "x", Wall(0)), Err(TicketError::Origin));
        assert_eq!(tickets.redeem(&b, "o", Wall(0)), Err(TicketError::Unknown));
        assert_eq!(tickets.redeem(&c, "o", Wall(30_000_001)), Err(TicketError::Unknown));
        assert_eq!(tickets.redeem("", "o", Wall(0)), Err(TicketError::Unknown));
    }

    #[test]
    fn the_table_is_bounded_by_user_and_in_all() {
        let mut tickets = Tickets::default();
        let mine: Vec<_> =
            (0..17).map(|_| tickets.issue(verified("u"), "", Wall(0)).unwrap()).collect();
        assert_eq!(tickets.redeem(&mine[0], "", Wall(0)), Err(TicketError::Unknown));
        assert!(tickets.redeem(&mine[1], "", Wall(0)).is_ok());
        for n in tickets.by_digest.len()..TICKETS_MAX {
            tickets.issue(verified(&format!("u{}", n / 16)), "", Wall(1)).unwrap();
        }
        assert_eq!(tickets.issue(verified("w"), "", Wall(1)), Err(TicketError::Full));
        assert!(tickets.issue(verified("w"), "", Wall(30_000_002)).is_ok());
        let left = (tickets.by_digest.len(), tickets.by_user.len(), tickets.order.len());
        assert_eq!(left, (1, 1, 1));
    }
}
