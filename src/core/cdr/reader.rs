//! Files of call records to rows.

use super::columns::{Column, Columns, Format};
use super::freeswitch;
use super::row::{Row, Way, endpoint};
use super::table::{LINE_BYTES_MAX, values};
use super::time::{instant, made_at};
use crate::model::{Pii, Wall};
use jiff::tz::TimeZone;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::collections::HashSet;
use std::hash::Hasher;

/// Faults that are kept, the others are counted.
pub const FAULTS_MAX: usize = 1000;
/// Rows of the time looked at; beyond, a file is not read on.
const ROWS_MAX: usize = 500_000;
/// Values of ids that name nothing.
const ID_BYTES_MAX: usize = 256;

/// A row that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// Place of its file among those read, from 0.
    pub file: usize,
    /// From 1.
    pub line: u64,
    /// Number of the value in its line, from 1, and its name; 0: the line as a whole.
    pub column: usize,
    /// Name of the column; empty: none.
    pub name: String,
    /// Why; without anything that stood there.
    pub why: String,
}

/// What was read.
#[derive(Debug, Default)]
pub struct Reading {
    /// Rows of the time looked at, each with the place of its file.
    pub rows: Vec<(usize, Row)>,
    /// Rows read, of whatever time.
    pub read: u64,
    /// Rows of another time.
    pub outside: u64,
    /// Rows that were there before, word for word: file and line; no more than are kept of faults.
    pub twice: Vec<(usize, u64)>,
    /// How many these are.
    pub twice_count: u64,
    /// Rows that cannot be read; [`FAULTS_MAX`] at most.
    pub faults: Vec<Fault>,
    /// How many these are.
    pub fault_count: u64,
}

/// Reads files of one format.
pub struct Reader {
    format: Format,
    columns: Option<Columns>,
    zone: TimeZone,
    span: Option<(Wall, Wall)>,
    seen: HashSet<u128>,
    files: usize,
    reading: Reading,
}

/// Why a line gave no row: column, its name, reason.
pub(super) type Bad = (usize, String, String);

impl Reader {
    /// `columns`: `None` for those that the format has by itself. Local times are of `zone`. Of
    /// `span`, rows that began in it are kept; `None`: all.
    pub fn new(
        format: Format,
        columns: Option<Columns>,
        zone: TimeZone,
        span: Option<(Wall, Wall)>,
    ) -> Self {
        let (seen, reading) = (HashSet::new(), Reading::default());
        Self { format, columns, zone, span, seen, files: 0, reading }
    }

    /// Reads the next file.
    pub fn file(&mut self, bytes: &[u8]) {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        match self.format {
            Format::FreeswitchJson => self.objects(bytes),
            _ => self.table(bytes),
        }
        self.files += 1;
    }

    /// What was read.
    pub fn finish(self) -> Reading {
        self.reading
    }

    fn table(&mut self, bytes: &[u8]) {
        let mut columns = self.columns.clone().unwrap_or_else(|| Columns::of(self.format));
        let mut header = self.format == Format::GenericCsv && self.columns.is_none();
        for (line, bytes) in (1..).zip(bytes.split(|b| *b == b'\n')) {
            let text = String::from_utf8_lossy(bytes);
            let text = text.trim();
            if text.is_empty() {
                continue;
            }
            if header {
                header = false;
                let names = values(text, true).unwrap_or_default();
                match Columns::named(names.iter().map(String::as_str)) {
                    Ok(named) => columns = named,
                    Err(error) => return self.fault(line, (0, String::new(), error.to_string())),
                }
                continue;
            }
            if !self.starts_row(text) {
                self.twice(line);
                continue;
            }
            match self.row(line, text, &columns) {
                Ok(row) => self.keep(row),
                Err(bad) => self.fault(line, bad),
            }
            if self.is_full(line) {
                return;
            }
        }
    }

    fn objects(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        // A file is one object, or has one a line.
        let whole = serde_json::from_str::<serde_json::Value>(&text).ok();
        let lines = (1..).zip(text.lines());
        let parts: Vec<(u64, &str)> = match whole {
            Some(_) => vec![(1, text.trim())],
            None => lines.filter(|(_, line)| !line.trim().is_empty()).collect(),
        };
        for (line, text) in parts {
            if !self.starts_row(text) {
                self.twice(line);
                continue;
            }
            match freeswitch::rows(line, text) {
                Ok(rows) => {
                    for (at, row) in rows.into_iter().enumerate() {
                        self.reading.read += u64::from(at > 0);
                        self.keep(row);
                    }
                }
                Err(bad) => self.fault(line, bad),
            }
            if self.is_full(line) {
                return;
            }
        }
    }

    /// Counts a row; `false`: it was there before.
    fn starts_row(&mut self, text: &str) -> bool {
        self.reading.read += 1;
        let mut hasher = SipHasher13::new();
        hasher.write(text.as_bytes());
        self.seen.insert(hasher.finish128().as_u128())
    }

    fn twice(&mut self, line: u64) {
        self.reading.twice_count += 1;
        if self.reading.twice.len() < FAULTS_MAX {
            self.reading.twice.push((self.files, line));
        }
    }

    fn fault(&mut self, line: u64, (column, name, why): Bad) {
        self.reading.fault_count += 1;
        if self.reading.faults.len() < FAULTS_MAX {
            self.reading.faults.push(Fault { file: self.files, line, column, name, why });
        }
    }

    fn keep(&mut self, row: Row) {
        if self.span.is_some_and(|(from, to)| row.at < from || row.at >= to) {
            self.reading.outside += 1;
        } else if self.reading.rows.len() < ROWS_MAX {
            self.reading.rows.push((self.files, row));
        }
    }

    fn is_full(&mut self, line: u64) -> bool {
        let full = self.reading.rows.len() >= ROWS_MAX;
        if full {
            let why = format!("more than {ROWS_MAX} rows of that time: ask for less of it");
            self.fault(line, (0, String::new(), why));
        }
        full
    }

    fn row(&self, line: u64, text: &str, columns: &Columns) -> Result<Row, Bad> {
        if text.len() > LINE_BYTES_MAX {
            let why = format!("longer than {LINE_BYTES_MAX} bytes");
            return Err((0, String::new(), why));
        }
        let doubled = self.format != Format::FreeswitchCsv;
        let values =
            values(text, doubled).map_err(|(at, why)| (at, String::new(), why.to_owned()))?;
        let columns = columns.fit(values.len(), values.last().map_or("", String::as_str));
        // A value that was torn moves all that follow it.
        let short = values.len() < columns.len() && self.format != Format::GenericCsv;
        if short || values.len() > columns.len() {
            let why = format!("{} values in {} columns", values.len(), columns.len());
            return Err((0, String::new(), why));
        }
        Taken { columns: &columns, values: &values, zone: &self.zone }.row(line)
    }
}

/// The values of a line.
struct Taken<'a> {
    columns: &'a [(String, Option<Column>)],
    values: &'a [String],
    zone: &'a TimeZone,
}

impl Taken<'_> {
    fn all(&self, wanted: Column) -> impl Iterator<Item = (usize, &str, &str)> {
        let named = self.columns.iter().zip(1..).filter(move |((_, c), _)| *c == Some(wanted));
        named.filter_map(|((name, _), at)| {
            let value = self.values.get(at - 1)?;
            (!value.is_empty()).then_some((at, name.as_str(), value.as_str()))
        })
    }

    fn one(&self, wanted: Column) -> &str {
        self.all(wanted).next().map_or("", |(.., value)| value)
    }

    fn ids(&self, wanted: Column) -> impl Iterator<Item = String> {
        let parts = self.all(wanted).flat_map(|(.., value)| value.split(';'));
        let fits = |id: &&str| !id.is_empty() && id.len() <= ID_BYTES_MAX;
        parts.map(str::trim).filter(fits).map(str::to_owned)
    }

    fn row(&self, line: u64) -> Result<Row, Bad> {
        let hint = self.all(Column::Id).find_map(|(.., id)| made_at(id));
        let at = self.begin(hint)?;
        let answer = self.answer(at, hint)?;
        let length_s = self.seconds(Column::Duration)?;
        let billed = self.seconds(Column::Billed)?;
        let (from_channel, to_channel) = (self.one(Column::From), self.one(Column::To));
        let leg = self.one(Column::LegId);
        let from_leg = if from_channel.is_empty() { self.one(Column::Id) } else { from_channel };
        let ids = [Column::Id, Column::LegId, Column::SharedId];
        Ok(Row {
            line,
            at,
            answered: self.answered(answer, billed),
            length_s: u32::try_from(length_s).unwrap_or(u32::MAX),
            dialed: Pii::new(self.dialed(to_channel)?),
            caller: Pii::new(self.one(Column::Caller).to_owned()),
            context: self.one(Column::Context).to_owned(),
            from_channel: from_channel.to_owned(),
            to_channel: to_channel.to_owned(),
            leg: (if leg.is_empty() { to_channel } else { leg }).to_owned(),
            from_leg: from_leg.to_owned(),
            ids: ids.into_iter().flat_map(|column| self.ids(column)).collect(),
            way: self.way()?,
        })
    }

    fn begin(&self, hint: Option<Wall>) -> Result<Wall, Bad> {
        let Some((at, name, value)) = self.all(Column::Start).next() else {
            let place = self.columns.iter().position(|(_, c)| *c == Some(Column::Start));
            let at = place.map_or(0, |place| place + 1);
            return Err((at, "start".to_owned(), "nothing says when it began".to_owned()));
        };
        instant(value, self.zone, hint).ok_or_else(|| bad_time(at, name))
    }

    /// When it was answered, if the row has it.
    fn answer(&self, began: Wall, hint: Option<Wall>) -> Result<Option<Wall>, Bad> {
        let Some((at, name, value)) = self.all(Column::Answer).next() else { return Ok(None) };
        if is_never(value) || is_word(value).is_some() {
            return Ok(None);
        }
        let found = instant(value, self.zone, hint).ok_or_else(|| bad_time(at, name))?;
        Ok(Some(found.max(began)))
    }

    fn answered(&self, answer: Option<Wall>, billed_s: u64) -> bool {
        if let Some(said) = self.all(Column::Answer).find_map(|(.., value)| is_word(value)) {
            return said;
        }
        match self.one(Column::Disposition).to_ascii_uppercase().as_str() {
            "ANSWERED" => true,
            // Asterisk answers a call for an announcement, and its dial fails all the same.
            "NO ANSWER" | "BUSY" | "FAILED" | "CONGESTION" => false,
            _ => answer.is_some() || billed_s > 0,
        }
    }

    fn seconds(&self, column: Column) -> Result<u64, Bad> {
        let Some((at, name, value)) = self.all(column).next() else { return Ok(0) };
        let whole = value.split('.').next().unwrap_or_default();
        whole.parse().map_err(|_| (at, name.to_owned(), "no seconds".to_owned()))
    }

    /// The number that Dial() was given, for the channel that it dialled. The extension of the row is
    /// what the caller pressed, with prefixes, or the `s` of a subroutine.
    fn dialed(&self, to_channel: &str) -> Result<String, Bad> {
        let written = self.number(Column::Dialed)?;
        let dials = self.one(Column::App).eq_ignore_ascii_case("dial");
        let given = dials.then(|| dial_target(self.one(Column::Data), to_channel)).flatten();
        Ok(given.unwrap_or(written))
    }

    fn number(&self, column: Column) -> Result<String, Bad> {
        match self.all(column).next() {
            Some((at, name, value)) if value.len() > ID_BYTES_MAX => {
                Err((at, name.to_owned(), format!("longer than {ID_BYTES_MAX} bytes")))
            }
            found => Ok(found.map_or_else(String::new, |(.., value)| value.to_owned())),
        }
    }

    fn way(&self) -> Result<Way, Bad> {
        let Some((at, name, value)) = self.all(Column::Direction).next() else {
            return Ok(Way::Unsaid);
        };
        match value.to_ascii_lowercase().as_str() {
            "out" | "outbound" => Ok(Way::Out),
            "in" | "inbound" => Ok(Way::In),
            _ => Err((at, name.to_owned(), "neither out nor in".to_owned())),
        }
    }
}

/// `PJSIP/NUMBER@ENDPOINT,60,T`, `SIP/PEER/NUMBER`, `PJSIP/ENDPOINT/sip:NUMBER@HOST`; several with
/// `&` between them, of which the one that this channel is of.
fn dial_target(data: &str, channel: &str) -> Option<String> {
    let name = endpoint(channel).split_once('/').map_or("", |(_, name)| name);
    let target = |target: &str| {
        let (_, rest) = target.trim().split_once('/')?;
        let number = match (rest.split_once('@'), rest.split_once('/')) {
            (Some((user, at)), _) if at == name => user,
            (_, Some((peer, number))) if peer == name => number,
            _ => return None,
        };
        let number = number.strip_prefix("sip:").unwrap_or(number);
        let number = number.split('@').next().unwrap_or_default();
        let sign = |b: u8| b.is_ascii_digit() || b"+*#".contains(&b);
        (!number.is_empty() && number.bytes().all(sign)).then(|| number.to_owned())
    };
    data.split(',').next()?.split('&').find_map(target)
}

fn bad_time(at: usize, name: &str) -> Bad {
    let why = "no time: 2026-11-22 10:00:00, RFC 3339, or seconds since 1970";
    (at, name.to_owned(), why.to_owned())
}

fn is_never(value: &str) -> bool {
    value.bytes().all(|b| matches!(b, b'0' | b'-' | b':' | b' ' | b'.'))
}

/// `answered` may be a word instead of an instant.
fn is_word(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "true" => Some(true),
        "no" | "false" => Some(false),
        _ => None,
    }
}
