//! Non-INVITE server transaction: RFC 3261 figure 8. Provisional answers are not sent in it: 100
//! would come too early and others are forbidden (RFC 4320 §4.1).

super::machine! {
    /// State of a request other than INVITE that we received.
    OtherServer { Trying, Completed, Terminated }
    OtherServerInput { Request, Final, End }
    OtherServerAct { Absorb, Send, SendAgain, Remove }
    Trying + Request => Trying: Absorb;
    Trying + Final => Completed: Send;
    // The client behind it gave up. No 408: it would come too late (RFC 4320 §4.2).
    Trying + End => Terminated: Remove;
    Completed + Request => Completed: SendAgain;
    Completed + End => Terminated: Remove;
}

#[test]
fn table_is_that_of_the_rfc() {
    assert_eq!(
        OtherServer::table(),
        "Trying + Request -> Trying: Absorb
Trying + Final -> Completed: Send
Trying + End -> Terminated: Remove
Completed + Request -> Completed: SendAgain
Completed + End -> Terminated: Remove
"
    );
}
