//! Orders on the standard input.

use super::args::parse_time;
use std::io::BufRead as _;
use std::time::Duration;
use tokio::sync::mpsc;

/// Longest break of the link by hand.
const DROP_MAX: Duration = Duration::from_secs(3600);

/// What is printed for `help`.
pub(super) const HELP: &str = "\
  call [FROM] [TO]   a customer calls a queue or telephone (default: any number, any queue)
  drop TIME          the control link to the PBX breaks for so long, e.g. drop 5s
  status             calls so far
  help               this
  quit               end";

/// An order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Call {
        from: Option<String>,
        to: Option<String>,
    },
    Drop(Duration),
    Status,
    Help,
    Quit,
    /// None of them.
    Unknown(String),
}

/// Reads orders until the input ends, which ends nothing.
pub(super) fn orders() -> mpsc::Receiver<Order> {
    let (sender, receiver) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if !line.trim().is_empty() && sender.blocking_send(parse(&line)).is_err() {
                return;
            }
        }
    });
    receiver
}

fn parse(line: &str) -> Order {
    let unknown = || Order::Unknown(line.trim().chars().take(60).collect());
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |word: &&str| {
        let digits = word.strip_prefix('+').unwrap_or(word);
        (2..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
    };
    match words.as_slice() {
        ["call", numbers @ ..] if numbers.len() <= 2 && numbers.iter().all(number) => Order::Call {
            from: numbers.first().map(|from| (*from).to_owned()),
            to: numbers.get(1).map(|to| (*to).to_owned()),
        },
        ["drop", time] => match parse_time(time) {
            Ok(time) if !time.is_zero() && time <= DROP_MAX => Order::Drop(time),
            _ => unknown(),
        },
        ["status"] => Order::Status,
        ["help" | "?"] => Order::Help,
        ["quit" | "exit"] => Order::Quit,
        _ => unknown(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_words() {
        let call = |from: Option<&str>, to: Option<&str>| Order::Call {
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
        };
        assert_eq!(parse(" call "), call(None, None));
        assert_eq!(parse("call +8613800138000 1001"), call(Some("+8613800138000"), Some("1001")));
        assert_eq!(parse("drop 5s"), Order::Drop(Duration::from_secs(5)));
        assert_eq!(parse("quit"), Order::Quit);
        for bad in ["call me", "drop", "drop 0s", "drop 2h", "dance"] {
            assert_eq!(parse(bad), Order::Unknown(bad.to_owned()));
        }
    }
}
