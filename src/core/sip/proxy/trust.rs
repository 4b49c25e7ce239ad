//! Identities between neighbours (RFC 3325 §5, §7).

use super::Core;
use crate::sip::PeerId;
use crate::sip::message::{Message, Name};

impl Core {
    /// Takes identities out of a message that they may not stay in:
    /// - P-Asserted-Identity of a neighbour that may not assert;
    /// - both identity headers towards one outside of the trust domain, if `Privacy: id` is asked;
    /// - P-Preferred-Identity, a wish of its sender, where an assertion stands beside it, and
    ///   where a neighbour of the trust domain would take the wish of one outside for more.
    pub(super) fn guard_identity(&mut self, message: &Message<'_>, from: PeerId, to: PeerId) {
        let asserted = message.header(Name::PAssertedIdentity).is_some();
        let preferred = message.header(Name::PPreferredIdentity).is_some();
        if !asserted && !preferred {
            return;
        }
        let (from, to) = (self.peers.is_trusted(from), self.peers.is_trusted(to));
        let hidden = !to && asks_for_id_privacy(message);
        if !from || hidden {
            self.cut(message, Name::PAssertedIdentity);
        }
        if hidden || (to && (asserted || !from)) {
            self.cut(message, Name::PPreferredIdentity);
        }
    }

    fn cut(&mut self, message: &Message<'_>, name: Name) {
        for header in message.headers(name) {
            self.edits.remove(header.line);
        }
    }
}

fn asks_for_id_privacy(message: &Message<'_>) -> bool {
    let bytes = message.bytes();
    message.headers(Name::Privacy).any(|header| {
        let words = header.value.of(bytes).split(|b| matches!(b, b';' | b','));
        words.map(<[u8]>::trim_ascii).any(|word| word.eq_ignore_ascii_case(b"id"))
    })
}
