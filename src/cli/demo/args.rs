//! Arguments of `trunkline demo`.

use std::{path::PathBuf, time::Duration};

/// The story with one call of each kind takes so long.
pub(super) const STORY: Duration = Duration::from_secs(25);

/// Plays a working day on loopback: carrier, phones and desks as processes of their own.
#[derive(Clone, Debug, clap::Args)]
pub struct DemoArgs {
    /// How long to play: a number with s or m, from 25s on
    #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = parse_time)]
    pub time: Duration,
    /// Folder for configuration, keys, journal and records; must be empty or absent
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

fn parse_time(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text:?} is no time: write 60s or 2m");
    let (digits, factor) = match text.strip_suffix('m') {
        Some(minutes) => (minutes, 60),
        None => (text.strip_suffix('s').unwrap_or(text), 1),
    };
    let count: u32 = digits.parse().map_err(|_| bad())?;
    let time = Duration::from_secs(u64::from(count) * factor);
    if time < STORY {
        return Err(format!("the story takes {} s: give it at least that", STORY.as_secs()));
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(parse_time("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(parse_time("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(parse_time("25"), Ok(Duration::from_secs(25)));
        assert!(parse_time("24s").is_err() && parse_time("soon").is_err());
        assert!(parse_time("4294967295m").is_ok());
    }
}
