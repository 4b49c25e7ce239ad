//! What is printed before the first and after the last call.

use super::{
    account::Tally,
    check::{self, Desks, Wire},
    out::say,
    procs::{Peer, Who},
    site::Site,
    story,
};
use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

/// Who plays what, and where.
pub(super) fn introduce(
    site: &Site,
    peers: &BTreeMap<Who, Peer>,
    carrier: SocketAddr,
    phones: SocketAddr,
) {
    let process = |who| format!("process {:<8}", peers.get(&who).map_or(0, |peer| peer.pid));
    let (sip, http, agent) = (site.sip, site.http, story::AGENT);
    say!("trunkline demo: working days on loopback\n");
    say!("  server      this process      sip {sip}, desks ws://{http}/v1/events");
    say!("  carrier     {}  sip {carrier}", process(Who::Carrier));
    let hotline = story::HOTLINE;
    say!("  phones      {}  sip {phones}: 8001-8011 and {hotline}", process(Who::Phones));
    let supervisor = process(Who::Supervisor);
    say!("  supervisor  {supervisor}  desk of the whole site: what it is told, you read");
    say!("  agent       {}  desk of {agent}", process(Who::Agent));
    say!("  folder      {}", site.dir.display());
    say!("\nOnly the clock is the demo's own; calls, rules, journal and encryption are real.");
    say!("Numbers are masked, as an agent sees them. Nothing leaves this machine.");
}

/// What the desk was told, counted.
pub(super) fn totals(tally: &Tally, desks: Desks, played: Duration) {
    say!("\n=== totals after {} s", played.as_secs());
    say!(
        "  inbound   {:>3}   answered {}, gave up {}",
        tally.inbound,
        tally.inbound_answered,
        tally.abandoned
    );
    let asked = tally.allowed + tally.refusals() + tally.exempt;
    say!(
        "  outbound  {asked:>3}   allowed {} (answered {}), never gated {}, refused {}",
        tally.allowed,
        tally.outbound_answered,
        tally.exempt,
        tally.refusals()
    );
    let rules: Vec<String> = tally.refused.iter().map(|(rule, n)| format!("{rule} {n}")).collect();
    say!("  refused   {:>3}   {}", tally.refusals(), rules.join(", "));
    say!("  do-not-call entries {}, events {}", tally.listed, tally.events);
    let (own, resumed, agent) = (desks.agent_events, desks.resumed, story::AGENT);
    say!("  desk of {agent}: {own} events of its own calls, came back by resume: {resumed}");
}

/// Prints the comparison. `true`: desk and wire agree.
pub(super) fn compare(tally: &Tally, wire: &Wire, desks: Desks) -> bool {
    say!("\n=== what the desk was told against what carrier and phones saw");
    let findings = check::findings(tally, wire, desks);
    for finding in &findings {
        say!("  {} {}", if finding.good { "✓" } else { "✗" }, finding.text);
    }
    findings.iter().all(|finding| finding.good)
}

/// What is left and how to read it, with the program named as it was called.
pub(super) fn farewell(site: &Site) {
    let config = site.config.display();
    let program = std::env::args().next().unwrap_or_else(|| "trunkline".to_owned());
    say!("\nThe sealed records stay in {}. To read them, and to ask the gate:", site.dir.display());
    say!("  {program} records search --config {config} --from 2026-09-30T00:00:00+08:00");
    say!("  {program} audit verify --config {config}");
    let at = "2026-10-01T10:00:00+08:00";
    say!("  {program} gate explain 13800138003 --purpose service --at {at} --config {config}");
}
