//! `dnc`: the do-not-call list and the registers.

use super::args::{DncArgs, DncCommand, DncWhom};
use super::dnc_file::{Rows, decode};
use super::exit::{Exit, Failure};
use super::remote::{ask, print_lines, store_or_server};
use super::show;
use crate::config::Config;
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// About as many bytes of rows go into one request.
const REQUEST_BYTES: usize = 1 << 20;
/// Bad rows that are printed; the others are counted.
const BAD_SHOWN: usize = 100;
/// Columns of an export.
const EXPORTED: [&str; 8] =
    ["number", "customer", "purpose", "until", "reason", "asked_at", "source", "added_by"];

pub(super) fn dnc(args: DncArgs) -> Result<(), Failure> {
    match args.command {
        DncCommand::Add { number, customer, purpose, reason, until, file } => {
            let config = Config::load(&file.config)?;
            let request = json!({
                "cmd": "dnc.add", "number": number, "customer": customer, "purpose": purpose,
                "reason": reason, "until": until,
            });
            let done = ask(&config, &request, |_| true)?.unwrap_or_default();
            for block in done["blocks"].as_array().into_iter().flatten() {
                let until = block["until"].as_str();
                let until = until.map_or("for ever".to_owned(), |day| format!("through {day}"));
                let purpose = block["purpose"].as_str();
                let purpose = purpose.map(|p| format!(" for {p}")).unwrap_or_default();
                println!("{}: blocked {until}{purpose}", block["scope"].as_str().unwrap_or("?"));
            }
            Ok(())
        }
        DncCommand::Remove { whom, reason, file } => {
            let config = Config::load(&file.config)?;
            let mut request = asked("dnc.remove", &whom);
            request["reason"] = reason.into();
            let done = ask(&config, &request, |_| true)?.unwrap_or_default();
            match done["status"].as_str() {
                Some("removed") => println!("removed: {} entries", done["entries"]),
                _ => println!(
                    "asked for: somebody else has to agree until {}",
                    done["expires_at"].as_str().unwrap_or("?")
                ),
            }
            Ok(())
        }
        DncCommand::Show { whom, json, file } => {
            let config = Config::load(&file.config)?;
            let mut found = Value::Null;
            store_or_server(&config, &asked("dnc.show", &whom), |line| found = line)?;
            if json {
                println!("{found}");
            } else {
                shown(&found);
            }
            Ok(())
        }
        DncCommand::Import { csv, list, issued, calling_code, accept_smaller, strict, file } => {
            let config = Config::load(&file.config)?;
            let kind = match (list, issued) {
                (Some(name), Some(issued)) => {
                    Kind::Register { name, issued, calling_code, accept_smaller }
                }
                _ => Kind::Own,
            };
            import(&config, &csv, &kind, strict)
        }
        DncCommand::Export { csv, file } => export(&Config::load(&file.config)?, csv),
        DncCommand::List { json, file } => {
            let config = Config::load(&file.config)?;
            store_or_server(&config, &json!({"cmd": "dnc.list"}), print_lines(json, show::dnc))
        }
        DncCommand::Registers { json, file } => {
            let config = Config::load(&file.config)?;
            let print = print_lines(json, show::edition);
            store_or_server(&config, &json!({"cmd": "dnc.registers"}), print)
        }
    }
}

fn asked(cmd: &str, whom: &DncWhom) -> Value {
    json!({"cmd": cmd, "number": whom.number, "customer": whom.customer})
}

fn shown(found: &Value) {
    let list = |name: &str| found[name].as_array().cloned().unwrap_or_default();
    let (entries, registers) = (list("entries"), list("registers"));
    if entries.is_empty() {
        println!("no entry");
    }
    for entry in &entries {
        println!("{}", show::dnc(entry));
    }
    for register in &registers {
        let on = if register["listed"] == true { "on" } else { "not on" };
        let part = |name: &str| register[name].as_str().unwrap_or("?").to_owned();
        println!("{on} {} of {}", part("name"), part("issued"));
    }
}

/// What a file is.
enum Kind {
    Own,
    Register { name: String, issued: String, calling_code: Option<String>, accept_smaller: bool },
}

/// An import on its way.
struct Import<'a> {
    config: &'a Config,
    kind: &'a Kind,
    upload: String,
    /// Nothing is taken, only looked at.
    dry: bool,
    rows: Vec<Value>,
    bytes: usize,
    taken: u64,
    bad: Vec<String>,
    bad_count: u64,
}

fn import(config: &Config, csv: &Path, kind: &Kind, strict: bool) -> Result<(), Failure> {
    let usage = |what: String| Failure::new(Exit::Usage, format!("{}:{what}", csv.display()));
    let bytes = std::fs::read(csv).map_err(|e| usage(format!(" {e}")))?;
    let text = decode(bytes).map_err(|fault| usage(format!("{}: {}", fault.line, fault.what)))?;
    if text.encoding != "UTF-8" {
        eprintln!("{}: read as {}", csv.display(), text.encoding);
    }
    let dry_runs: &[bool] = match (strict, kind) {
        (true, Kind::Own) => &[true, false],
        _ => &[false], // an edition counts when it is committed, not before
    };
    let mut done = None;
    for dry in dry_runs {
        let rows = Rows::read(&text.text)
            .map_err(|fault| usage(format!("{}: {}", fault.line, fault.what)))?;
        let mut import = Import::new(config, kind, *dry)?;
        for (line, row) in rows {
            match row {
                Ok(row) => import.add(line, &row)?,
                Err(fault) => import.refuse(format!("line {line}: {}", fault.what)),
            }
        }
        import.flush()?;
        if strict && import.bad_count > 0 {
            import.tell(csv);
            let message = format!("{} rows are bad: nothing was taken", import.bad_count);
            return Err(Failure::new(Exit::Failure, message));
        }
        done = Some(import);
    }
    let Some(mut import) = done else { return Ok(()) };
    import.commit(csv)?;
    println!("taken: {}, refused: {}", import.taken, import.bad_count);
    import.tell(csv);
    match import.bad_count {
        0 => Ok(()),
        bad => Err(Failure::new(Exit::Failure, format!("{bad} rows were not taken"))),
    }
}

impl<'a> Import<'a> {
    fn new(config: &'a Config, kind: &'a Kind, dry: bool) -> Result<Self, Failure> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|e| Failure::new(Exit::Failure, e.to_string()))?;
        let upload = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let (rows, bad) = (Vec::new(), Vec::new());
        Ok(Self { config, kind, upload, dry, rows, bytes: 0, taken: 0, bad, bad_count: 0 })
    }

    fn add(&mut self, line: u64, row: &super::dnc_file::Row) -> Result<(), Failure> {
        let mut value = json!({ "line": line });
        for (name, text) in row {
            let read = matches!(self.kind, Kind::Own) || *name == "number";
            if read {
                self.bytes += text.len() + name.len() + 8;
                value[*name] = text.as_str().into();
            }
        }
        self.bytes += 24;
        self.rows.push(value);
        if self.bytes >= REQUEST_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.bytes = 0;
        if self.rows.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.rows);
        let request = match self.kind {
            Kind::Own => json!({"cmd": "dnc.import", "rows": rows, "dry": self.dry}),
            Kind::Register { calling_code, .. } => json!({
                "cmd": "dnc.stage", "rows": rows, "upload": self.upload,
                "calling_code": calling_code,
            }),
        };
        let done = ask(self.config, &request, |_| true)?.unwrap_or_default();
        self.taken += done["taken"].as_u64().unwrap_or(0);
        for row in done["bad"].as_array().into_iter().flatten() {
            let error = row["error"].as_str().unwrap_or_default();
            self.refuse(format!("line {}: {error}", row["line"]));
        }
        Ok(())
    }

    fn refuse(&mut self, what: String) {
        self.bad_count += 1;
        if self.bad.len() < BAD_SHOWN {
            self.bad.push(what);
        }
    }

    fn commit(&mut self, csv: &Path) -> Result<(), Failure> {
        let Kind::Register { name, issued, accept_smaller, .. } = self.kind else { return Ok(()) };
        let source = csv.file_name().map(|name| name.to_string_lossy().into_owned());
        let request = json!({
            "cmd": "dnc.commit", "upload": self.upload, "name": name, "issued": issued,
            "source": source, "accept_smaller": accept_smaller,
        });
        let done = ask(self.config, &request, |_| true)?.unwrap_or_default();
        println!(
            "{} is in force, {} numbers",
            done["version"].as_str().unwrap_or("?"),
            done["numbers"]
        );
        Ok(())
    }

    fn tell(&self, csv: &Path) {
        for line in &self.bad {
            eprintln!("{}: {line}", csv.display());
        }
        let hidden = self.bad_count - self.bad.len() as u64;
        if hidden > 0 {
            eprintln!("{}: and {hidden} more", csv.display());
        }
    }
}

fn export(config: &Config, csv: Option<PathBuf>) -> Result<(), Failure> {
    let failed = |e: std::io::Error| Failure::new(Exit::Failure, e.to_string());
    let out: Box<dyn Write> = match &csv {
        None => Box::new(std::io::stdout().lock()),
        Some(path) => {
            let mut options = OpenOptions::new();
            let options = options.create_new(true).write(true).mode(0o600);
            let unopened = |e| Failure::new(Exit::Usage, format!("{}: {e}", path.display()));
            Box::new(options.open(path).map_err(unopened)?)
        }
    };
    let mut out = csv::Writer::from_writer(out);
    let mut broken = out.write_record(EXPORTED).err();
    store_or_server(config, &json!({"cmd": "dnc.list", "export": true}), |row| {
        if row["removed"].is_object() || broken.is_some() {
            return;
        }
        let cell = |name: &&str| match (*name, row[*name].as_str()) {
            ("until", None) => "forever".to_owned(),
            (_, text) => text.unwrap_or_default().to_owned(),
        };
        broken = out.write_record(EXPORTED.iter().map(cell)).err();
    })?;
    if let Some(error) = broken {
        return Err(Failure::new(Exit::Failure, error.to_string()));
    }
    out.flush().map_err(failed)
}
