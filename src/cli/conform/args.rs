//! Arguments of `trunkline conform`.

use super::case::{CASES, Case, SERVER_CASES};
use crate::cli::simulate::parse_time;
use std::net::SocketAddr;
use std::time::Duration;

/// Checks a desktop client (or a server): cuts, gaps, closes, commands. Exit code 1 if it fails.
///
/// Prints a URL and a token; connect your client there and let it run. It is cut and closed
/// many times and must behave as docs/desk-protocol.md says. With --client it is started anew for
/// each case, with TRUNKLINE_URL and TRUNKLINE_TOKEN in its environment.
#[derive(Clone, Debug, clap::Args)]
pub struct ConformArgs {
    /// Check the server at this URL (ws://HOST:PORT/v1/events) instead of a client
    #[arg(value_name = "URL", requires = "token_file")]
    pub url: Option<String>,
    /// File with a token for that server
    #[arg(long, value_name = "FILE", requires = "url")]
    pub token_file: Option<std::path::PathBuf>,
    /// What that token may subscribe to
    #[arg(long, value_name = "TOPIC", default_value = "calls:own")]
    pub topic: String,
    /// Where the client connects; port 0 takes a free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8444")]
    pub listen: SocketAddr,
    /// Cases or groups of cases; see --list
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', default_value = "all")]
    pub script: Vec<String>,
    /// Command that runs the client, by `sh -c`; killed after each case
    #[arg(long, value_name = "COMMAND")]
    pub client: Option<String>,
    /// How long to wait for the client's first connection of a case
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_time)]
    pub wait: Duration,
    /// How long to wait for something that a person may have to do: a command, the end of work
    /// after a call. Beyond: the case is skipped
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = parse_time)]
    pub patience: Duration,
    /// A skipped case is a failure
    #[arg(long)]
    pub strict: bool,
    /// One JSON object a case, then the totals
    #[arg(long)]
    pub json: bool,
    /// List the cases
    #[arg(long)]
    pub list: bool,
}

impl ConformArgs {
    /// The cases there are: for clients, or for servers.
    pub(super) fn all(&self) -> &'static [Case] {
        if self.url.is_some() { SERVER_CASES } else { CASES }
    }

    /// The cases that were asked for, in their order.
    pub(super) fn cases(&self) -> Result<Vec<&'static Case>, String> {
        let all = self.all();
        let names =
            |case: &Case, word: &String| word == "all" || *word == case.name || *word == case.group;
        for word in &self.script {
            if !all.iter().any(|case| names(case, word)) {
                return Err(format!("--script {word}: no such case or group; see --list"));
            }
        }
        let wanted = |case: &&Case| self.script.iter().any(|word| names(case, word));
        Ok(all.iter().filter(wanted).collect())
    }
}
