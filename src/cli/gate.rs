//! `gate explain`.

use super::args::{GateArgs, GateCommand};
use super::exit::{Exit, Failure};
use crate::app;
use crate::config::Config;
use trunkline_core::gate::{DncList, ExplainAsk, explain};

pub(super) fn run(args: GateArgs) -> Result<(), Failure> {
    let GateCommand::Explain { number, purpose, at, ruleset, config, json } = args.command;
    let config = config.map(|path| Config::load(&path)).transpose()?;
    let (book, default) = app::book(config.as_ref())?;
    let normalizer = app::normalizer(config.as_ref(), &book)?;
    let at = at.unwrap_or_else(|| jiff::Timestamp::now().to_string());
    let ask = ExplainAsk {
        number: &number,
        purpose: purpose.as_deref(),
        at: &at,
        ruleset: Some(ruleset.as_deref().unwrap_or(&default)),
        list_key: None,
    };
    let explanation = explain(&book, &DncList::default(), &normalizer, &ask)
        .map_err(|e| Failure::new(Exit::Usage, e.to_string()))?;
    if json {
        let text = serde_json::to_string(&explanation)
            .map_err(|e| Failure::new(Exit::Failure, e.to_string()))?;
        println!("{text}");
    } else {
        print!("{}", explanation.text());
    }
    Ok(())
}
