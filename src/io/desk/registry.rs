//! Who is connected: limits by address, by user and in all.

use super::close::Close;
use super::config::DeskConfig;
use super::queue::DeskQueue;
use super::token::Verified;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

struct Member {
    conn: u64,
    inst: String,
    queue: Weak<DeskQueue>,
    /// The token in force.
    verified: Verified,
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

    /// Closes the sockets whose token `hit` names; gives how many.
    pub(crate) fn revoke(&self, hit: impl Fn(&Verified) -> bool) -> usize {
        let inner = self.lock();
        let members = inner.users.values().flatten().filter(|m| hit(&m.verified));
        let queues = members.filter_map(|m| m.queue.upgrade());
        queues.map(|queue| queue.kick(Close::Revoked)).count()
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
        verified: &Verified,
        inst: &str,
        queue: &Arc<DeskQueue>,
    ) -> Result<(), Close> {
        let user = verified.who.user.as_str();
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
        members.reserve_exact(1); // most users have one socket
        let (inst, queue) = (inst.to_owned(), Arc::downgrade(queue));
        members.push(Member { conn: self.conn, inst, queue, verified: verified.clone() });
        if let Place::Waiting(ip) = self.place {
            inner.leave_waiting(ip);
        }
        self.place = Place::Member(user.to_owned());
        Ok(())
    }

    /// Another token of the same user is in force.
    pub(super) fn renew(&self, verified: &Verified) {
        let mut inner = self.registry.lock();
        let members = inner.users.get_mut(&verified.who.user).into_iter().flatten();
        members.filter(|m| m.conn == self.conn).for_each(|m| m.verified = verified.clone());
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

    fn verified(id: &str) -> Verified {
        use trunkline_core::hub::{Principal, Role};
        use trunkline_core::model::Wall;
        let (devices, agent, teams) = (Vec::new(), String::new(), Vec::new());
        let who = Principal { user: "u".into(), role: Role::Agent, devices, agent, teams };
        Verified { who, expires: Wall(0), issued: Wall(0), id: id.into() }
    }

    #[tokio::test]
    async fn a_revocation_closes_those_it_names_by_the_token_in_force() {
        let registry = registry();
        let queue = || Arc::new(DeskQueue::new(&DeskConfig::default()));
        let (one, two) = (queue(), queue());
        let mut first = registry.admit(ip(1)).ok().unwrap();
        first.join(&verified("a"), "", &one).unwrap();
        let mut second = registry.admit(ip(1)).ok().unwrap();
        second.join(&verified("b"), "", &two).unwrap();
        second.renew(&verified("c"));
        assert_eq!(registry.revoke(|v| v.id == "b"), 0);
        assert_eq!(registry.revoke(|v| v.id == "c"), 1);
        assert_eq!(two.kicked().await, Close::Revoked);
        assert!(one.take(1, &mut Vec::new()).is_ok());
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
        d.join(&verified(""), "", &queue).unwrap();
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
            assert_eq!(ticket.join(&verified(""), inst, queue), joined, "{inst}");
            if joined.is_ok() {
                tickets.push(ticket);
            }
        }
        assert_eq!(queues[0].kicked().await, Close::Replaced);
        drop(tickets);
        assert!(registry.lock().users.is_empty() && registry.lock().sockets == 0);
    }
}
