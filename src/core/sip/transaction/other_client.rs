//! Non-INVITE client transaction: RFC 3261 figure 6.

super::machine! {
    /// State of a request other than INVITE that we sent.
    OtherClient { Trying, Proceeding, Completed, Terminated }
    OtherClientInput { Provisional, Final, Resend, End }
    OtherClientAct { Tell, Absorb, SendAgain, TimedOut, Remove }
    // It doubles up to T2 (§17.1.2.2 timer E) until §17.1.2.2 timer F ends the wait.
    Trying + Resend => Trying: SendAgain;
    Trying + End => Terminated: TimedOut;
    Trying + Provisional => Proceeding: Absorb;
    Trying + Final => Completed: Tell;
    Proceeding + Resend => Proceeding: SendAgain;
    Proceeding + End => Terminated: TimedOut;
    Proceeding + Provisional => Proceeding: Absorb;
    Proceeding + Final => Completed: Tell;
    // §17.1.2.2 timer K.
    Completed + Final => Completed: Absorb;
    Completed + End => Terminated: Remove;
}

#[test]
fn table_is_that_of_the_rfc() {
    assert_eq!(
        OtherClient::table(),
        "Trying + Provisional -> Proceeding: Absorb
Trying + Final -> Completed: Tell
Trying + Resend -> Trying: SendAgain
Trying + End -> Terminated: TimedOut
Proceeding + Provisional -> Proceeding: Absorb
Proceeding + Final -> Completed: Tell
Proceeding + Resend -> Proceeding: SendAgain
Proceeding + End -> Terminated: TimedOut
Completed + Final -> Completed: Absorb
Completed + End -> Terminated: Remove
"
    );
}
