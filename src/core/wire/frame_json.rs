//! Frames as JSON objects.
//!
//! Members of the small frames are always written, defaults too: `resumed: false` and `n: 0` are
//! statements, not omissions. Entities are ProtoJSON, which leaves defaults out.

use super::codec::DeskFrame;
use super::{Timestamp, pb};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

/// One frame: an object with its name in `t`.
pub(super) fn frame(frame: &DeskFrame) -> Vec<u8> {
    use DeskFrame as F;
    match frame {
        F::Ev(ev) => ev.event.as_ref().map_or_else(|| object("ev", &()), event),
        F::Hb(m) => object("hb", &Hb { pos: &m.pos, n: m.n, health: &m.health }),
        F::Gone(m) => object("gone", m),
        F::Count(m) => object("count", m),
        F::Batch(m) => object("batch", m),
        F::Ack(m) => object("ack", m),
        F::Result(m) => object("result", m),
        F::Welcome(m) => object("welcome", &Welcome::of(m)),
        F::SubOk(m) => object("sub.ok", &SubOk { id: &m.id, view: &m.view, pos: &m.pos }),
        F::Snap(m) => page(m, m.objs.iter().filter_map(|call| serde_json::to_vec(call).ok())),
        F::Replayed(m) => object("replayed", &Replayed::of(m)),
        F::Scope(m) => object("scope", &Scope { pos: &m.pos, scope: &m.scope }),
        F::AuthOk(m) => object("auth.ok", m),
        F::AuthExpiring(m) => object("auth.expiring", &AuthExpiring { in_ms: m.in_ms }),
        F::Err(m) => object("err", &Err::of(m)),
        F::Goaway(m) => object("goaway", &GoAway::of(m)),
        F::Hello(m) => object("hello", m),
        F::Sub(m) => object("sub", m),
        F::Unsub(m) => object("unsub", m),
        F::AuthRefresh(m) => object("auth.refresh", m),
        F::Cmd(m) => object("cmd", m),
    }
}

/// The object of `body` with `t` in front, written once.
pub(super) fn object<T: Serialize>(t: &str, body: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(b"{\"t\":\"");
    out.extend_from_slice(t.as_bytes());
    out.push(b'"');
    let at = out.len();
    // Our types serialise to an object and have no way to fail.
    let written = serde_json::to_writer(&mut out, body).is_ok();
    if written && out[at..].starts_with(b"{\"") {
        out[at] = b',';
    } else {
        out.truncate(at);
        out.push(b'}');
    }
    out
}

/// The frame `ev`.
pub(super) fn event(event: &pb::Event) -> Vec<u8> {
    object(
        "ev",
        &Ev {
            pos: &event.pos,
            ts: &event.ts,
            k: &event.k,
            o: Entity(event.entity.as_ref()),
            d: &event.d,
            caused_by: &event.caused_by,
        },
    )
}

#[derive(Serialize)]
struct Ev<'a> {
    pos: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ts: &'a Option<Timestamp>,
    k: &'a str,
    o: Entity<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    d: &'a Option<pb::Detail>,
    #[serde(skip_serializing_if = "str::is_empty")]
    caused_by: &'a str,
}

struct Entity<'a>(Option<&'a pb::event::Entity>);

impl Serialize for Entity<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        use pb::event::Entity as E;
        match self.0 {
            Some(E::Call(o)) => o.serialize(out),
            Some(E::Decision(o)) => o.serialize(out),
            Some(E::System(o)) => o.serialize(out),
            Some(E::Dnc(o)) => o.serialize(out),
            Some(E::Line(o)) => o.serialize(out),
            Some(E::Duty(o)) => o.serialize(out),
            Some(E::Link(o)) => o.serialize(out),
            Some(E::Agent(o)) => o.serialize(out),
            Some(E::Command(o)) => o.serialize(out),
            Some(E::Overriding(o)) => o.serialize(out),
            Some(E::Shadow(o)) => o.serialize(out),
            Some(E::Claims(o)) => o.serialize(out),
            None => out.serialize_map(Some(0))?.end(),
        }
    }
}

#[derive(Serialize)]
struct Hb<'a> {
    pos: &'a str,
    n: u32,
    /// The server's alone.
    #[serde(skip_serializing_if = "str::is_empty")]
    health: &'a str,
}

#[derive(Serialize)]
struct Welcome<'a> {
    conn: &'a str,
    epoch: &'a str,
    pos: &'a str,
    resumed: bool,
    why: &'a str,
    scope: &'a str,
    hb_ms: u32,
    limits: Limits,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_exp: &'a Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: &'a Option<Timestamp>,
    health: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    commands: &'a [pb::CommandResult],
}

#[derive(Serialize)]
struct Limits {
    message_bytes_max: u32,
    subs_max: u32,
    queue_bytes_max: u32,
}

impl<'a> Welcome<'a> {
    fn of(m: &'a pb::Welcome) -> Self {
        let limits = m.limits.unwrap_or_default();
        Self {
            conn: &m.conn,
            epoch: &m.epoch,
            pos: &m.pos,
            resumed: m.resumed,
            why: &m.why,
            scope: &m.scope,
            hb_ms: m.hb_ms,
            limits: Limits {
                message_bytes_max: limits.message_bytes_max,
                subs_max: limits.subs_max,
                queue_bytes_max: limits.queue_bytes_max,
            },
            auth_exp: &m.auth_exp,
            time: &m.time,
            health: &m.health,
            commands: &m.commands,
        }
    }
}

#[derive(Serialize)]
struct SubOk<'a> {
    id: &'a str,
    view: &'a str,
    pos: &'a str,
}

/// A page of a snapshot around calls that are JSON already.
pub(super) fn page<C: AsRef<[u8]>>(m: &pb::Snap, calls: impl Iterator<Item = C>) -> Vec<u8> {
    let head = Page { sub: &m.sub, pos: &m.pos, page: m.page, gap: m.gap };
    let mut out = object("snap", &head);
    out.pop();
    out.extend_from_slice(b",\"objs\":[");
    for (n, call) in calls.enumerate() {
        if n > 0 {
            out.push(b',');
        }
        out.extend_from_slice(call.as_ref());
    }
    out.push(b']');
    let rest = PageRest {
        lines: &m.lines,
        duties: &m.duties,
        agents: &m.agents,
        links: &m.links,
        figures: &m.figures,
        last: m.last,
    };
    let at = out.len();
    if serde_json::to_writer(&mut out, &rest).is_ok() {
        out[at] = b',';
    }
    out
}

#[derive(Serialize)]
struct Page<'a> {
    sub: &'a str,
    pos: &'a str,
    page: u32,
    gap: bool,
}

#[derive(Serialize)]
struct PageRest<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    lines: &'a [pb::Line],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    duties: &'a [pb::Duty],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    agents: &'a [pb::Agent],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    links: &'a [pb::Link],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    figures: &'a [pb::Figures],
    last: bool,
}

#[derive(Serialize)]
struct Replayed<'a> {
    from: &'a str,
    to: &'a str,
    count: u32,
    /// The list below is a statement even if it is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<bool>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    keep: &'a [pb::Kept],
}

impl<'a> Replayed<'a> {
    fn of(m: &'a pb::Replayed) -> Self {
        let kept = m.kept.then_some(true);
        Self { from: &m.from, to: &m.to, count: m.count, kept, keep: &m.keep }
    }
}

#[derive(Serialize)]
struct Scope<'a> {
    pos: &'a str,
    scope: &'a str,
}

#[derive(Serialize)]
struct AuthExpiring {
    in_ms: u32,
}

#[derive(Serialize)]
struct Err<'a> {
    r#ref: &'a str,
    code: &'a str,
    retryable: bool,
    msg: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Details<'a> {
    Call(&'a pb::Call),
    Agent(&'a pb::Agent),
}

impl<'a> Err<'a> {
    fn of(m: &'a pb::Err) -> Self {
        use pb::err::Details as D;
        let details = m.details.as_ref().map(|details| match details {
            D::Call(call) => Details::Call(call),
            D::Agent(agent) => Details::Agent(agent),
        });
        Self { r#ref: &m.r#ref, code: &m.code, retryable: m.retryable, msg: &m.msg, details }
    }
}

#[derive(Serialize)]
struct GoAway<'a> {
    why: &'a str,
    after_ms: u32,
    spread_ms: u32,
}

impl<'a> GoAway<'a> {
    fn of(m: &'a pb::GoAway) -> Self {
        Self { why: &m.why, after_ms: m.after_ms, spread_ms: m.spread_ms }
    }
}
