//! One link: what its driver in `io` gives it and takes from it.

use super::fact::Observed;
use super::order::{Order, OrderId, OrderResult};
use crate::model::{Mono, Now};

/// A connection of a link. ARI: events are the WebSocket, commands are HTTP (`requests`).
/// ESL: events one connection, commands another, so that a command never stalls events. AMI:
/// events only, for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Events.
    Events,
    /// Orders.
    Commands,
}

/// HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
    /// DELETE
    Delete,
}

/// An HTTP request to the PBX; the driver adds address and credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// Comes back with the answer.
    pub ticket: u64,
    /// Method.
    pub method: Method,
    /// Path and query below `/ari`, percent-encoded.
    pub path: String,
    /// JSON body; empty: none.
    pub body: String,
}

/// Which PBX is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PbxIdentity {
    /// `Asterisk 22.10.0`
    pub version: String,
    /// Changes when the PBX was restarted: start time, Core-UUID.
    pub instance: String,
}

/// Why a session gives a connection up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Close {
    /// Try again soon: the text says what was wrong.
    Retry(String),
    /// Trying soon would not help (wrong password, another bridge holds our application): the
    /// driver waits long between tries.
    Refused(String),
}

/// What a session tells beside facts.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// Logged in and subscribed; a snapshot follows.
    Up(PbxIdentity),
    /// So many events of the PBX were lost before this point (it said so, or a bounded queue was
    /// full): a new snapshot was asked for.
    Lost(u64, String),
    /// An order's result.
    Done(OrderId, OrderResult),
    /// Something an operator should know, once a cause.
    Warning(String),
}

/// What a link reports to the engine, in order.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant)] // nearly all that come are facts
pub enum LinkReport {
    /// A fact.
    Fact(Observed),
    /// News of the session.
    News(News),
    /// The driver tries to connect.
    Connecting,
    /// The connection is gone or was never there: why, and when the next try is.
    Down {
        /// For a person.
        reason: String,
        /// Trying soon would not help.
        refused: bool,
        /// Next try, on our clock.
        next_try: Option<crate::model::Wall>,
    },
}

/// Effects, in order within each list; the driver empties it after each call.
#[derive(Debug, Default)]
pub struct LinkOutputs {
    /// Bytes (AMI, ESL) or one text message each (ARI) to send.
    pub sends: Vec<(Lane, Vec<u8>)>,
    /// HTTP requests.
    pub requests: Vec<HttpRequest>,
    /// Facts and news, in order.
    pub reports: Vec<LinkReport>,
    /// Give the link's connections up.
    pub close: Option<Close>,
}

/// The protocol of one link, without its sockets. A session lives as long as its connections do;
/// a new connection gets a new session.
pub trait Session: Send {
    /// A connection of the link is there.
    fn connected(&mut self, now: Now, lane: Lane, out: &mut LinkOutputs);

    /// Bytes came (AMI, ESL: any cut of the stream; ARI: one whole text message). `now` is when.
    fn received(&mut self, now: Now, lane: Lane, bytes: &[u8], out: &mut LinkOutputs);

    /// Answer to an HTTP request; status 0: none came, `body` says why.
    fn responded(&mut self, now: Now, ticket: u64, status: u16, body: &[u8], out: &mut LinkOutputs);

    /// An order of the engine. Exactly one `News::Done` follows, unless the session ends before:
    /// then the driver answers `LinkDown` or `TimedOut`.
    fn order(&mut self, now: Now, id: OrderId, order: &Order, out: &mut LinkOutputs);

    /// The driver's queue was full and it dropped so many events: ask for a snapshot.
    fn dropped(&mut self, now: Now, events: u64, out: &mut LinkOutputs);

    /// Time has passed.
    fn tick(&mut self, now: Now, out: &mut LinkOutputs);

    /// When `tick` is due next.
    fn next_deadline(&self) -> Option<Mono>;
}
