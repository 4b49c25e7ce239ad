//! Non-INVITE server transaction: RFC 3261 figure 8. The only provisional answer in
//! it is a late 100: earlier ones and others are forbidden (RFC 4320 §4.1).

super::machine! {
    /// State of a request other than INVITE that we received.
    OtherServer { Trying, Proceeding, Completed, Terminated }
    OtherServerInput { Request, Late, Final, End }
    OtherServerAct { Absorb, Send, SendAgain, Remove }
    // §17.2.2 trying; no provisional answer of ours (§8.2.6.1 others, RFC 4320 §4.1 others).
    Trying + Request => Trying: Absorb;
    // RFC 4320 §4.1 late: 100 when the sender waits as long as it ever does between two copies.
    Trying + Late => Proceeding: Send;
    Trying + Final => Completed: Send;
    // The client behind it gave up. No 408: it would come too late (RFC 4320 §4.2).
    Trying + End => Terminated: Remove;
    Proceeding + Request => Proceeding: SendAgain;
    Proceeding + Final => Completed: Send;
    Proceeding + End => Terminated: Remove;
    // §17.2.2 repeat, until §17.2.2 timer J; what comes later goes nowhere (RFC 4320 §4.2 late).
    Completed + Request => Completed: SendAgain;
    Completed + End => Terminated: Remove;
}

#[test]
fn table_is_that_of_the_rfc() {
    assert_eq!(
        OtherServer::table(),
        "Trying + Request -> Trying: Absorb
Trying + Late -> Proceeding: Send
Trying + Final -> Completed: Send
Trying + End -> Terminated: Remove
Proceeding + Request -> Proceeding: SendAgain
Proceeding + Final -> Completed: Send
Proceeding + End -> Terminated: Remove
Completed + Request -> Completed: SendAgain
Completed + End -> Terminated: Remove
"
    );
}
