//! A customer and a PBX on either side, and the calls they make most.

use super::ua::session;
use super::{Dialog, Site, Ua};

/// One user agent a side.
pub struct Peers {
    pub customer: Ua,
    pub pbx: Ua,
}

impl Peers {
    pub fn of(site: &Site) -> Self {
        Self {
            customer: Ua::bind(site.carrier(), site.carrier_side()),
            pbx: Ua::bind(site.net.pbx(), site.net.trunkline()),
        }
    }

    /// An inbound call is rung and answered.
    pub fn talk(&self, name: &str) -> Dialog {
        let mut dialog = Dialog::caller(&self.customer, "13800138000", "95519", name);
        self.customer.send(&dialog.invite());
        let invite = self.pbx.expect("INVITE ");
        self.pbx.answer(&invite, "180 Ringing", "pbx", "");
        self.customer.expect("SIP/2.0 180");
        self.pbx.answer(&invite, "200 OK", "pbx", &session(self.pbx.address, "sendrecv"));
        dialog.confirm(&self.customer.expect("SIP/2.0 200"));
        self.customer.send(&dialog.ack());
        self.pbx.expect("ACK ");
        dialog
    }

    /// A call to an emergency number reaches the carrier, which is busy.
    pub fn emergency(&self, number: &str) {
        let dialog = Dialog::caller(&self.pbx, "1001", number, &format!("emergency-{number}"));
        self.pbx.send(&dialog.invite());
        let invite = self.customer.expect(&format!("INVITE sip:{number}@"));
        self.customer.answer(&invite, "486 Busy Here", "busy", "");
        let refusal = self.pbx.expect("SIP/2.0 486");
        self.pbx.send(&dialog.ack_refusal(&refusal));
        self.customer.expect("ACK ");
    }

    /// The customer ends it.
    pub fn hang_up(&self, dialog: &mut Dialog) {
        self.customer.send(&dialog.next("BYE", ""));
        let bye = self.pbx.expect("BYE ");
        self.pbx.answer(&bye, "200 OK", "", "");
        self.customer.expect("SIP/2.0 200");
    }
}
