//! INVITE client transaction: RFC 3261 figure 5 with RFC 6026 §8.4.

super::machine! {
    /// State of an INVITE that we sent.
    InviteClient { Calling, Proceeding, Completed, Accepted, Terminated }
    InviteClientInput { Provisional, Success, Failure, Resend, End }
    InviteClientAct { Tell, AckAndTell, Ack, SendAgain, TimedOut, Remove }
    // It doubles without a bound (§17.1.1.2 timer A) until §17.1.1.2 timer B ends the wait.
    Calling + Resend => Calling: SendAgain;
    Calling + End => Terminated: TimedOut;
    // §17.1.1.2 provisional: it is not repeated any more.
    Calling + Provisional => Proceeding: Tell;
    Calling + Success => Accepted: Tell;
    Calling + Failure => Completed: AckAndTell;
    Proceeding + Provisional => Proceeding: Tell;
    Proceeding + Success => Accepted: Tell;
    Proceeding + Failure => Completed: AckAndTell;
    // Timer C of the proxy, or no final answer within 64*T1 of our CANCEL (§9.1 end).
    Proceeding + End => Terminated: TimedOut;
    // §17.1.1.2 timer D.
    Completed + Failure => Completed: Ack;
    Completed + End => Terminated: Remove;
    // Every 2xx goes up, retransmitted or forked (RFC 6026 §7.2), until timer M.
    Accepted + Success => Accepted: Tell;
    Accepted + End => Terminated: Remove;
}

#[test]
fn table_is_that_of_the_rfc() {
    assert_eq!(
        InviteClient::table(),
        "Calling + Provisional -> Proceeding: Tell
Calling + Success -> Accepted: Tell
Calling + Failure -> Completed: AckAndTell
Calling + Resend -> Calling: SendAgain
Calling + End -> Terminated: TimedOut
Proceeding + Provisional -> Proceeding: Tell
Proceeding + Success -> Accepted: Tell
Proceeding + Failure -> Completed: AckAndTell
Proceeding + End -> Terminated: TimedOut
Completed + Failure -> Completed: Ack
Completed + End -> Terminated: Remove
Accepted + Success -> Accepted: Tell
Accepted + End -> Terminated: Remove
"
    );
}
