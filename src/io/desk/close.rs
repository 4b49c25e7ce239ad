//! Why the server ends a socket. 45xx is terminal: the client must not reconnect by itself.

/// Close codes of `trunkline.v1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Close {
    /// Answer to the client's own close.
    Normal = 1000,
    /// Draining, after `goaway`.
    Draining = 1001,
    /// Not the protocol: no frame, no hello, a second hello.
    Protocol = 1002,
    /// A binary message where messages are text, or the reverse.
    WrongKind = 1003,
    /// Bad UTF-8.
    BadUtf8 = 1007,
    /// Message over the limit.
    TooBig = 1009,
    /// A fault of ours.
    Fault = 1011,
    /// A fresh socket is wanted: no hello in time, or the journal could not be read.
    Reconnect = 4000,
    /// No sign of life after a heartbeat.
    HeartbeatLost = 4001,
    /// The queue towards the client is over a limit.
    SlowConsumer = 4008,
    /// Positions are void: reconnect without resume.
    Resync = 4009,
    /// The token has ended.
    AuthExpired = 4100,
    /// The token was refused.
    AuthFailed = 4500,
    /// The token, or its user, was revoked.
    Revoked = 4503,
    /// Another socket of the same desktop took the place.
    Replaced = 4509,
    /// Too many sockets of this user, or messages of this socket.
    TooMany = 4529,
}

impl Close {
    /// Number on the wire.
    pub fn code(self) -> u16 {
        self as u16
    }

    /// Reason text on the wire.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Normal => "bye",
            Self::Draining => "draining",
            Self::Protocol => "protocol error",
            Self::WrongKind => "text is for json, binary for pb",
            Self::BadUtf8 => "bad utf-8",
            Self::TooBig => "message too big",
            Self::Fault => "server fault",
            Self::Reconnect => "reconnect",
            Self::HeartbeatLost => "heartbeat lost",
            Self::SlowConsumer => "slow consumer",
            Self::Resync => "resync",
            Self::AuthExpired => "token expired",
            Self::AuthFailed => "token refused",
            Self::Revoked => "revoked",
            Self::Replaced => "replaced",
            Self::TooMany => "too many",
        }
    }
}
