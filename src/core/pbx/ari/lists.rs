//! The session's part of a snapshot: what is asked, and when all was answered.

use super::raw::Variable;
use super::rest::{Ask, Request, escaped, words};
use super::session::AriSession;
use super::settings::{DETAILS_MAX, START_MAX};
use super::snapshot::{Detail, Shot};
use crate::model::Now;
use crate::pbx::{Close, LinkOutputs, Method, OrderId, OrderResult};

impl AriSession {
    /// Begins a snapshot, or has another follow the one under way.
    pub(super) fn take_snapshot(&mut self, now: Now, orders: Vec<OrderId>, out: &mut LinkOutputs) {
        if let Some(shot) = &mut self.shot {
            shot.again = true;
            shot.orders.extend(orders);
            return;
        }
        let mut shot = Shot::begin(&mut self.facts, orders);
        shot.open = 3;
        self.shot = Some(shot);
        for (path, ask) in [
            ("/channels", Ask::Channels),
            ("/bridges", Ask::Bridges),
            ("/endpoints", Ask::Endpoints),
        ] {
            self.ask(now, START_MAX, Request::new(Method::Get, path), ask, out);
        }
    }

    /// An answer that a snapshot waits for. Without the lists there is no truth to go on.
    pub(super) fn listed(
        &mut self,
        now: Now,
        ask: &Ask,
        status: u16,
        body: &[u8],
        out: &mut LinkOutputs,
    ) {
        let Some(mut shot) = self.shot.take() else { return };
        shot.open = shot.open.saturating_sub(1);
        let answered = (200..300).contains(&status);
        let mut details = Vec::new();
        let read = match ask {
            Ask::Channels => {
                let found = shot.channels(&mut self.facts, body).filter(|_| answered);
                found.map(|found| details = found).is_some()
            }
            Ask::Bridges => answered && shot.bridges(body),
            Ask::Endpoints => {
                if !(answered && shot.endpoints(&self.facts, body)) {
                    let text = "ARI lists no endpoints: the state of devices comes by events only";
                    self.warn("endpoints", text.to_owned(), out);
                }
                true
            }
            Ask::OnHold(channel) => {
                let value: Variable = serde_json::from_slice(body).unwrap_or_default();
                shot.on_hold(channel, if answered { &value.value } else { "" });
                true
            }
            Ask::Dialed(channel) => {
                if answered && let Some(known) = self.facts.known.get_mut(&channel.0) {
                    let value: Variable = serde_json::from_slice(body).unwrap_or_default();
                    known.info.incoming = Some(!value.value.is_empty());
                    known.learn_dialed(&value.value);
                }
                true
            }
            Ask::Info | Ask::Run | Ask::NameRun(_) | Ask::Filter | Ask::Ping | Ask::Step { .. } => {
                true
            }
        };
        if !read {
            let said = words(status, body);
            out.close = Some(Close::Retry(format!("ARI lists no channels or bridges: {said}")));
            return;
        }
        self.ask_details(now, details, &mut shot, out);
        if shot.open > 0 {
            self.shot = Some(shot);
            return;
        }
        let (orders, again) = shot.finish(&mut self.facts, out);
        if again {
            return self.take_snapshot(now, orders, out);
        }
        for id in orders {
            Self::done(id, OrderResult::Done, out);
        }
    }

    fn ask_details(
        &mut self,
        now: Now,
        mut details: Vec<Detail>,
        shot: &mut Shot,
        out: &mut LinkOutputs,
    ) {
        if details.len() > DETAILS_MAX {
            let text = format!(
                "{} questions about channels are more than the {DETAILS_MAX} that are asked: who \
                 holds, and which way calls go, is not known of all",
                details.len()
            );
            self.warn("details", text, out);
            details.truncate(DETAILS_MAX);
        }
        shot.open += details.len();
        for detail in details {
            let (channel, variable, ask) = match detail {
                Detail::OnHold(channel) => {
                    (channel.clone(), "CHANNEL(onhold)", Ask::OnHold(channel))
                }
                Detail::Dialed(channel) => {
                    (channel.clone(), "CALLERID(dnid)", Ask::Dialed(channel))
                }
            };
            let (id, variable) = (escaped(&channel.0), escaped(variable));
            let path = format!("/channels/{id}/variable?variable={variable}");
            self.ask(now, START_MAX, Request::new(Method::Get, path), ask, out);
        }
    }
}
