//! A calendar file, schema 1: one year of a country by its notice, statutory dates computed ahead,
//! or the years that a law fixes. See docs/gate.md for each key.

use super::super::values::{Day, Instant, Word};
use super::super::{GateFileError, Source};
use jiff::civil::Date;
use std::fmt::Write;

/// One file as it is written.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) schema: u32,
    pub(super) calendar: String,
    pub(super) year: Option<i16>,
    /// Who brought it here; the program's own files have none.
    pub(super) import: Option<ImportRecord>,
    pub(super) notice: Option<Notice>,
    #[serde(default, rename = "break")]
    pub(super) breaks: Vec<Break>,
    /// Notices that changed the year afterwards, the oldest first.
    #[serde(default, rename = "amendment")]
    pub(super) amendments: Vec<Amendment>,
    #[serde(default)]
    pub(super) computed: Vec<Computed>,
    /// Years whose holidays the law itself fixes; weekends stay rest days.
    pub(super) law: Option<ByLaw>,
}

/// Who brought a file, who confirmed it, and what it was made from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ImportRecord {
    pub(super) by: Word,
    pub(super) at: Instant,
    /// Another person; without one the file does not count.
    pub(super) confirmed_by: Option<Word>,
    pub(super) confirmed_at: Option<Instant>,
    /// File it was read from, as it was named.
    pub(super) source: String,
    /// SHA-256 of that file, hex.
    pub(super) source_sha256: String,
    /// SHA-256 of the year as [`File::text`] writes it, hex: an edit by hand shows.
    pub(super) sha256: String,
}

#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ByLaw {
    pub(super) cite: String,
    pub(super) url: String,
    /// Program that computed the days from the law's rules; without it they were read.
    pub(super) computed_by: Option<String>,
    pub(super) years: Vec<LawYear>,
}

#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LawYear {
    pub(super) year: i16,
    pub(super) holidays: Vec<Day>,
}

/// Where a year's data comes from: data without a source is not believed.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Notice {
    /// `国办发明电〔2025〕7号`; empty only where a site imported a year by its address alone.
    pub(super) number: String,
    pub(super) title: String,
    /// Day it was signed.
    pub(super) date: Day,
    /// Day it was made public, if another.
    pub(super) published: Option<Day>,
    pub(super) url: String,
}

#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Break {
    pub(super) name: String,
    pub(super) days: (Day, Day),
    #[serde(default)]
    pub(super) work: Vec<Day>,
    #[serde(default)]
    pub(super) statutory: Vec<Day>,
}

/// A later notice: breaks it replaces by name, and those it brings.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Amendment {
    pub(super) notice: Notice,
    #[serde(default)]
    pub(super) replaces: Vec<String>,
    /// Weekdays off that nobody works for, beyond those of the law.
    #[serde(default)]
    pub(super) extra_days: u8,
    #[serde(default, rename = "break")]
    pub(super) breaks: Vec<Break>,
}

#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Computed {
    pub(super) year: i16,
    pub(super) statutory: Vec<Day>,
}

/// JSON where the name ends in `.json`, else TOML.
pub(super) fn read(source: &Source<'_>) -> Result<File, GateFileError> {
    let fail = |message: String| GateFileError::new(source.name, message);
    let json = source.name.rsplit_once('.').is_some_and(|(_, end)| end == "json");
    let file: File = match json {
        true => serde_json::from_str(source.text).map_err(|err| fail(err.to_string()))?,
        false => toml::from_str(source.text).map_err(|err| fail(err.to_string()))?,
    };
    match file.schema {
        1 => Ok(file),
        other => Err(fail(format!("schema = {other}: only 1 is known"))),
    }
}

impl Notice {
    /// First day on which people could know it.
    pub(super) fn known_from(&self) -> Date {
        self.published.map_or(self.date.0, |day| day.0)
    }

    /// Number, title and address must be there.
    pub(super) fn check(&self) -> Result<(), String> {
        if [&self.number, &self.title, &self.url].iter().any(|text| text.trim().is_empty()) {
            return Err("notice: number, title and url are all needed".to_owned());
        }
        Ok(())
    }
}

impl File {
    /// All notices of the year, the first one first.
    pub(super) fn notices(&self) -> impl Iterator<Item = &Notice> {
        self.notice.iter().chain(self.amendments.iter().map(|one| &one.notice))
    }

    /// Breaks after all amendments.
    ///
    /// # Errors
    /// If an amendment replaces a break that is not there.
    pub(super) fn breaks_in_force(&self) -> Result<Vec<&Break>, String> {
        let mut breaks: Vec<&Break> = self.breaks.iter().collect();
        for change in &self.amendments {
            for name in &change.replaces {
                let known: Vec<&str> = breaks.iter().map(|one| one.name.as_str()).collect();
                if !known.contains(&name.as_str()) {
                    let known = known.join(", ");
                    return Err(format!("amendment: replaces = {name:?}: there are {known}"));
                }
                breaks.retain(|one| one.name != *name);
            }
            breaks.extend(&change.breaks);
        }
        Ok(breaks)
    }

    /// The year in one canonical form, without the record of its import.
    pub(super) fn text(&self) -> String {
        let mut out = format!("schema = 1\ncalendar = {}\n", quoted(&self.calendar));
        if let Some(year) = self.year {
            let _ = writeln!(out, "year = {year}");
        }
        if let Some(notice) = &self.notice {
            out.push_str("\n[notice]\n");
            write_notice(&mut out, notice);
        }
        self.breaks.iter().for_each(|one| write_break(&mut out, "[[break]]", one));
        for change in &self.amendments {
            out.push_str("\n[[amendment]]\n");
            let replaced: Vec<String> = change.replaces.iter().map(|name| quoted(name)).collect();
            let _ = writeln!(out, "replaces = [{}]", replaced.join(", "));
            let _ = writeln!(out, "extra_days = {}", change.extra_days);
            out.push_str("\n[amendment.notice]\n");
            write_notice(&mut out, &change.notice);
            change.breaks.iter().for_each(|one| write_break(&mut out, "[[amendment.break]]", one));
        }
        out
    }

    /// [`Self::text`] with the record of its import.
    pub(super) fn text_with_import(&self) -> String {
        let mut out = self.text();
        if let Some(import) = &self.import {
            out.push_str("\n[import]\n");
            let mut line = |key: &str, value: &str| {
                let _ = writeln!(out, "{key} = {}", quoted(value));
            };
            line("by", &import.by.0);
            line("at", &import.at.0.to_string());
            if let Some(other) = &import.confirmed_by {
                line("confirmed_by", &other.0);
            }
            if let Some(at) = &import.confirmed_at {
                line("confirmed_at", &at.0.to_string());
            }
            line("source", &import.source);
            line("source_sha256", &import.source_sha256);
            line("sha256", &import.sha256);
        }
        out
    }
}

fn write_notice(out: &mut String, notice: &Notice) {
    let _ = writeln!(out, "number = {}", quoted(&notice.number));
    let _ = writeln!(out, "title = {}", quoted(&notice.title));
    let _ = writeln!(out, "date = \"{}\"", notice.date.0);
    if let Some(day) = notice.published {
        let _ = writeln!(out, "published = \"{}\"", day.0);
    }
    let _ = writeln!(out, "url = {}", quoted(&notice.url));
}

fn write_break(out: &mut String, head: &str, one: &Break) {
    let days = |days: &[Day]| {
        let texts: Vec<String> = days.iter().map(|day| format!("\"{}\"", day.0)).collect();
        texts.join(", ")
    };
    let _ = writeln!(out, "\n{head}\nname = {}", quoted(&one.name));
    let _ = writeln!(out, "days = [{}]", days(&[one.days.0, one.days.1]));
    let _ = writeln!(out, "work = [{}]", days(&one.work));
    let _ = writeln!(out, "statutory = [{}]", days(&one.statutory));
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for sign in text.chars() {
        match sign {
            '"' | '\\' => out.extend(['\\', sign]),
            sign if sign.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(sign));
            }
            sign => out.push(sign),
        }
    }
    out.push('"');
    out
}

/// Whether two names are one person's: two approvals by one are none.
pub(super) fn same_person(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}
