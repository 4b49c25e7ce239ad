//! What is stored comes back, in the bytes that prost would have written.
#![allow(clippy::unwrap_used)]

use super::{journal_frame_from_bytes, journal_frame_to_bytes, pb};
use crate::model::*;
use proptest::option::of;
use proptest::prelude::*;
use prost::Message;
use std::sync::Arc;

fn member<T: Named + std::fmt::Debug>() -> impl Strategy<Value = T> {
    (0..T::TABLE.len()).prop_map(|n| T::TABLE[n].0)
}

fn wall() -> impl Strategy<Value = Wall> {
    // The years 1 to 9999 are what RFC 3339 can say.
    let calendar = -62_135_596_800_000_000..253_402_300_800_000_000_i64;
    prop_oneof![calendar, 0..2_000_000_000_000_000_i64].prop_map(Wall)
}

fn moment() -> impl Strategy<Value = Moment> {
    (wall(), wall(), member()).prop_map(|(pbx_time, observed_at, quality)| Moment {
        pbx_time,
        observed_at,
        quality,
    })
}

fn cause() -> impl Strategy<Value = Cause> {
    (member(), of(any::<u16>()), of(any::<u8>()), ".{0,9}").prop_map(
        |(csta, sip_status, q850, text)| Cause { csta, sip_status, q850, text: text.into() },
    )
}

fn party() -> BoxedStrategy<Party> {
    let raw = prop_oneof![Just("+4930123".to_owned()), ".{0,200}"];
    (of("\\+[0-9]{3,15}|\\+4930123"), raw, of(".{0,9}"), ".{0,9}", any::<[u8; 16]>())
        .prop_map(|(number, raw, display, masked, number_ref)| Party {
            e164: number.and_then(|n| E164::parse(&n)).map(Pii::new),
            raw: Pii::new(raw),
            display: display.map(Pii::new),
            masked,
            number_ref: NumberRef(number_ref),
        })
        .boxed()
}

fn id() -> impl Strategy<Value = uuid::Uuid> {
    any::<u128>().prop_map(uuid::Uuid::from_u128)
}

fn leg() -> BoxedStrategy<Leg> {
    let moments = (of(moment()), of(moment()), of(moment()), of(moment()));
    let words = (member(), ".{0,9}", member(), of(member()));
    let names = (of(".{0,9}"), of((".{0,9}", ".{0,9}")), of(".{0,9}"), of(pop()));
    (any::<u8>(), words, wall(), moments, of(cause()), names)
        .prop_map(|(id, (role, device, state, alerting_basis), since, moments, cause, names)| Leg {
            id: LegId(id),
            agent: names.0.map(Arc::from),
            channel: names.1.map(|(pbx, id)| Box::new(Channel { pbx: pbx.into(), id: id.into() })),
            sip_call_id: names.2.map(Arc::from),
            pop: names.3.map(Box::new),
            role,
            device: device.into(),
            state,
            alerting_basis,
            since,
            alerting: moments.0,
            answered: moments.1,
            held_since: moments.2,
            ended: moments.3,
            cause: cause.map(Box::new),
        })
        .boxed()
}

fn pop() -> impl Strategy<Value = Pop> {
    (member(), ".{0,9}", of((member(), ".{0,9}"))).prop_map(|(window, opening, prompt)| Pop {
        window,
        opening: opening.into(),
        prompt: prompt.map(|(kind, text): (PromptKind, String)| (kind, text.into())),
    })
}

fn dossier() -> impl Strategy<Value = Option<Box<Dossier>>> {
    let factor =
        (".{0,9}", any::<bool>(), ".{0,9}", wall()).prop_map(|(kind, by_number, by, at)| Factor {
            kind: kind.into(),
            by_number,
            by: by.into(),
            at,
        });
    let label = (".{0,9}", ".{0,9}", wall()).prop_map(|(name, by, at)| CallLabel {
        name: name.into(),
        by: by.into(),
        at,
    });
    let sensitive = prop::collection::btree_set(".{0,9}".prop_map(Arc::from), 0..3);
    (prop::collection::vec(factor, 0..3), sensitive, of(label)).prop_map(
        |(factors, sensitive, label)| {
            let dossier = Dossier { factors, sensitive, label };
            (!dossier.is_empty()).then(|| Box::new(dossier))
        },
    )
}

fn origin() -> BoxedStrategy<Origin> {
    let parties = (party(), party(), of(party()));
    let words = (".{0,9}", ".{0,9}", of(".{0,9}"), ".{0,9}");
    (id(), (of(id()), of(id())), member(), parties, words, moment(), of(signalling()))
        .prop_map(|(id, (thread, parent), direction, (from, to, dialed), words, started, said)| {
            let to = Arc::new(to);
            Origin {
                id: CallId(id),
                tenant: words.0.into(),
                site: words.1.into(),
                direction,
                purpose: words.2.map(String::into_boxed_str),
                from: from.into(),
                dialed: dialed.map_or_else(|| to.clone(), Arc::new),
                to,
                device: words.3.into(),
                thread_id: CallId(thread.unwrap_or(id)),
                parent_id: parent.map(CallId),
                signalling: said.map(Box::new),
                started,
            }
        })
        .boxed()
}

fn signalling() -> BoxedStrategy<Signalling> {
    let words = (of(".{0,9}"), of(".{0,9}"), of(".{0,9}"));
    (of(party()), words, of(member()), any::<bool>())
        .prop_map(|(diverted_from, words, attest, private)| Signalling {
            diverted_from,
            diversion_reason: words.0,
            user_to_user: words.1.map(Pii::new),
            session_id: words.2,
            attest,
            private,
        })
        .boxed()
}

pub(super) fn call() -> BoxedStrategy<Call> {
    let words = (".{0,9}", ".{0,9}", ".{0,9}", ".{0,9}");
    let moments = (of(moment()), of(moment()), of(moment()), of(moment()));
    let figures = (of(any::<u32>()), of(any::<u32>()), of(any::<u32>()), of(any::<u32>()));
    let rest = (of(any::<u32>()), of(any::<bool>()), member(), of(member()), of(cause()), of(id()));
    let data = prop::collection::btree_map(".{0,9}", ".{0,9}".prop_map(Pii::new), 0..3);
    let parts = (prop::collection::vec(leg(), 0..3), of(".{0,9}"), data, dossier());
    (origin(), any::<u64>(), member(), words, moments, figures, rest, parts)
        .prop_map(
            |(origin, rev, state, words, moments, figures, rest, (legs, queue, data, dossier))| {
                Call {
                    queue: queue.map(Arc::from),
                    dossier,
                    data,
                    origin: Arc::new(origin),
                    rev,
                    state,
                    trunk: words.0.into(),
                    dialog: Dialog { call_id: words.1, caller_tag: words.2, callee_tag: words.3 }
                        .into(),
                    alerting: moments.0,
                    network_reached: moments.1,
                    answered: moments.2,
                    ended: moments.3,
                    ring_ms: figures.0,
                    wait_ms: figures.1,
                    talk_ms: figures.2,
                    hold_ms: figures.3,
                    rings: rest.0,
                    answered_in_time: rest.1,
                    service_basis: rest.2,
                    released_by: rest.3,
                    cause: rest.4,
                    decision_id: rest.5.map(DecisionId),
                    legs,
                }
            },
        )
        .boxed()
}

fn entity() -> BoxedStrategy<Entity> {
    let system = (member(), ".{0,200}", any::<u32>()).prop_map(|(state, reason, lost)| {
        Entity::System(SystemStatus { state, reason, lost: lost.into() }.into())
    });
    prop_oneof![
        4 => call().prop_map(|call| Entity::Call(Arc::new(call))),
        1 => system,
        1 => duty().prop_map(|duty| Entity::Duty(Box::new(duty))),
    ]
    .boxed()
}

fn duty() -> BoxedStrategy<Duty> {
    let words = (".{0,9}", ".{0,9}", ".{0,9}");
    (id(), any::<u32>(), member(), words, (wall(), wall()), member(), of(wall()))
        .prop_map(|(id, rev, kind, words, times, state, met_at)| Duty {
            id: DutyId(id),
            rev: rev.into(),
            kind,
            subject: words.0,
            agent: words.2.into(),
            started: times.0,
            due_at: times.1,
            state,
            met_at,
            reason: words.1,
        })
        .boxed()
}

fn transferred() -> impl Strategy<Value = Box<Transferred>> {
    (member(), of(id()))
        .prop_map(|(kind, to_call)| Box::new(Transferred { kind, to_call: to_call.map(CallId) }))
}

fn shift() -> impl Strategy<Value = Box<Shift>> {
    (of(id()), ".{0,9}", ".{0,9}", ".{0,9}").prop_map(|(call, from, to, reason)| {
        Box::new(Shift { call: call.map(CallId), from, to, reason })
    })
}

/// Some of the events belong to the call of an earlier one.
fn events() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec((event(), of(any::<prop::sample::Index>())), 0..6).prop_map(|drawn| {
        let mut events: Vec<Event> = Vec::new();
        for (mut event, like) in drawn {
            if let Entity::Call(call) = &mut event.entity
                && let Some(like) = like.filter(|_| !events.is_empty())
                && let Entity::Call(known) = &events[like.index(events.len())].entity
            {
                Arc::make_mut(call).origin = known.origin.clone();
            }
            events.push(event);
        }
        events
    })
}

pub(super) fn event() -> impl Strategy<Value = Event> {
    let detail = (of(any::<u8>()), of(any::<u16>()), of(moment()), of(member()), of(shift()));
    (
        any::<u64>(),
        wall(),
        member(),
        entity(),
        detail,
        (
            of(transferred()),
            of(any::<char>()),
            of(".{1,9}"),
            of(id()),
            prop::collection::vec(".{0,9}".prop_map(Arc::from), 0..3),
            of((".{0,9}", ".{0,9}")),
            of((any::<[u8; 16]>(), of(any::<[u8; 16]>()))),
        ),
    )
        .prop_map(
            |(
                pos,
                ts,
                kind,
                entity,
                (leg, sip_status, at, repair, shift),
                (transfer, digit, key, caused_by, confirm_by, waiver, place),
            )| Event {
                pos: Pos(pos),
                ts,
                kind,
                entity,
                detail: Detail {
                    leg: leg.map(LegId),
                    sip_status,
                    at,
                    repair,
                    shift,
                    transfer,
                    digit: digit.filter(|d| *d != '\0'),
                    key: key.map(String::into_boxed_str),
                    caused_by: caused_by.map(|id| Box::new(CommandId(id))),
                    confirm_by,
                    waiver: waiver.map(|(by, reason)| Box::new(Waiver { by, reason })),
                    place: place.map(|(number, customer)| {
                        let customer = customer.map(NumberRef);
                        Box::new(Place { number: NumberRef(number), customer })
                    }),
                },
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// A frame holds its events whole, and prost writes the same bytes.
    #[test]
    fn what_is_stored_comes_back(events in events()) {
        let bytes = journal_frame_to_bytes(&events);
        prop_assert_eq!(&journal_frame_from_bytes(&bytes).unwrap(), &events);
        let frame = pb::JournalFrame::decode(bytes.as_slice()).unwrap();
        prop_assert_eq!(frame.encode_to_vec(), bytes);
    }

    /// Bytes of anybody else are an error at most.
    #[test]
    fn garbage_is_refused_quietly(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = journal_frame_from_bytes(&bytes);
    }
}

#[test]
fn moments_beyond_the_calendar_come_back() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let event = event().new_tree(&mut runner).unwrap().current();
    for ts in [Wall(i64::MIN), Wall(-1), Wall(i64::MAX)] {
        let events = [Event { ts, ..event.clone() }];
        let read = journal_frame_from_bytes(&journal_frame_to_bytes(&events)).unwrap();
        assert_eq!(read, events);
    }
}

#[test]
fn what_does_not_change_is_written_once_a_frame() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut event = event().new_tree(&mut runner).unwrap().current();
    event.entity = Entity::Call(Arc::new(call().new_tree(&mut runner).unwrap().current()));
    let (one, other) = ([event.clone()], [event.clone(), event]);
    let origin_bytes = 100; // two parties alone are more
    let (one, both) = (journal_frame_to_bytes(&one).len(), journal_frame_to_bytes(&other).len());
    assert!(both < 2 * one - origin_bytes, "{one} bytes, {both} bytes");
}

/// Stored numbers of names mean the same for ever: a line here may grow at its end, and nothing
/// else about it may change.
#[test]
fn numbers_of_names_never_change() {
    fn names<T: Named + std::fmt::Debug>() -> String {
        for (member, _) in T::TABLE {
            assert_eq!(T::from_code(member.code()), Some(*member));
        }
        assert_eq!((T::from_code(0), T::from_code(T::TABLE.len() as u32 + 1)), (None, None));
        T::TABLE.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
    }
    assert_eq!(names::<PopWindow>(), "primary secondary");
    assert_eq!(names::<PromptKind>(), "apology_late apology_fault");
    assert_eq!(names::<Direction>(), "inbound outbound internal");
    assert_eq!(names::<ConnectionState>(), "initiated alerting connected hold queued fail null");
    assert_eq!(names::<LegRole>(), "customer agent trunk queue consult supervisor external");
    assert_eq!(names::<AlertingBasis>(), "180 183 pbx_state");
    assert_eq!(names::<Released>(), "customer agent network system");
    assert_eq!(names::<Attest>(), "A B C");
    assert_eq!(names::<Transfer>(), "blind attended");
    assert_eq!(names::<ServiceBasis>(), "agent trunk");
    assert_eq!(
        names::<CstaCause>(),
        "normalClearing busy callNotAnswered callCancelled callRejected numberUnallocated \
         destNotObtainable invalidNumberFormat trunksBusy networkCongestion \
         incompatibleDestination timeout transfer policy_denied lost_sync other"
    );
    assert_eq!(names::<TimeQuality>(), "measured pbx derived reconciled");
    assert_eq!(
        names::<Repair>(),
        "call_known_again missed_answer_learnt stale_call_closed events_lost beginning_learnt \
         missed_ring_learnt missed_hold_learnt missed_retrieve_learnt missed_end_learnt \
         pbx_restarted link_was_away"
    );
    assert_eq!(
        names::<EventKind>(),
        "call.originated call.network_reached call.delivered call.established call.held \
         call.retrieved call.failed call.connection_cleared call.abandoned call.cleared \
         call.resynced outbound.requested outbound.allowed outbound.denied dnc.added \
         system.status line.state_changed line.failover line.recovered line.capacity_reached \
         duty.started duty.met duty.breached call.queued call.diverted call.transferred \
         call.conferenced call.data_updated call.dtmf outbound.ungated \
         agent.logged_on agent.logged_off agent.ready agent.not_ready agent.reserved agent.busy \
         agent.working_after_call agent.unknown agent.desk_changed command.accepted command.done \
             link.state_changed \
         call.identified call.labelled call.transfer_unconfirmed dnc.removed override.requested \
         override.approved override.used override.revoked override.expired gate.shadow_differs \
         claim.recorded claim.withdrawn"
    );
}
