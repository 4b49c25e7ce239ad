//! INVITE server transaction: RFC 3261 figure 7 with RFC 6026 §8.5.

super::machine! {
    /// State of an INVITE that we received.
    InviteServer { Proceeding, Completed, Confirmed, Accepted, Terminated }
    InviteServerInput { Invite, Ack, Provisional, Success, Failure, Resend, End }
    InviteServerAct { Send, SendAgain, Absorb, PassAck, Remove, Expired }
    // §17.2.1 repeat.
    Proceeding + Invite => Proceeding: SendAgain;
    Proceeding + Provisional => Proceeding: Send;
    Proceeding + Success => Accepted: Send;
    Proceeding + Failure => Completed: Send;
    // The user of the core owes an answer (§16.2 has no such timer, the tables need one).
    Proceeding + End => Proceeding: Expired;
    Completed + Invite => Completed: SendAgain;
    // It doubles up to T2 (§17.2.1 timer G) until §17.2.1 timer H ends the wait for the ACK.
    Completed + Resend => Completed: SendAgain;
    Completed + Ack => Confirmed: Absorb;
    Completed + End => Terminated: Remove;
    // §17.2.1 timer I.
    Confirmed + Ack => Confirmed: Absorb;
    Confirmed + Invite => Confirmed: Absorb;
    Confirmed + End => Terminated: Remove;
    // The callee repeats its 2xx, so a repeated INVITE is absorbed (RFC 6026 §7.1); the ACK is
    // end-to-end (RFC 6026 §7.1 ack).
    Accepted + Invite => Accepted: Absorb;
    Accepted + Ack => Accepted: PassAck;
    Accepted + Success => Accepted: Send;
    Accepted + End => Terminated: Remove;
}

#[test]
fn table_is_that_of_the_rfc() {
    assert_eq!(
        InviteServer::table(),
        "Proceeding + Invite -> Proceeding: SendAgain
Proceeding + Provisional -> Proceeding: Send
Proceeding + Success -> Accepted: Send
Proceeding + Failure -> Completed: Send
Proceeding + End -> Proceeding: Expired
Completed + Invite -> Completed: SendAgain
Completed + Ack -> Confirmed: Absorb
Completed + Resend -> Completed: SendAgain
Completed + End -> Terminated: Remove
Confirmed + Invite -> Confirmed: Absorb
Confirmed + Ack -> Confirmed: Absorb
Confirmed + End -> Terminated: Remove
Accepted + Invite -> Accepted: Absorb
Accepted + Ack -> Accepted: PassAck
Accepted + Success -> Accepted: Send
Accepted + End -> Terminated: Remove
"
    );
}
