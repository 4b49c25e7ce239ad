//! Puts what a refused phone heard under the gate's line, whichever comes first: the 403 does not
//! wait for the desks, and the desks are told only what is durable.

use super::frames::Frame;
use crate::sim::ua::Report;

/// Refusals of which only one half is known.
#[derive(Debug, Default)]
pub(super) struct Echo {
    /// Devices whose refusal the desk has told.
    told: Vec<String>,
    /// Devices that heard a 403, and the line about it.
    heard: Vec<(String, String)>,
}

impl Echo {
    /// A phone's report. Returns the line if it is time for it.
    pub fn phone(&mut self, report: &Report) -> Option<String> {
        let Report::Failed { id, status: 403, reason, .. } = report else { return None };
        let reason = reason.as_deref().unwrap_or("no reason");
        let quoted = reason.split_once("text=\"").map(|(_, text)| text.trim_end_matches('"'));
        let line = format!("            phone {id} hears 403: {}", quoted.unwrap_or(reason));
        if let Some(at) = self.told.iter().position(|device| device == id) {
            self.told.remove(at);
            return Some(line);
        }
        self.heard.push((id.clone(), line));
        None
    }

    /// A frame of the desk, after its own lines.
    pub fn desk(&mut self, frame: &Frame) -> Option<String> {
        let Frame::Ev(ev) = frame else { return None };
        if ev.k != "outbound.denied" {
            return None;
        }
        let device = ev.o["device"].as_str().unwrap_or_default();
        if let Some(at) = self.heard.iter().position(|(id, _)| id == device) {
            return Some(self.heard.remove(at).1);
        }
        self.told.push(device.to_owned());
        None
    }

    /// Lines whose other half never came.
    pub fn leftovers(&mut self) -> impl Iterator<Item = String> + use<> {
        self.told.clear();
        std::mem::take(&mut self.heard).into_iter().map(|(_, line)| line)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn denied() -> Frame {
        let frame = json!({"t":"ev","pos":"1","ts":"","k":"outbound.denied","o":{"device":"8001"}});
        serde_json::from_value(frame).unwrap()
    }

    fn failed() -> Report {
        let reason = Some("Q.850;cause=21;text=\"rule night\"".to_owned());
        let phrase = String::new();
        Report::Failed { id: "8001".to_owned(), status: 403, phrase, reason, ms: 1 }
    }

    #[test]
    fn the_second_half_brings_the_line_in_either_order() {
        let line = Some("            phone 8001 hears 403: rule night".to_owned());
        let mut echo = Echo::default();
        assert_eq!((echo.desk(&denied()), echo.phone(&failed())), (None, line.clone()));
        assert_eq!((echo.phone(&failed()), echo.desk(&denied())), (None, line.clone()));
        assert_eq!(echo.phone(&failed()), None);
        assert_eq!(echo.leftovers().next(), line);
        assert_eq!(echo.leftovers().count(), 0);
    }
}
