//! Orders become commands (`bgapi`).

use super::model::Model;
use super::names::{self, Unsafe};
use crate::pbx::{ChannelId, Order, OrderResult};

/// Seconds a phone may ring for an order, at most.
const RING_S_MAX: u32 = 600;

/// Why an order has no command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoCommand {
    /// FreeSWITCH cannot, and what could.
    Unsupported(&'static str),
    /// As things stand it cannot be done.
    Rejected(String),
}

impl From<Unsafe> for NoCommand {
    fn from(value: Unsafe) -> Self {
        Self::Rejected(value.to_string())
    }
}

impl From<NoCommand> for OrderResult {
    fn from(why: NoCommand) -> Self {
        match why {
            NoCommand::Unsupported(why) => OrderResult::Unsupported(why.into()),
            NoCommand::Rejected(why) => OrderResult::Rejected(why),
        }
    }
}

fn rejected(why: &str) -> NoCommand {
    NoCommand::Rejected(why.into())
}

impl Model {
    /// The command for an order; `Order::Snapshot` has none of its own.
    pub(super) fn command(&self, order: &Order) -> Result<String, NoCommand> {
        match order {
            Order::Dial { .. } => self.dial(order),
            // The phone must know the event package `talk`.
            Order::Answer(id) => Ok(format!("uuid_phone_event {} talk", names::channel(id)?)),
            Order::Hold(id) => Ok(format!("uuid_hold {}", names::channel(id)?)),
            Order::Retrieve(id) => Ok(format!("uuid_hold off {}", names::channel(id)?)),
            Order::TransferBlind { by, peer, to } => {
                let moved = match peer {
                    Some(peer) => peer,
                    None => self.partner_of(by)?,
                };
                let (moved, to) = (names::channel(moved)?, names::number(to.reveal())?);
                Ok(format!("uuid_transfer {moved} {to} XML {}", self.context()?))
            }
            Order::Consult { by, to } => {
                self.partner_of(by)?;
                let (by, to) = (names::channel(by)?, names::number(to.reveal())?);
                let context = self.context()?;
                Ok(format!("uuid_broadcast {by} att_xfer::loopback/{to}/{context}/XML"))
            }
            Order::TransferComplete { by } => self.complete(by),
            Order::ConsultCancel { by } => self.cancel(by),
            Order::Conference { by } => match self.consults(by) {
                // The key that makes a consultation of `att_xfer` a talk of three.
                Some(Consultation::Inside(_)) => {
                    Ok(format!("uuid_recv_dtmf {} 0", names::channel(by)?))
                }
                _ => Err(NoCommand::Unsupported(
                    "only a consultation that was ordered here can become a talk of three; \
                     a conference room of the dialplan could do it",
                )),
            },
            Order::Hangup { channel, q850 } => {
                Ok(format!("uuid_kill {} {q850}", names::channel(channel)?))
            }
            Order::Dtmf { channel, digits } => {
                let (channel, digits) = (names::channel(channel)?, names::digits(digits)?);
                Ok(format!("uuid_recv_dtmf {channel} {digits}"))
            }
            Order::SetData { channel, key, value } => {
                let (channel, key) = (names::channel(channel)?, names::word("the key", key)?);
                let value = names::value(value.reveal())?;
                Ok(format!("uuid_setvar {channel} {}{key} {value}", super::event::DATA_PREFIX))
            }
            Order::QueueMember { queue, device, present } => {
                let queue = names::address("the queue", queue)?;
                let agent = names::user_at_domain(&self.settings, device)?;
                Ok(match present {
                    true => format!("callcenter_config tier add {queue} {agent} 1 1"),
                    false => format!("callcenter_config tier del {queue} {agent}"),
                })
            }
            Order::Pause { device, paused, .. } => {
                let agent = names::user_at_domain(&self.settings, device)?;
                let status = if *paused { "On Break" } else { "Available" };
                Ok(format!("callcenter_config agent set status {agent} '{status}'"))
            }
            Order::Snapshot => Err(NoCommand::Unsupported("a snapshot is several commands")),
        }
    }

    /// The agent's phone rings first; when it answers, its leg goes to the dialplan. The bars keep
    /// the variables apart, so that a value may hold a comma. What is exported reaches the
    /// customer's leg, which the dialplan makes.
    fn dial(&self, order: &Order) -> Result<String, NoCommand> {
        let Order::Dial { channel, device, to, mark, purpose, ring_s } = order else {
            return Err(NoCommand::Unsupported("no order to dial"));
        };
        let settings = &self.settings;
        let channel = names::channel(channel)?;
        let to = names::number(to.reveal())?;
        let agent = names::user_at_domain(settings, device)?;
        let ring_s = ring_s.clamp(&1, &RING_S_MAX);
        let mark_header = names::word("the mark's header", &settings.mark_header)?;
        let mut headers = vec![(mark_header, names::word("the mark", mark)?)];
        if let Some(purpose) = purpose {
            let header = names::word("the purpose's header", &settings.purpose_header)?;
            headers.push((header, names::word("the purpose", purpose)?));
        }
        let exported: Vec<String> =
            headers.iter().map(|(name, _)| format!("sip_h_{name}")).collect();
        let mut variables = format!(
            "^^|origination_uuid={channel}|originate_timeout={ring_s}|ignore_early_media=true\
             |origination_caller_id_number={to}|origination_caller_id_name={to}\
             |export_vars={}",
            exported.join(",")
        );
        for (name, value) in headers {
            variables.push_str(&format!("|sip_h_{name}={value}"));
        }
        Ok(format!("originate {{{variables}}}user/{agent} {to} XML {}", self.context()?))
    }

    fn context(&self) -> Result<&str, Unsafe> {
        names::word("the context", &self.settings.context)
    }

    fn partner_of(&self, id: &ChannelId) -> Result<&ChannelId, NoCommand> {
        let known = self.channels.get(id).ok_or_else(|| rejected("there is no such channel"))?;
        let bridge = known.bridge.as_ref().map(|(_, partner)| partner);
        bridge.ok_or_else(|| rejected("the channel talks with nobody"))
    }

    /// Leaving a consultation of `att_xfer` joins the others; two calls of one phone are joined
    /// by a bridge of their far ends.
    fn complete(&self, by: &ChannelId) -> Result<String, NoCommand> {
        match self.consults(by) {
            Some(Consultation::Inside(_)) => Ok(format!("uuid_kill {}", names::channel(by)?)),
            Some(Consultation::Beside { asked, .. }) => {
                let (held, asked) = (names::channel(self.partner_of(by)?)?, names::channel(asked)?);
                Ok(format!("uuid_bridge {held} {asked}"))
            }
            None => Err(rejected("nobody was asked")),
        }
    }

    fn cancel(&self, by: &ChannelId) -> Result<String, NoCommand> {
        let end = match self.consults(by) {
            Some(Consultation::Inside(asked)) => asked,
            Some(Consultation::Beside { own, .. }) => own,
            None => return Err(rejected("nobody was asked")),
        };
        Ok(format!("uuid_kill {}", names::channel(end)?))
    }

    /// The consultation of who talks or talked on `by`.
    fn consults(&self, by: &ChannelId) -> Option<Consultation<'_>> {
        let known = self.channels.get(by)?;
        if let Some(held) = &known.consults
            && let Some(asked) = self.asked_by(by, held)
        {
            return Some(Consultation::Inside(asked));
        }
        if !known.held || known.trunk {
            return None;
        }
        let mut beside = self.channels.iter().filter(|(id, other)| {
            *id != by && other.info.endpoint == known.info.endpoint && !other.held
        });
        beside.find_map(|(own, other)| {
            let (_, asked) = other.bridge.as_ref()?;
            Some(Consultation::Beside { own, asked })
        })
    }

    /// Who is asked by `asker` while `held` waits: the newest leg that was made for it.
    pub(super) fn asked_by(&self, asker: &ChannelId, held: &ChannelId) -> Option<&ChannelId> {
        let on_behalf = Some(Some(asker.clone()));
        let asked =
            self.channels.iter().filter(|(id, other)| *id != held && other.offered == on_behalf);
        asked.max_by_key(|(_, other)| other.info.created).map(|(id, _)| id)
    }

    /// A consultation is ordered on this channel: whom it talks with is held meanwhile.
    pub(super) fn consultation_ordered(&mut self, by: &ChannelId) {
        if let Some(known) = self.channels.get_mut(by) {
            known.consults = known.bridge.as_ref().map(|(_, partner)| partner.clone());
        }
    }
}

enum Consultation<'a> {
    /// On the same channel: this leg is asked.
    Inside(&'a ChannelId),
    /// On a second channel of the same phone.
    Beside { own: &'a ChannelId, asked: &'a ChannelId },
}
