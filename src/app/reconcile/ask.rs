//! What is to be reconciled.

use crate::app::commands::{CommandError, instant, text};
use crate::config::{Config, contexts_in, machine_zone};
use jiff::tz::TimeZone;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;
use trunkline_core::cdr::{Columns, Format};
use trunkline_core::model::{Named as _, Wall};

/// One reconciliation.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// The PBX, as the configuration names it.
    pub pbx: String,
    /// Its files.
    pub files: Vec<PathBuf>,
    /// How they are written.
    pub format: Format,
    /// Columns, where they are others than by default.
    pub columns: Option<Columns>,
    /// Zone of their local times.
    pub zone: TimeZone,
    /// Endpoints behind which the outside is.
    pub trunks: Vec<String>,
    /// Contexts in which calls come in.
    pub contexts_in: Vec<String>,
    /// Time between a record and its call.
    pub tolerance: Duration,
    /// What began from the first until before the second; `None`: the time of the records.
    pub span: Option<(Wall, Wall)>,
    /// Numbers in clear.
    pub clear: bool,
}

fn field(field: &'static str, message: impl Into<String>) -> CommandError {
    CommandError::Field { field, message: message.into() }
}

impl Request {
    /// Reads a request; what it leaves out is in `[reconcile.NAME]`, if that is there.
    ///
    /// # Errors
    /// If a value cannot be used, or neither says which files.
    pub(super) fn read(config: &Config, request: &Value) -> Result<Self, CommandError> {
        let pbx = match (text(request, "pbx"), config.pbx.len()) {
            (Some(name), _) if config.pbx.contains_key(name) => name.to_owned(),
            (None, 1) => config.pbx.keys().next().cloned().unwrap_or_default(),
            _ => {
                let names: Vec<&str> = config.pbx.keys().map(String::as_str).collect();
                return Err(field("pbx", format!("one of {}", names.join(", "))));
            }
        };
        let own = config.reconcile.get(&pbx);
        let format = match text(request, "format") {
            Some(name) => Format::parse_name(name).ok_or_else(|| {
                let names: Vec<&str> = Format::TABLE.iter().map(|(_, name)| *name).collect();
                field("format", format!("one of {}", names.join(", ")))
            })?,
            None => own.map_or(Format::AsteriskCsv, |own| own.format),
        };
        let columns = match text(request, "columns") {
            Some(names) => Some(
                Columns::named(names.split(','))
                    .map_err(|error| field("columns", error.to_string()))?,
            ),
            None => own.map(|own| own.columns()).transpose().unwrap_or_default().flatten(),
        };
        let zone = text(request, "zone").or(own.and_then(|own| own.zone.as_deref()));
        let zone = zone_of(zone)?;
        let span = span(request, &zone)?;
        let files = files(request);
        // A day without calls has no files of its own.
        let files = match (files.is_empty(), own, text(request, "day")) {
            (false, ..) => files,
            (true, Some(own), Some(day)) => super::of_day(&own.files, day, &zone)
                .map_err(|error| field("cdr", error.to_string()))?,
            _ => return Err(field("cdr", "files, or a day and a section [reconcile.NAME]")),
        };
        let contexts = list(request, "inbound_contexts");
        let contexts_in = match own {
            _ if !contexts.is_empty() => contexts,
            Some(own) if own.format == format => own.contexts_in(),
            _ => contexts_in(format, None),
        };
        let mut trunks = list(request, "trunks");
        trunks.extend(config.pbx.get(&pbx).into_iter().flat_map(|pbx| pbx.trunks.clone()));
        let tolerance = request.get("tolerance_s").and_then(Value::as_u64);
        let tolerance = tolerance.unwrap_or(own.map_or(5, |own| u64::from(own.tolerance_s)));
        if tolerance > 300 {
            return Err(field("tolerance_s", "0 to 300"));
        }
        let tolerance = Duration::from_secs(tolerance);
        let clear = request.get("clear_numbers").and_then(Value::as_bool).unwrap_or_default();
        Ok(Self { pbx, files, format, columns, zone, trunks, contexts_in, tolerance, span, clear })
    }

    /// The reconciliation of a day by `[reconcile.NAME]`.
    ///
    /// # Errors
    /// As [`Request::read`].
    pub(super) fn of_day(config: &Config, pbx: &str, day: &str) -> Result<Self, CommandError> {
        Self::read(config, &serde_json::json!({ "pbx": pbx, "day": day }))
    }
}

fn list(request: &Value, name: &str) -> Vec<String> {
    let all = request.get(name).and_then(Value::as_array).into_iter().flatten();
    all.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn files(request: &Value) -> Vec<PathBuf> {
    list(request, "files").into_iter().map(PathBuf::from).collect()
}

fn zone_of(name: Option<&str>) -> Result<TimeZone, CommandError> {
    let Some(name) = name else { return Ok(machine_zone()) };
    let unknown = |_| field("zone", "a name of the tz database, as Asia/Shanghai");
    TimeZone::get(name).map_err(unknown)
}

fn span(request: &Value, zone: &TimeZone) -> Result<Option<(Wall, Wall)>, CommandError> {
    if let Some(day) = text(request, "day") {
        let bad = || field("day", "YYYY-MM-DD");
        let day: jiff::civil::Date = day.parse().map_err(|_| bad())?;
        let starts = |day: jiff::civil::Date| {
            let at = day.to_zoned(zone.clone()).ok()?.timestamp();
            Some(Wall(at.as_microsecond()))
        };
        let next = day.tomorrow().ok().and_then(starts);
        return starts(day).zip(next).map(Some).ok_or_else(bad);
    }
    match (instant(request, "from")?, instant(request, "to")?) {
        (None, None) => Ok(None),
        (from, to) => {
            let span = (from.unwrap_or(Wall(0)), to.unwrap_or(Wall(1 << 57)));
            if span.0 >= span.1 {
                return Err(field("from", "before to"));
            }
            Ok(Some(span))
        }
    }
}
