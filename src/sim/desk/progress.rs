//! How far a desk has followed the log: what it must know to come back without a gap.

use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Fed with every frame of the server.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    epoch: String,
    /// What the server let it see, given back so that a change of rights is noticed.
    scope: String,
    /// Newest position that was applied; empty before the first cut is complete.
    pos: String,
    /// Events since `welcome`.
    count: u64,
    /// Subscriptions whose snapshot has not ended.
    open: BTreeSet<String>,
    /// Events over all connections.
    pub events: u64,
    pub gaps: u64,
}

/// What a frame asks of the desk.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wanted {
    Nothing,
    /// Send this.
    Reply(Value),
    /// Events are missing: connect again.
    Gap {
        server: u64,
        here: u64,
    },
}

impl Progress {
    /// A connection begins with these subscriptions. Snapshots that never come (an unknown
    /// subscription) are closed by `err`.
    pub fn connected(&mut self, subs: impl Iterator<Item = String>) {
        self.count = 0;
        self.open = subs.collect();
    }

    /// `resume` of the next hello, once there is something to resume from.
    pub fn resume(&self) -> Option<Value> {
        let Self { epoch, scope, pos, .. } = self;
        (!pos.is_empty()).then(|| json!({ "epoch": epoch, "pos": pos, "scope": scope }))
    }

    /// Forgets where it was: the server asked for a fresh start.
    pub fn start_over(&mut self) {
        self.pos.clear();
    }

    pub fn frame(&mut self, frame: &Value) -> Wanted {
        let text = |name: &str| frame[name].as_str().unwrap_or_default().to_owned();
        match frame["t"].as_str().unwrap_or_default() {
            "welcome" => {
                self.epoch = text("epoch");
                self.scope = text("scope");
                if frame["resumed"].as_bool() == Some(true) {
                    self.open.clear();
                } else {
                    self.pos.clear();
                }
            }
            "snap" if frame["last"] == true && frame["gap"] != true => {
                self.open.remove(&text("sub"));
                self.reached(text("pos"));
            }
            "err" => {
                self.open.remove(&text("ref"));
            }
            "ev" => {
                self.count += 1;
                self.events += 1;
                self.reached(text("pos"));
            }
            "replayed" => self.reached(text("to")),
            "hb" => return self.heartbeat(frame),
            _ => {}
        }
        Wanted::Nothing
    }

    fn heartbeat(&mut self, frame: &Value) -> Wanted {
        // ProtoJSON leaves a zero out.
        let server = frame["n"].as_u64().unwrap_or(0);
        if server != self.count {
            self.gaps += 1;
            return Wanted::Gap { server, here: self.count };
        }
        self.reached(frame["pos"].as_str().unwrap_or_default().to_owned());
        Wanted::Reply(json!({ "t": "hb", "pos": self.pos, "n": self.count }))
    }

    /// Positions are decimal strings: longer is larger, then by text. While a snapshot is open the
    /// position is not one to resume from.
    fn reached(&mut self, pos: String) {
        let newer = (pos.len(), pos.as_str()) > (self.pos.len(), self.pos.as_str());
        if self.open.is_empty() && newer {
            self.pos = pos;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(progress: &mut Progress, frames: &[Value]) {
        for frame in frames {
            assert_eq!(progress.frame(frame), Wanted::Nothing, "{frame}");
        }
    }

    #[test]
    fn resumes_only_after_a_complete_cut_and_from_the_newest_position() {
        let mut p = Progress::default();
        p.connected(["a".to_owned(), "b".to_owned()].into_iter());
        follow(&mut p, &[json!({"t":"welcome","epoch":"e","pos":"9","scope":"s"})]);
        follow(&mut p, &[json!({"t":"snap","sub":"a","pos":"9","last":true})]);
        follow(&mut p, &[json!({"t":"snap","sub":"b","pos":"9","gap":true,"last":true})]);
        assert_eq!(p.resume(), None, "b is still open");
        follow(&mut p, &[json!({"t":"snap","sub":"b","pos":"9","last":true})]);
        follow(&mut p, &[json!({"t":"ev","pos":"10"}), json!({"t":"new-kind"})]);
        assert_eq!(p.resume(), Some(json!({"epoch":"e","pos":"10","scope":"s"})));
        let beat = p.frame(&json!({"t":"hb","pos":"12","n":1}));
        assert_eq!(beat, Wanted::Reply(json!({"t":"hb","pos":"12","n":1})));
        p.connected(["a".to_owned()].into_iter());
        follow(&mut p, &[json!({"t":"welcome","epoch":"e","scope":"s","pos":"12","resumed":true})]);
        follow(&mut p, &[json!({"t":"replayed","from":"12","to":"15","count":0})]);
        assert_eq!(p.resume(), Some(json!({"epoch":"e","pos":"15","scope":"s"})));
    }

    #[test]
    fn a_wrong_count_is_a_gap() {
        let mut p = Progress::default();
        p.connected(std::iter::empty());
        follow(&mut p, &[json!({"t":"welcome","epoch":"e"}), json!({"t":"ev","pos":"1"})]);
        let beat = p.frame(&json!({"t":"hb","pos":"2","n":2}));
        assert_eq!(beat, Wanted::Gap { server: 2, here: 1 });
        assert_eq!(p.gaps, 1);
    }
}
