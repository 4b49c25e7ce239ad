//! Orders as requests. ARI reaches a channel only while it is in an application of ARI (Stasis);
//! one that runs in the dialplan can be called, ended and nothing else.

use super::known::Known;
use super::rest::{Ask, Request, Step, escaped};
use super::session::AriSession;
use super::settings::{MARK_VARIABLE, ORDER_MAX, PURPOSE_VARIABLE};
use crate::model::{Now, Pii, Transfer};
use crate::pbx::{ChannelId, Fact, LinkOutputs, Method, Order, OrderId, OrderResult};
use serde_json::json;
use std::collections::VecDeque;

/// What an order comes to: requests one after the other.
type Plan = VecDeque<Step>;

fn just(request: Request) -> Plan {
    [Step { request, means: None }].into()
}

/// Why there is no plan.
fn unsupported(what: &str) -> Result<Plan, OrderResult> {
    Err(OrderResult::Unsupported(format!("ARI cannot {what}: it needs an AMI link")))
}

impl AriSession {
    /// Carries out any order but a snapshot.
    pub(super) fn carry_out(
        &mut self,
        now: Now,
        id: OrderId,
        order: &Order,
        out: &mut LinkOutputs,
    ) {
        match self.plan(order) {
            Ok(plan) => self.next_step(now, id, plan, out),
            Err(result) => Self::done(id, result, out),
        }
    }

    /// The next request, or the order's result.
    pub(super) fn next_step(
        &mut self,
        now: Now,
        id: OrderId,
        mut rest: VecDeque<Step>,
        out: &mut LinkOutputs,
    ) {
        match rest.pop_front() {
            None => Self::done(id, OrderResult::Done, out),
            Some(Step { request, means }) => {
                self.ask(now, ORDER_MAX, request, Ask::Step { order: id, means, rest }, out);
            }
        }
    }

    fn plan(&self, order: &Order) -> Result<Plan, OrderResult> {
        match order {
            Order::Dial { channel, device, to, mark, purpose, ring_s } => {
                let call = Dial { device, to, mark, purpose: purpose.as_deref(), ring_s: *ring_s };
                self.dial(channel, &call)
            }
            Order::Answer(channel) => self.answer(channel),
            Order::Hold(channel) => self.hold(channel, Method::Post),
            Order::Retrieve(channel) => self.hold(channel, Method::Delete),
            Order::TransferBlind { by, peer, to } => self.send_on(by, peer.as_ref(), to),
            Order::Hangup { channel, q850 } => {
                let path = format!("/channels/{}?reason_code={q850}", escaped(&channel.0));
                Ok(just(Request::new(Method::Delete, path)))
            }
            Order::Dtmf { channel, digits } => self.keys(channel, digits),
            Order::SetData { channel, key, value } => {
                self.in_stasis(channel, "attach data to a call of the dialplan")?;
                let body = json!({ "variable": key, "value": value.reveal() });
                Ok(just(at(Method::Post, channel, "variable").body(&body)))
            }
            Order::Consult { .. }
            | Order::TransferComplete { .. }
            | Order::ConsultCancel { .. } => unsupported("consult"),
            Order::Conference { .. } => unsupported("join a consultation"),
            Order::QueueMember { .. } => unsupported("change the members of a queue"),
            Order::Pause { .. } => unsupported("pause a queue's member"),
            Order::Snapshot => Ok(Plan::new()),
        }
    }

    /// The agent's phone first; then the dialplan dials. The call belongs to the dialplan, so it
    /// lives on when this process does not.
    fn dial(&self, channel: &ChannelId, call: &Dial<'_>) -> Result<Plan, OrderResult> {
        let context = self.context()?;
        let mut variables = json!({});
        // Two underscores: inherited by the channels that the dialplan makes from this one.
        variables[format!("__{MARK_VARIABLE}")] = call.mark.into();
        if let Some(purpose) = call.purpose {
            variables[format!("__{PURPOSE_VARIABLE}")] = purpose.into();
        }
        let body = json!({
            "endpoint": call.device,
            "context": context,
            "extension": call.to.reveal(),
            "priority": 1,
            "timeout": call.ring_s,
            "variables": variables,
        });
        let path = format!("/channels/{}", escaped(&channel.0));
        Ok(just(Request::new(Method::Post, path).body(&body)))
    }

    fn context(&self) -> Result<&str, OrderResult> {
        let context = &self.facts.settings.context;
        match context.is_empty() {
            true => Err(OrderResult::Unsupported(
                "the ARI link has no `context`: that of the dialplan in which agents dial".into(),
            )),
            false => Ok(context),
        }
    }

    fn in_stasis(&self, channel: &ChannelId, what: &str) -> Result<&Known, OrderResult> {
        match self.facts.known.get(&channel.0) {
            None => Err(OrderResult::Rejected("Channel not found".to_owned())),
            Some(known) if known.in_stasis() => Ok(known),
            Some(_) => Err(unsupported(what).err().unwrap_or(OrderResult::LinkDown)),
        }
    }

    /// Only a channel that called the PBX can be answered from there; a phone that rings cannot.
    fn answer(&self, channel: &ChannelId) -> Result<Plan, OrderResult> {
        let known = self.in_stasis(channel, "make a phone answer")?;
        match known.info.incoming {
            Some(true) => Ok(just(at(Method::Post, channel, "answer"))),
            _ => unsupported("make a phone answer"),
        }
    }

    /// All others in the bridge of this channel, which an order can reach.
    fn others(&self, channel: &ChannelId, what: &str) -> Result<Vec<ChannelId>, OrderResult> {
        let known = self.in_stasis(channel, what)?;
        let others = match &known.bridge {
            Some(bridge) => self.facts.others(bridge, &channel.0),
            None => Vec::new(),
        };
        if others.is_empty() {
            return Err(OrderResult::Rejected("nobody is connected with this channel".to_owned()));
        }
        let others: Vec<ChannelId> = others.into_iter().map(ChannelId).collect();
        others.iter().try_for_each(|other| self.in_stasis(other, what).map(|_| ()))?;
        Ok(others)
    }

    /// ARI plays keys to a channel: those that a party presses are for the others.
    fn keys(&self, channel: &ChannelId, digits: &str) -> Result<Plan, OrderResult> {
        let others = self.others(channel, "send keys into a call of the dialplan")?;
        let body = json!({ "dtmf": digits });
        let step =
            |other| Step { request: at(Method::Post, other, "dtmf").body(&body), means: None };
        Ok(others.iter().map(step).collect())
    }

    /// A party holds when all the others in its bridge are told to wait.
    fn hold(&self, channel: &ChannelId, method: Method) -> Result<Plan, OrderResult> {
        let others = self.others(channel, "hold a call of the dialplan")?;
        let mut plan: Plan =
            others.iter().flat_map(|other| just(at(method, other, "hold"))).collect();
        let fact = match method {
            Method::Delete => Fact::Retrieved(channel.clone()),
            Method::Get | Method::Post | Method::Put => Fact::Held(channel.clone()),
        };
        if let Some(last) = plan.back_mut() {
            last.means = Some(Box::new(fact));
        }
        Ok(plan)
    }

    /// The other party goes on in the dialplan, and who sent it is hung up.
    fn send_on(
        &self,
        by: &ChannelId,
        peer: Option<&ChannelId>,
        to: &Pii<String>,
    ) -> Result<Plan, OrderResult> {
        const WHAT: &str = "send on a call of the dialplan";
        let context = self.context()?;
        let known = self.in_stasis(by, WHAT)?;
        let others = known.bridge.as_ref().map(|bridge| self.facts.others(bridge, &by.0));
        let peer = match (peer, others.as_deref()) {
            (Some(peer), _) => peer.clone(),
            (None, Some([only])) => ChannelId(only.clone()),
            (None, _) => {
                let why = "this channel is not connected with exactly one other".to_owned();
                return Err(OrderResult::Rejected(why));
            }
        };
        self.in_stasis(&peer, WHAT)?;
        let body = json!({ "context": context, "extension": to.reveal(), "priority": 1 });
        let fact = Fact::Transferred {
            by: by.clone(),
            kind: Transfer::Blind,
            moved: Some(peer.clone()),
            target: None,
            to: Some(to.clone()),
        };
        let end = Request::new(Method::Delete, format!("/channels/{}", escaped(&by.0)));
        let go_on = at(Method::Post, &peer, "continue").body(&body);
        Ok([
            Step { request: go_on, means: Some(Box::new(fact)) },
            Step { request: end, means: None },
        ]
        .into())
    }
}

/// A call to be made.
struct Dial<'a> {
    device: &'a str,
    to: &'a Pii<String>,
    mark: &'a str,
    purpose: Option<&'a str>,
    ring_s: u32,
}

fn at(method: Method, channel: &ChannelId, what: &str) -> Request {
    Request::new(method, format!("/channels/{}/{what}", escaped(&channel.0)))
}
