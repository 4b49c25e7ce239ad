//! What comes after the process that asked for it.

use super::rig::*;
use crate::sip::message::Name;
use crate::sip::*;

#[test]
fn a_response_to_an_earlier_run_is_forwarded_by_via() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    let mut rig = rig.restarted(2);
    let up = rig.says(ALPHA, sent.answer("200 OK", "b", "Reason: Q.850;cause=16\r\n"));
    assert_eq!((up.len(), up[0].to.as_str(), up[0].all(Name::Via).len()), (1, PBX, 1));
    let signals = rig.signals();
    assert!(matches!(&signals[..], [Signal::Late { peer: ALPHA_ID, method, status: 200, ids, .. }]
        if method == "INVITE" && ids.call_id == "a@pbx" && ids.to_tag == "b"));
    assert_eq!(rig.says(ALPHA, sent.answer("100 Trying", "", "")), []);
    assert_eq!(rig.core.counters().late_responses, 1);
    assert_eq!(rig.core.sizes(), Sizes::default());
}

#[test]
fn a_late_rejection_is_acknowledged_for_the_caller() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    let mut rig = rig.restarted(2);
    let out = rig.says(ALPHA, sent.answer("486 Busy Here", "b", ""));
    assert_eq!(out.iter().map(|s| s.to.as_str()).collect::<Vec<_>>(), [ALPHA, PBX]);
    assert!(out[0].first_line().starts_with("ACK"));
    assert_eq!(out[0].branch(), sent.branch());
    assert_eq!(rig.says(PBX, ack("a", "b")), [], "its own ACK ends here");
}

#[test]
fn forged_branches_and_foreign_vias_go_nowhere() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    let mut rig = rig.restarted(2);
    let good = sent.answer("200 OK", "b", "");
    let forged = good.replace("z9hG4bK00000001t", "z9hG4bK00000003t");
    assert_eq!(rig.says(ALPHA, forged), []);
    let elsewhere = good.replace("received=10.0.0.1", "received=6.6.6.6");
    assert_eq!(rig.says(ALPHA, elsewhere), []);
    let stranger = good.replace("rport", "x");
    assert_eq!(rig.says("6.6.6.6:5060", stranger), []);
    assert_eq!((rig.core.counters().stray_responses, rig.core.counters().unknown_source), (2, 1));
    assert_eq!(rig.signals(), []);
}

#[test]
fn the_same_run_does_not_know_a_transaction_that_ended() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    rig.says(ALPHA, sent.answer("486 Busy Here", "b", ""));
    rig.says(PBX, ack("a", "b"));
    rig.assert_empty();
    assert_eq!(rig.says(ALPHA, sent.answer("200 OK", "b", "")), []);
    assert_eq!(rig.core.counters().stray_responses, 1);
}
