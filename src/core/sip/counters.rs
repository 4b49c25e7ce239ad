//! Plain numbers for metrics.

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counts since the core was built. They only grow.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            /// Names and values, in the order of the fields.
            pub fn rows(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name)),*].into_iter()
            }
        }
    };
}

counters! {
    /// Datagrams handed in.
    received,
    /// Datagrams handed out.
    sent,
    /// Sources that are no configured neighbour; dropped.
    unknown_source,
    /// Empty lines and other keep-alives.
    keepalives,
    /// Not SIP, or without the headers needed to answer; dropped.
    malformed,
    /// Longer than the limit; dropped.
    too_long,
    /// Scanners; dropped.
    scanners,
    /// Requests of a known transaction, answered from memory or absorbed.
    retransmits_in,
    /// Requests, answers, CANCELs and ACKs sent again by a timer.
    retransmits_out,
    /// Initial INVITEs told as `Ask`.
    invites,
    /// INVITEs refused with 503 because a table is full or the core is draining.
    refused_busy,
    /// Requests answered 4xx/5xx by us for what stands in them.
    refused_invalid,
    /// In-dialog requests whose Record-Route mark is missing or forged.
    bad_marks,
    /// Responses whose branch is not ours, or whose transaction is gone; dropped.
    stray_responses,
    /// ACKs that belong nowhere; dropped.
    stray_acks,
    /// Responses to an earlier run of this process, forwarded by Via.
    late_responses,
    /// INVITE client transactions without any answer (timer B).
    timeouts,
    /// Targets left for the next one.
    failovers,
    /// Challenges (401, 407) that were answered with a neighbour's credentials.
    challenges_answered,
    /// Answers of a target left behind, acknowledged and released by us.
    late_answers_released,
    /// Asks that the user did not answer within 64*T1.
    asks_expired,
    /// `route` or `refuse` for an ask that is over.
    asks_unknown,
    /// Datagrams without a listen address of their family; not sent.
    no_route,
    /// Next hops written as host names: sent to the neighbour's connection or configured address.
    named_hops,
    /// Requests inside a dialog that passed while the tables were full.
    passed_unremembered,
    /// Calls ended because nobody rang within `RoutePlan::post_dial_max`.
    post_dial_expired,
    /// Messages above 1,300 bytes handed out for UDP: they may be cut on the way.
    oversized,
    /// Messages that could not be sent.
    unsent,
    /// Connections closed because they were a stranger's, or one too many.
    flows_refused,
    /// Messages whose connection was gone, and that had no other way.
    undeliverable,
}

/// Live entries of each table; all are zero after 64*T1 of silence without a ringing call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Server transactions (with their response contexts).
    pub servers: usize,
    /// Client transactions.
    pub clients: usize,
    /// Keys under which requests find their server transaction.
    pub keys: usize,
    /// INVITEs without a final answer.
    pub pending: usize,
    /// Armed timers, including those that will find nothing to do.
    pub timers: usize,
    /// Open connections of neighbours; these stay while nothing is said.
    pub flows: usize,
}
