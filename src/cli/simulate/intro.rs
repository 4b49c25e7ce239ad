//! What a developer of a desktop needs, printed once.

use super::args::SimulateArgs;
use super::site::{People, Site};
use crate::cli::demo::out::say;
use serde_json::json;

/// Tokens by what they are for.
pub(super) struct Tokens {
    /// Name and token of each agent of the developer's.
    pub agents: Vec<(String, String)>,
    pub supervisor: String,
    pub wallboard: String,
    pub service: String,
}

/// Prints URL and tokens.
pub(super) fn introduce(
    args: &SimulateArgs,
    people: &People,
    site: &Site,
    tokens: &Tokens,
    seed: u64,
) {
    let url = format!("ws://{}/v1/events", args.listen);
    let Tokens { agents, supervisor, wallboard, service } = tokens;
    if args.json {
        let agents: Vec<_> =
            agents.iter().map(|(name, token)| json!({"agent": name, "token": token})).collect();
        let queues: Vec<_> =
            people.queues.iter().map(|(name, no)| json!({"name": name, "number": no})).collect();
        let line = json!({
            "url": url, "agents": agents, "supervisor": supervisor, "wallboard": wallboard,
            "service": service, "queues": queues, "config": site.config, "seed": seed,
        });
        return say!("{line}");
    }
    let minutes = args.token_time.as_secs() / 60;
    say!("trunkline simulate: real server, virtual PBX, carrier and agents; seed {seed}\n");
    say!("export TRUNKLINE_URL={url}");
    for (index, (name, token)) in agents.iter().enumerate() {
        let agent = people.agents.iter().find(|agent| agent.name == *name);
        let at = agent.map_or_else(String::new, |agent| {
            format!("telephone {}, queue {}", agent.extension, agent.queue)
        });
        let comment = if index == 0 { "" } else { "# " };
        say!("\n# {name}: {at}; yours: log in and answer by your desktop");
        say!("{comment}export TRUNKLINE_TOKEN={token}");
    }
    for (role, token) in
        [("supervisor", supervisor), ("wallboard", wallboard), ("service", service)]
    {
        say!("\n# {role}\n# {token}");
    }
    let queues: Vec<String> =
        people.queues.iter().map(|(name, number)| format!("{name} {number}")).collect();
    let others = people.agents.iter().filter(|agent| !agent.own).count();
    say!("\nThe tokens end after {minutes} min, and with this run. Queues: {}.", queues.join(", "));
    say!("{others} virtual agents answer by themselves. To connect: the ten lines in");
    say!(
        "clients/python/README.md or clients/typescript/README.md; the protocol: docs/desk-protocol.md."
    );
    say!("More tokens: trunkline token mint --config {} ...", site.config.display());
    say!("Type help for orders; Ctrl-C ends it.\n");
}
