//! Figures of control links for `/metrics`.

use crate::io::pbx::LinkStats;
use std::fmt::Write;
use std::sync::Arc;
use trunkline_core::model::{Link, LinkState, Named};

/// Appends the rows of all links. Names are checked by the configuration: they need no escapes.
pub(super) fn write(out: &mut String, links: &[Link], stats: &[(String, Arc<LinkStats>)]) {
    if links.is_empty() {
        return;
    }
    head(out, "link_up", "1 while the link is in step with the PBX.", "gauge");
    for link in links {
        row(out, "link_up", &link.id, "", f64::from(u8::from(link.state == LinkState::Up)));
    }
    head(out, "link_state", "1 for the state the link is in.", "gauge");
    for link in links {
        for (state, name) in LinkState::TABLE {
            let value = f64::from(u8::from(link.state == *state));
            row(out, "link_state", &link.id, &format!(",state=\"{name}\""), value);
        }
    }
    head(out, "link_events_lost_total", "Events of the PBX that were lost.", "counter");
    for link in links {
        row(out, "link_events_lost_total", &link.id, "", link.lost as f64);
    }
    head(out, "link_clock_skew_seconds", "The PBX's clock against ours.", "gauge");
    for link in links {
        if let Some(ms) = link.clock_skew_ms {
            row(out, "link_clock_skew_seconds", &link.id, "", f64::from(ms) / 1000.0);
        }
    }
    let counters = stats.first().map(|(_, stats)| stats.counters());
    for (at, (name, help, _)) in counters.into_iter().flatten().enumerate() {
        let name = format!("link_{name}_total");
        head(out, &name, help, "counter");
        for (link, stats) in stats {
            row(out, &name, link, "", stats.counters()[at].2 as f64);
        }
    }
    head(out, "link_call_sockets", "Connections that the PBX holds for its calls.", "gauge");
    for (link, stats) in stats {
        row(out, "link_call_sockets", link, "", stats.call_sockets() as f64);
    }
    head(out, "link_queued_messages", "Read of the PBX and not yet handled.", "gauge");
    for (link, stats) in stats {
        row(out, "link_queued_messages", link, "", stats.queued().0 as f64);
    }
    head(out, "link_queued_bytes", "The same in bytes.", "gauge");
    for (link, stats) in stats {
        row(out, "link_queued_bytes", link, "", stats.queued().1 as f64);
    }
}

fn row(out: &mut String, name: &str, link: &str, labels: &str, value: f64) {
    let _ = writeln!(out, "trunkline_{name}{{link=\"{link}\"{labels}}} {value}");
}

fn head(out: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(out, "# HELP trunkline_{name} {help}\n# TYPE trunkline_{name} {kind}");
}
