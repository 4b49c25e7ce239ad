//! Whose connections are taken, and how many.

use super::config::StreamLimits;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Addresses of neighbours and connections by source. Shared by all listeners.
#[derive(Debug)]
pub struct Admission {
    state: Mutex<State>,
    connections_max: usize,
    per_source_max: usize,
    strangers_max: usize,
}

#[derive(Debug)]
struct State {
    known: HashSet<IpAddr>,
    by_name: bool,
    open: HashMap<IpAddr, usize>,
    total: usize,
    strangers: usize,
}

/// Why a connection is closed at accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoEntry {
    Unknown,
    Limit,
}

/// The right to one connection, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    admission: Arc<Admission>,
    ip: IpAddr,
    stranger: bool,
}

impl Admission {
    pub(super) fn new(known: HashSet<IpAddr>, by_name: bool, limits: &StreamLimits) -> Self {
        let known = known.into_iter().map(|ip| ip.to_canonical()).collect();
        let (open, total, strangers) = (HashMap::new(), 0, 0);
        Self {
            state: Mutex::new(State { known, by_name, open, total, strangers }),
            connections_max: limits.connections_max,
            per_source_max: limits.per_source_max,
            strangers_max: limits.strangers_max,
        }
    }

    /// Other addresses of neighbours, e.g. after a name was resolved anew.
    pub fn set_known(&self, known: HashSet<IpAddr>) {
        self.lock().known = known.into_iter().map(|ip| ip.to_canonical()).collect();
    }

    /// `names`: this listener verifies names, so a stranger may prove to be a neighbour.
    pub(super) fn enter(self: &Arc<Self>, ip: IpAddr, names: bool) -> Result<Place, NoEntry> {
        let ip = ip.to_canonical();
        let mut state = self.lock();
        let stranger = !state.known.contains(&ip);
        if stranger && !(names && state.by_name) {
            return Err(NoEntry::Unknown);
        }
        let here = state.open.get(&ip).copied().unwrap_or(0);
        let full = state.total >= self.connections_max
            || here >= self.per_source_max
            || (stranger && state.strangers >= self.strangers_max);
        if full {
            return Err(NoEntry::Limit);
        }
        state.open.insert(ip, here + 1);
        state.total += 1;
        state.strangers += usize::from(stranger);
        Ok(Place { admission: self.clone(), ip, stranger })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// It has proved its name and no longer counts as a stranger.
    pub(super) fn named(&mut self) {
        if std::mem::take(&mut self.stranger) {
            self.admission.lock().strangers -= 1;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.admission.lock();
        state.total -= 1;
        state.strangers -= usize::from(self.stranger);
        if let Some(here) = state.open.get_mut(&self.ip) {
            *here -= 1;
            if *here == 0 {
                state.open.remove(&self.ip);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn admission(by_name: bool) -> Arc<Admission> {
        let limits = StreamLimits {
            connections_max: 3,
            per_source_max: 2,
            strangers_max: 1,
            ..StreamLimits::default()
        };
        let known = ["192.0.2.1", "192.0.2.2"].map(|ip| ip.parse().unwrap()).into();
        Arc::new(Admission::new(known, by_name, &limits))
    }

    #[test]
    fn limits_count_by_source_and_in_all_and_places_come_back() {
        let admission = admission(false);
        let enter = |ip: &str| admission.enter(ip.parse().unwrap(), false);
        let first = enter("192.0.2.1").unwrap();
        let _second = enter("::ffff:192.0.2.1").unwrap();
        assert_eq!(enter("192.0.2.1").unwrap_err(), NoEntry::Limit);
        let _third = enter("192.0.2.2").unwrap();
        assert_eq!(enter("192.0.2.2").unwrap_err(), NoEntry::Limit, "in all");
        drop(first);
        enter("192.0.2.1").unwrap();
        assert_eq!(enter("192.0.2.9").unwrap_err(), NoEntry::Unknown);
    }

    #[test]
    fn strangers_come_in_only_where_a_name_can_be_proved() {
        let enter = |admission: &Arc<Admission>, names| {
            admission.enter("192.0.2.9".parse().unwrap(), names)
        };
        assert_eq!(enter(&admission(false), true).unwrap_err(), NoEntry::Unknown);
        let open = admission(true);
        assert_eq!(enter(&open, false).unwrap_err(), NoEntry::Unknown);
        let mut stranger = enter(&open, true).unwrap();
        assert_eq!(enter(&open, true).unwrap_err(), NoEntry::Limit);
        stranger.named();
        enter(&open, true).unwrap();
        open.set_known(HashSet::from(["192.0.2.9".parse().unwrap()]));
        drop(stranger);
        let _known = [enter(&open, false).unwrap(), enter(&open, false).unwrap()];
    }
}
