//! `gate explain`, `gate lint`, `gate dry-run` and `gate reconcile`: none needs a server.

use super::args::{ExplainArgs, GateArgs, GateCommand, RulesArgs};
use super::exit::{Exit, Failure};
use crate::app;
use crate::config::Config;
use jiff::Timestamp;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use trunkline_core::gate::{
    Book, Change, Claim, Comparison, DialPlans, DncList, ExplainAsk, Explanation, Given,
    Normalizer, Question, Short, ShownCaller, Source, explain, parse_instant, shipped_calendars,
};
use trunkline_core::model::Named as _;

pub(super) fn run(args: GateArgs) -> Result<(), Failure> {
    match args.command {
        GateCommand::Explain(args) => match &args.batch {
            Some(questions) => batch(&args, questions),
            None => explain_one(&args),
        },
        GateCommand::Lint { files, json } => lint(&files, json),
        GateCommand::Shadow(args) => super::shadow::shadow(args),
        GateCommand::DryRun { calls: Some(calls), rules, file, json, .. } => {
            dry_run(&calls, &rules, &file, json)
        }
        GateCommand::Reconcile(args) => super::reconcile::reconcile(&args),
        GateCommand::DryRun { calls: None, from, to, rules, file, json } => {
            super::dry_run::stored((from, to), &rules, file.config.as_deref(), json)
        }
    }
}

/// Rules to ask, the dial plan, and the one rule set to ask unless another is named.
fn rules(
    files: &[PathBuf],
    config: Option<&Path>,
    known_at: Option<Timestamp>,
) -> Result<(Book, DialPlans, Option<String>), Failure> {
    let config = config.map(Config::load).transpose()?;
    let (book, single) = if files.is_empty() {
        let (book, chosen) = app::all_rules_known(config.as_ref(), known_at)?;
        match chosen.as_slice() {
            [only] => (book, Some(only.clone())),
            several => (keep(book, several)?, None),
        }
    } else {
        (load(files)?, None)
    };
    let plans = app::dial_plans(config.as_ref(), &book)?;
    Ok((book, plans, single))
}

/// An instant on the command line.
pub(super) fn instant(text: &str) -> Result<Timestamp, Failure> {
    let wall = parse_instant(text).map_err(|e| Failure::new(Exit::Usage, e.to_string()))?;
    Timestamp::from_microsecond(wall.0).map_err(|e| Failure::new(Exit::Usage, e.to_string()))
}

fn keep(book: Book, names: &[String]) -> Result<Book, Failure> {
    let unknown = |name| Failure::new(Exit::Config, format!("there is no rule set {name}"));
    book.keep(names).map_err(unknown)
}

fn load(files: &[PathBuf]) -> Result<Book, Failure> {
    let read = |path: &PathBuf| match std::fs::read_to_string(path) {
        Ok(text) => Ok((path.to_string_lossy().into_owned(), text)),
        Err(error) => Err(Failure::new(Exit::Config, format!("{}: {error}", path.display()))),
    };
    let texts: Vec<(String, String)> = files.iter().map(read).collect::<Result<_, Failure>>()?;
    let sources: Vec<Source<'_>> = texts.iter().map(|(name, text)| Source { name, text }).collect();
    Book::load(&sources, &shipped_calendars())
        .map_err(|error| Failure::new(Exit::Config, error.to_string()))
}

fn explain_one(args: &ExplainArgs) -> Result<(), Failure> {
    let known_at = args.as_known_at.as_deref().map(instant).transpose()?;
    let (book, plans, default) = rules(&args.rules, args.config.as_deref(), known_at)?;
    let at = args.at.clone().unwrap_or_else(|| jiff::Timestamp::now().to_string());
    let claim = |text: &String| {
        Claim::parse_name(text).ok_or_else(|| {
            let message = format!(
                "{text:?} is no claim: consent, running_contract, customer_requested_callback"
            );
            Failure::new(Exit::Usage, message)
        })
    };
    let claims = args.claim.iter().map(claim).collect::<Result<_, Failure>>()?;
    let caller = args.caller.as_deref();
    let caller = caller.map(|number| ShownCaller::shown(plans.shown(), number, ""));
    let ask = ExplainAsk {
        number: args.number.as_deref().unwrap_or_default(),
        purpose: args.purpose.as_deref(),
        at: &at,
        ruleset: args.ruleset.as_deref().or(default.as_deref()),
        list_key: None,
        given: Given {
            caller: caller.as_ref(),
            subject: args.subject.as_deref(),
            case: args.case.as_deref(),
            campaign: args.campaign.as_deref(),
            claims,
            ..Given::default()
        },
        deadline: args.before.as_deref(),
    };
    let plan = plans.asked(args.trunk.as_deref()).map_err(|known| {
        let name = args.trunk.as_deref().unwrap_or_default();
        let message = format!("no trunk {name:?} has a dial plan in --config; there are: {known}");
        Failure::new(Exit::Usage, message)
    })?;
    let explanation = explain(&book, &DncList::default(), plan, &ask)
        .map_err(|e| Failure::new(Exit::Usage, e.to_string()))?;
    let tried = match args.shadow.as_slice() {
        [] => None,
        files => Some(tried_out(args, files, plan, &ask)?),
    };
    if args.json {
        let Some(tried) = &tried else {
            println!("{}", json(&explanation)?);
            return Ok(());
        };
        let mut told = serde_json::to_value(&explanation).unwrap_or_default();
        told["shadow"] = serde_json::to_value(tried).unwrap_or_default();
        told["differs"] = (tried.verdict != explanation.verdict).into();
        println!("{told}");
        return Ok(());
    }
    print!("{}", explanation.text());
    if let Some(tried) = &tried {
        let word = if tried.verdict == explanation.verdict { "the same" } else { "otherwise" };
        print!("\ntried out, decided {word}:\n{}", tried.text());
    }
    Ok(())
}

/// The same question by the rules of `--shadow`.
fn tried_out(
    args: &ExplainArgs,
    files: &[PathBuf],
    plan: &Normalizer,
    ask: &ExplainAsk<'_>,
) -> Result<Explanation, Failure> {
    let config = args.config.as_deref().map(Config::load).transpose()?;
    let book = app::rules_from_files(config.as_ref(), files)?;
    let names = book.ruleset_names();
    let ruleset = match names.as_slice() {
        [only] => Some(*only),
        _ => None,
    };
    let ask = ExplainAsk { ruleset, ..*ask };
    explain(&book, &DncList::default(), plan, &ask)
        .map_err(|e| Failure::new(Exit::Usage, e.to_string()))
}

pub(super) fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|e| Failure::new(Exit::Failure, e.to_string()))
}

/// Every question of a file, one a line, with its line number from 1; empty lines are skipped.
fn questions(
    path: &Path,
    mut each: impl FnMut(u64, &Question) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let bad = |line: u64, error: &dyn std::fmt::Display| {
        Failure::new(Exit::Usage, format!("{} line {line}: {error}", path.display()))
    };
    let input: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(path).map_err(|error| bad(0, &error))?))
    };
    for (line, text) in (1..).zip(input.lines()) {
        let text = text.map_err(|error| bad(line, &error))?;
        if !text.trim().is_empty() {
            let question = serde_json::from_str(&text).map_err(|error| bad(line, &error))?;
            each(line, &question).map_err(|error| bad(line, &error.message))?;
        }
    }
    Ok(())
}

fn answer(question: &Question, book: &Book, plans: &DialPlans) -> Result<Short, Failure> {
    question.answer(book, plans).map_err(|error| Failure::new(Exit::Usage, error.to_string()))
}

fn batch(args: &ExplainArgs, path: &Path) -> Result<(), Failure> {
    let known_at = args.as_known_at.as_deref().map(instant).transpose()?;
    let (book, plans, default) = rules(&args.rules, args.config.as_deref(), known_at)?;
    let ruleset = args.ruleset.clone().or(default);
    let mut out = BufWriter::new(std::io::stdout().lock());
    let gone = |error: std::io::Error| Failure::new(Exit::Failure, error.to_string());
    questions(path, |_, question| {
        let named = Question {
            ruleset: question.ruleset.clone().or_else(|| ruleset.clone()),
            trunk: question.trunk.clone().or_else(|| args.trunk.clone()),
            ..question.clone()
        };
        writeln!(out, "{}", json(&answer(&named, &book, &plans)?)?).map_err(gone)
    })?;
    out.flush().map_err(gone)
}

fn lint(files: &[PathBuf], as_json: bool) -> Result<(), Failure> {
    let book = if files.is_empty() { app::all_rules(None)?.0 } else { load(files)? };
    let found = book.lint();
    for one in &found {
        if as_json {
            println!("{}", json(one)?);
        } else {
            println!(
                "{:<18} {:<22} {:<24} {}",
                one.kind.name(),
                one.ruleset,
                one.rule,
                one.message
            );
        }
    }
    let faults = found.iter().filter(|one| one.kind.is_fault()).count();
    if !as_json {
        println!("{} rule sets, {faults} to mend", book.ruleset_names().len());
    }
    match faults {
        0 => Ok(()),
        _ => Err(Failure::new(Exit::Failure, format!("{faults} findings"))),
    }
}

fn dry_run(
    calls: &Path,
    tried: &[PathBuf],
    from: &RulesArgs,
    as_json: bool,
) -> Result<(), Failure> {
    let (current, plans, default) = rules(&[], from.config.as_deref(), None)?;
    let tried = load(tried)?;
    let mut counts = Comparison::default();
    questions(calls, |line, question| {
        let plain = Question { next: false, deadline: None, ..question.clone() };
        let old = Question { ruleset: default.clone(), ..plain.clone() };
        let new = Question { ruleset: None, ..plain };
        let (old, new) = (answer(&old, &current, &plans)?, answer(&new, &tried, &plans)?);
        let change = counts.add(&old, &new);
        if as_json && matches!(change, Change::NewlyDenied | Change::NewlyAllowed) {
            let told = serde_json::json!({
                "line": line, "change": change, "at": old.local_time,
                "current": old.refused_by, "tried": new.refused_by,
            });
            println!("{told}");
        }
        Ok(())
    })?;
    if as_json {
        println!("{}", json(&counts)?);
        return Ok(());
    }
    println!("calls          {}", counts.calls);
    println!("both allow     {}", counts.allowed);
    println!("both deny      {}", counts.denied);
    for (what, total, by) in [
        ("newly denied", counts.newly_denied, &counts.newly_denied_by),
        ("newly allowed", counts.newly_allowed, &counts.newly_allowed_by),
    ] {
        println!("{what:<14} {total}");
        for (rule, count) in by {
            println!("  {rule:<20} {count}");
        }
    }
    Ok(())
}
