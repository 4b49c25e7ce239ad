//! A customer talks to 1001, whose desktop watches; 1002 is there, too.

use crate::desktop::Desktop;
use crate::phone::Phone;
use crate::place::Place;
use crate::support::tail::Tail;
use crate::support::{Dialog, Ua};
use crate::trunk::talk;
use serde_json::Value;

pub struct Talking {
    pub place: Place,
    pub one: Phone,
    pub two: Phone,
    pub customer: Ua,
    pub dialog: Dialog,
    /// Of 1001.
    pub desk: Desktop,
    /// `call.established`, as that desktop saw it.
    pub call: Value,
    pub tail: Tail,
}

pub fn talking(place: Place) -> Talking {
    let (one, two) = (place.phone("1001"), place.phone("1002"));
    let customer = place.customer();
    let tail = place.site.tail(None);
    let mut desk = Desktop::open(&place);
    let dialog = talk(&customer, &one);
    let call = desk.sees("call.established");
    Talking { place, one, two, customer, dialog, desk, call, tail }
}
