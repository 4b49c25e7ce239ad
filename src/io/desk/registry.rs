//! Who is connected: limits by address, by user and in all.

use super::close::Close;
use super::config::DeskConfig;
use super::queue::DeskQueue;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

struct Member {
    conn: u64,
    inst: String,
    queue: Weak<DeskQueue>,
}

#[derive(Default)]
struct Inner {
    sockets: usize,
    waiting: usize,
    waiting_by_ip: HashMap<IpAddr, usize>,
    users: HashMap<String, Vec<Member>>,
    next_conn: u64,
}

pub(crate) struct Registry {
    inner: Mutex<Inner>,
    sockets_max: usize,
    waiting_max: usize,
    waiting_per_ip_max: usize,
    sockets_per_user_max: usize,
}

/// Why a socket is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Full,
    WaitingFull,
    AddressFull,
}

enum Place {
    Waiting(IpAddr),
    Member(String),
}

/// A place for one socket; dropping it gives the place back.
pub(crate) struct Ticket {
    registry: Arc<Registry>,
    conn: u64,
    place: Place,
}

impl Registry {
    pub(crate) fn new(config: &DeskConfig) -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::default(),
            sockets_max: config.sockets_max,
            waiting_max: config.waiting_max,
            waiting_per_ip_max: config.waiting_per_ip_max,
            sockets_per_user_max: config.sockets_per_user_max,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn admit(self: &Arc<Self>, ip: IpAddr) -> Result<Ticket, Admission> {
        let mut inner = self.lock();
        if inner.sockets >= self.sockets_max {
            return Err(Admission::Full);
        }
        if inner.waiting >= self.waiting_max {
            return Err(Admission::WaitingFull);
        }
        let from_ip = inner.waiting_by_ip.entry(ip).or_default();
        if *from_ip >= self.waiting_per_ip_max {
            return Err(Admission::AddressFull);
        }
        *from_ip += 1;
        inner.waiting += 1;
        inner.sockets += 1;
        inner.next_conn += 1;
        let conn = inner.next_conn;
        Ok(Ticket { registry: self.clone(), conn, place: Place::Waiting(ip) })
    }
}

impl Inner {
    fn leave_waiting(&mut self, ip: IpAddr) {
        self.waiting -= 1;
        if let Some(count) = self.waiting_by_ip.get_mut(&ip) {
            *count -= 1;
            if *count == 0 {
                self.waiting_by_ip.remove(&ip);
            }
        }
    }
}

impl Ticket {
    /// From a waiting socket to one of `user`. A socket of the same desktop (`inst`) is replaced:
    /// it is what a reconnect leaves behind.
    pub(super) fn join(
        &mut self,
        user: &str,
        inst: &str,
        queue: &Arc<DeskQueue>,
    ) -> Result<(), Close> {
        let mut inner = self.registry.lock();
        let members = inner.users.entry(user.to_owned()).or_default();
        if !inst.is_empty() {
            members.retain(|member| {
                let same = member.inst == inst;
                if let Some(queue) = member.queue.upgrade().filter(|_| same) {
                    queue.kick(Close::Replaced);
                }
                !same
            });
        }
        if members.len() >= self.registry.sockets_per_user_max {
            return Err(Close::TooMany);
        }
        let (inst, queue) = (inst.to_owned(), Arc::downgrade(queue));
        members.push(Member { conn: self.conn, inst, queue });
        if let Place::Waiting(ip) = self.place {
            inner.leave_waiting(ip);
        }
        self.place = Place::Member(user.to_owned());
        Ok(())
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut inner = self.registry.lock();
        inner.sockets -= 1;
        match &self.place {
            Place::Waiting(ip) => inner.leave_waiting(*ip),
            Place::Member(user) => {
                if let Some(members) = inner.users.get_mut(user) {
                    members.retain(|m| m.conn != self.conn);
                    if members.is_empty() {
                        inner.users.remove(user);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([127, 0, 0, last])
    }

    fn registry() -> Arc<Registry> {
        Registry::new(&DeskConfig {
            sockets_max: 4,
            waiting_max: 3,
            waiting_per_ip_max: 2,
            sockets_per_user_max: 2,
            ..DeskConfig::default()
        })
    }

    #[test]
    fn each_limit_has_its_answer_and_is_given_back() {
        let registry = registry();
        let a = registry.admit(ip(1)).ok().unwrap();
        let _b = registry.admit(ip(1)).ok().unwrap();
        assert_eq!(registry.admit(ip(1)).err(), Some(Admission::AddressFull));
        let _c = registry.admit(ip(2)).ok().unwrap();
        assert_eq!(registry.admit(ip(3)).err(), Some(Admission::WaitingFull));
        drop(a);
        let mut d = registry.admit(ip(1)).ok().unwrap();
        let queue = Arc::new(DeskQueue::new(&DeskConfig::default()));
        d.join("u", "", &queue).unwrap();
        let _e = registry.admit(ip(1)).ok().unwrap();
        assert_eq!(registry.admit(ip(4)).err(), Some(Admission::Full));
    }

    #[tokio::test]
    async fn the_same_desktop_replaces_itself_and_others_count() {
        let registry = registry();
        let queues: Vec<_> =
            (0..4).map(|_| Arc::new(DeskQueue::new(&DeskConfig::default()))).collect();
        let mut tickets = Vec::new();
        for (queue, (inst, joined)) in queues.iter().zip([
            ("a", Ok(())),
            ("b", Ok(())),
            ("c", Err(Close::TooMany)),
            ("a", Ok(())),
        ]) {
            let mut ticket = registry.admit(ip(1)).ok().unwrap();
            assert_eq!(ticket.join("u", inst, queue), joined, "{inst}");
            if joined.is_ok() {
                tickets.push(ticket);
            }
        }
        assert_eq!(queues[0].kicked().await, Close::Replaced);
        drop(tickets);
        assert!(registry.lock().users.is_empty() && registry.lock().sockets == 0);
    }
}
