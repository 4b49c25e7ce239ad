//! Arguments of `trunkline simulate`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Agents and queues, at most.
const AGENTS_MAX: u16 = 200;
const QUEUES_MAX: usize = 20;

/// Simulates a site: real server, virtual PBX, carrier and agents. Prints URL and tokens.
///
/// Times are written 500ms, 30s, 5m or 2h. The first agent is yours: the telephone rings until
/// your desktop answers. Nothing leaves this machine.
#[derive(Clone, Debug, clap::Args)]
pub struct SimulateArgs {
    /// Where desktops connect
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8443")]
    pub listen: SocketAddr,
    /// Inbound calls a minute; 0: only those you make yourself
    #[arg(long, value_name = "N", default_value_t = 6)]
    pub calls_a_minute: u32,
    /// Calls a minute that virtual agents dial
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub dials_a_minute: u32,
    /// Agents, with telephones from 1001 on
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub agents: u16,
    /// How many of them are yours; the others have a virtual desktop and answer by themselves
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub desks: u16,
    /// Queues; agents are spread over them in turn
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', default_value = "support,sales")]
    pub queues: Vec<String>,
    /// Callers of this queue wait at least so long; may be given several times
    #[arg(long, value_name = "NAME=TIME", value_parser = parse_slow)]
    pub slow_queue: Vec<(String, Duration)>,
    /// The control link to the PBX breaks again and again
    #[arg(long, value_name = "every=TIME,for=TIME", value_parser = parse_drop)]
    pub link_drop: Option<LinkDrop>,
    /// Virtual agents answer after 50 to 150 % of this
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = parse_time)]
    pub answer: Duration,
    /// A telephone rings so long at most
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = parse_time)]
    pub ring: Duration,
    /// Callers hang up after 50 to 150 % of this
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = parse_time)]
    pub talk: Duration,
    /// Callers whom nobody answers give up after 50 to 150 % of this
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_time)]
    pub patience: Duration,
    /// Work after a call
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_time)]
    pub wrap_up: Duration,
    /// A shipped rule set for the gate. Default: one that allows every call at any hour
    #[arg(long, value_name = "NAME")]
    pub ruleset: Option<String>,
    /// Origin of a browser that may connect; may be given several times
    #[arg(long, value_name = "URL")]
    pub origin: Vec<String>,
    /// Tokens end after this, at most 8h
    #[arg(long, value_name = "TIME", default_value = "8h", value_parser = parse_time)]
    pub token_time: Duration,
    /// The same seed makes the same callers and times. Default: another each time
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// End by itself after this
    #[arg(long = "for", value_name = "TIME", value_parser = parse_time)]
    pub time: Option<Duration>,
    /// Folder for configuration, keys and data: must be empty or absent, and is kept. Default: a
    /// temporary one that is removed at the end
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// URL and tokens as one JSON object on the first line, and no account of the calls
    #[arg(long)]
    pub json: bool,
    /// No account of the calls
    #[arg(long)]
    pub quiet: bool,
}

/// How the link breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkDrop {
    /// From one break to the next.
    pub every: Duration,
    /// How long it is away.
    pub time: Duration,
}

impl SimulateArgs {
    /// What no single argument shows.
    pub(super) fn check(&self) -> Result<(), String> {
        if !self.listen.ip().is_loopback() {
            return Err(format!(
                "--listen {}: the tokens are printed, so only loopback (127.0.0.1, [::1]) is taken",
                self.listen
            ));
        }
        if !(1..=AGENTS_MAX).contains(&self.agents) || self.desks > self.agents {
            return Err(format!("--agents: 1 to {AGENTS_MAX}, and --desks no more than that"));
        }
        let named = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let good = |name: &String| !name.is_empty() && name.len() <= 32 && name.chars().all(named);
        if self.queues.is_empty() || self.queues.len() > QUEUES_MAX || !self.queues.iter().all(good)
        {
            return Err(format!("--queues: 1 to {QUEUES_MAX} names of letters, digits, _ and -"));
        }
        if let Some((name, _)) = self.slow_queue.iter().find(|(n, _)| !self.queues.contains(n)) {
            return Err(format!("--slow-queue {name}: not one of {}", self.queues.join(", ")));
        }
        if self.token_time > Duration::from_secs(8 * 3600) || self.token_time.is_zero() {
            return Err("--token-time: 1s to 8h".to_owned());
        }
        if self.ruleset.as_ref().is_some_and(|name| !name.chars().all(named)) {
            return Err("--ruleset: a name".to_owned());
        }
        Ok(())
    }
}

/// `500ms`, `30s`, `5m`, `2h`.
pub(in crate::cli) fn parse_time(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text:?} is no time: write 500ms, 30s, 5m or 2h");
    let at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
    let (digits, unit) = text.split_at(at);
    let count: u64 = digits.parse().ok().filter(|n| *n <= 1_000_000).ok_or_else(bad)?;
    match unit {
        "ms" => Ok(Duration::from_millis(count)),
        "s" => Ok(Duration::from_secs(count)),
        "m" => Ok(Duration::from_secs(60 * count)),
        "h" => Ok(Duration::from_secs(3600 * count)),
        _ => Err(bad()),
    }
}

fn parse_slow(text: &str) -> Result<(String, Duration), String> {
    let (name, time) = text.split_once('=').ok_or("write NAME=30s")?;
    Ok((name.to_owned(), parse_time(time)?))
}

fn parse_drop(text: &str) -> Result<LinkDrop, String> {
    let usage = "write every=60s,for=5s";
    let mut drop = LinkDrop { every: Duration::ZERO, time: Duration::ZERO };
    for part in text.split(',') {
        match part.split_once('=').ok_or(usage)? {
            ("every", time) => drop.every = parse_time(time)?,
            ("for", time) => drop.time = parse_time(time)?,
            _ => return Err(usage.to_owned()),
        }
    }
    match drop.time.is_zero() || drop.every <= drop.time {
        true => Err(format!("{usage}: the link must be up in between")),
        false => Ok(drop),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: SimulateArgs,
    }

    fn parsed(words: &[&str]) -> Result<SimulateArgs, String> {
        let words = [&["simulate"], words].concat();
        let line = Line::try_parse_from(words).map_err(|e| e.to_string())?;
        line.args.check().map(|()| line.args)
    }

    #[test]
    fn times_and_pairs() {
        assert_eq!(parse_time("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_time("2h"), Ok(Duration::from_secs(7200)));
        assert!(["5", "s", "5 s", "-1s", "99999999999s"].iter().all(|t| parse_time(t).is_err()));
        let args = parsed(&["--link-drop", "every=60s,for=5s", "--slow-queue", "sales=30s"]);
        let args = args.unwrap();
        let wanted = LinkDrop { every: Duration::from_secs(60), time: Duration::from_secs(5) };
        assert_eq!(args.link_drop, Some(wanted));
        assert_eq!(args.slow_queue, [("sales".to_owned(), Duration::from_secs(30))]);
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        for (words, why) in [
            (["--listen", "192.0.2.1:8443"], "loopback"),
            (["--agents", "0"], "--agents"),
            (["--desks", "5"], "--desks"),
            (["--queues", "a b"], "--queues"),
            (["--slow-queue", "none=3s"], "not one of support, sales"),
            (["--link-drop", "every=5s,for=5s"], "up in between"),
            (["--token-time", "9h"], "--token-time"),
        ] {
            let error = parsed(&words).unwrap_err();
            assert!(error.contains(why), "{words:?}: {error}");
        }
    }
}
