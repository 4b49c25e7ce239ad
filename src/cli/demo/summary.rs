//! What is printed before the first and after the last call.

use super::{
    account::Tally,
    check::{self, Desks, Wire},
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
    println!("trunkline demo: working days on loopback\n");
    println!("  server      this process      sip {sip}, desks ws://{http}/v1/events");
    println!("  carrier     {}  sip {carrier}", process(Who::Carrier));
    let hotline = story::HOTLINE;
    println!("  phones      {}  sip {phones}: 8001-8011 and {hotline}", process(Who::Phones));
    let supervisor = process(Who::Supervisor);
    println!("  supervisor  {supervisor}  desk of the whole site: what it is told, you read");
    println!("  agent       {}  desk of {agent}", process(Who::Agent));
    println!("  folder      {}", site.dir.display());
    println!("\nOnly the clock is the demo's own; calls, rules, journal and encryption are real.");
    println!("Numbers are masked, as an agent sees them. Nothing leaves this machine.");
}

/// What the desk was told, counted.
pub(super) fn totals(tally: &Tally, desks: Desks, played: Duration) {
    println!("\n=== totals after {} s", played.as_secs());
    println!(
        "  inbound   {:>3}   answered {}, gave up {}",
        tally.inbound, tally.inbound_answered, tally.abandoned
    );
    let asked = tally.allowed + tally.refusals() + tally.exempt;
    println!(
        "  outbound  {asked:>3}   allowed {} (answered {}), never gated {}, refused {}",
        tally.allowed,
        tally.outbound_answered,
        tally.exempt,
        tally.refusals()
    );
    let rules: Vec<String> = tally.refused.iter().map(|(rule, n)| format!("{rule} {n}")).collect();
    println!("  refused   {:>3}   {}", tally.refusals(), rules.join(", "));
    println!("  do-not-call entries {}, events {}", tally.listed, tally.events);
    let (own, resumed, agent) = (desks.agent_events, desks.resumed, story::AGENT);
    println!("  desk of {agent}: {own} events of its own calls, resumed {resumed} times");
}

/// Prints the comparison. `true`: desk and wire agree.
pub(super) fn compare(tally: &Tally, wire: &Wire, desks: Desks) -> bool {
    println!("\n=== what the desk was told against what carrier and phones saw");
    let findings = check::findings(tally, wire, desks);
    for finding in &findings {
        println!("  {} {}", if finding.good { "✓" } else { "✗" }, finding.text);
    }
    findings.iter().all(|finding| finding.good)
}

/// What is left and how to read it.
pub(super) fn farewell(site: &Site) {
    let config = site.config.display();
    println!("\nThe sealed records stay in {}:", site.dir.display());
    println!("  trunkline records search --config {config} --from 2026-09-30T00:00:00+08:00");
    println!("  trunkline audit verify --config {config}");
}
