//! Bytes nobody would send, and conversations nobody would hold.

use super::rig::*;
use crate::sip::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// What one step of a conversation does.
#[derive(Clone, Debug)]
enum Step {
    Says(usize, usize, usize),
    Garbage(usize, Vec<u8>),
    Mutated(usize, usize, Vec<(u16, u8)>),
    Route(usize),
    Refuse,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0usize..3, 0usize..7, 0usize..4)
            .prop_map(|(who, what, call)| Step::Says(who, what, call)),
        1 => (0usize..3, vec(any::<u8>(), 0..300)).prop_map(|(who, b)| Step::Garbage(who, b)),
        4 => (0usize..3, 0usize..40, vec((any::<u16>(), any::<u8>()), 1..6))
            .prop_map(|(who, n, m)| Step::Mutated(who, n, m)),
        3 => (0usize..3).prop_map(Step::Route),
        1 => Just(Step::Refuse),
        2 => (0u64..9_000).prop_map(Step::Wait),
    ]
}

const STATUSES: [&str; 8] = [
    "100 Trying",
    "180 Ringing",
    "200 OK",
    "408 Request Timeout",
    "486 Busy Here",
    "487 Request Terminated",
    "503 Service Unavailable",
    "603 Decline",
];

/// Plays a conversation; `seen` are messages that went out, answered and mutated later.
fn play(steps: &[Step]) -> (Rig, Vec<Signal>) {
    let peers = [PBX, ALPHA, BETA];
    let mut rig = Rig::new();
    let (mut seen, mut asks, mut told) = (Vec::<Sent>::new(), Vec::new(), Vec::new());
    for step in steps {
        let sent = match step {
            Step::Says(who, what, call) => {
                let name = format!("c{call}");
                let text = match (what, seen.get(*call * 3 + what)) {
                    (0, _) => invite(&name),
                    (1, _) => cancel(&name),
                    (2, _) => ack(&name, "b"),
                    (_, Some(sent)) if sent.text().starts_with("SIP/2.0") => sent.text(),
                    (n, Some(sent)) => sent.answer(STATUSES[(n + call * 2 + who) % 8], "b", ""),
                    (_, None) => request("MESSAGE", &name, ""),
                };
                let who = seen.get(*call * 3 + what).filter(|_| *what > 2).map(|s| s.to.clone());
                rig.says(&who.unwrap_or(PBX.to_owned()), text)
            }
            Step::Garbage(who, bytes) => rig.says(peers[*who], bytes),
            Step::Mutated(who, n, changes) => {
                let mut bytes = match seen.get(*n) {
                    Some(sent) if sent.text().starts_with("SIP/2.0") => sent.bytes.clone(),
                    Some(sent) => sent.answer(STATUSES[n % 8], "b", "").into_bytes(),
                    None => invite("m").into_bytes(),
                };
                for (at, byte) in changes {
                    let at = usize::from(*at) % bytes.len();
                    match byte % 3 {
                        0 => bytes[at] = *byte,
                        1 => bytes.truncate(at.max(1)),
                        _ => bytes.insert(at, *byte),
                    }
                }
                rig.says(peers[*who], bytes)
            }
            Step::Route(n) => match asks.pop() {
                Some(ask) => rig.route(ask, &[(ALPHA_ID, ALPHA), (BETA_ID, BETA)][..*n]),
                None => Vec::new(),
            },
            Step::Refuse => {
                let refusal = Refusal { status: 403, phrase: "No".into(), headers: Vec::new() };
                if let Some(ask) = asks.pop() {
                    rig.core.refuse(rig.now, ask, refusal, &mut rig.out);
                }
                rig.take()
            }
            Step::Wait(ms) => rig.wait_ms(*ms),
        };
        seen.extend(sent);
        for signal in rig.signals() {
            if let Signal::Ask { ask, .. } = &signal {
                asks.push(*ask);
            }
            told.push(signal);
        }
    }
    (rig, told)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// No conversation panics, and when everybody is silent (timer C included) nothing stays.
    #[test]
    fn silence_empties_every_table(steps in vec(step(), 1..60)) {
        let (mut rig, _) = play(&steps);
        rig.wait_ms(190_000 + 4 * 33_000);
        prop_assert_eq!(rig.core.sizes(), Sizes::default());
    }

    /// The same inputs give the same bytes.
    #[test]
    fn conversations_are_deterministic(steps in vec(step(), 1..30)) {
        let (a, b) = (play(&steps), play(&steps));
        prop_assert_eq!(a.1, b.1);
        prop_assert_eq!(a.0.core.counters(), b.0.core.counters());
        prop_assert_eq!(a.0.core.sizes(), b.0.core.sizes());
        prop_assert_eq!(a.0.core.next_deadline(), b.0.core.next_deadline());
    }

    /// Each ask ends exactly once: answered, or rejected.
    #[test]
    fn an_ask_ends_once(steps in vec(step(), 1..60)) {
        let (mut rig, mut told) = play(&steps);
        rig.wait_ms(400_000);
        told.extend(rig.signals());
        let asks: Vec<AskId> = told.iter().filter_map(|s| match s {
            Signal::Ask { ask, .. } => Some(*ask),
            _ => None,
        }).collect();
        for ask in asks {
            let rejected = told.iter().filter(|s| {
                matches!(s, Signal::Rejected { ask: a, .. } if *a == ask)
            }).count();
            let answered = told.iter().any(|s| {
                matches!(s, Signal::Response { ask: a, status: 200..=299, .. } if *a == ask)
            });
            prop_assert_eq!(rejected + usize::from(answered), 1);
        }
    }
}
