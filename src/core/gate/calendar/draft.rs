//! A year that somebody brings: read from any of the formats, checked, and sealed with the names of
//! two people.

use super::super::book::sha256_hex;
use super::super::values::{Day, Instant, Word};
use super::super::{Book, GateFileError, Source};
use super::days::Calendar;
use super::file::{self, Break, File, ImportRecord, Notice};
use super::{feed, notice};
use crate::model::Wall;
use jiff::Timestamp;
use jiff::civil::Date;

/// The calendar whose years come by notice.
const MAINLAND: &str = "CN";

/// Where a year comes from, as far as its file does not say it.
#[derive(Clone, Debug, Default)]
pub struct Provenance {
    /// `国办发明电〔2025〕7号`.
    pub number: Option<String>,
    /// Day the notice was signed.
    pub date: Option<Date>,
    /// Day it was made public, if another.
    pub published: Option<Date>,
    /// Address at which it can be read.
    pub url: Option<String>,
    /// Year that is meant, of a feed with several.
    pub year: Option<i16>,
}

/// A year that passed all checks.
#[derive(Clone, Debug)]
pub struct Draft {
    file: File,
    /// What the reader should know: days that were added.
    notes: Vec<String>,
}

impl Draft {
    /// Reads a file by its name: `.toml`, `.json` (schema 1, or the shape of holiday-cn), `.ics`,
    /// anything else is the text of a notice. Statutory dates are those of `book`'s calendar.
    ///
    /// # Errors
    /// The file, line or day, and what is allowed there.
    pub fn read(
        source: &Source<'_>,
        given: &Provenance,
        book: &Book,
    ) -> Result<Self, GateFileError> {
        let fail = |message: String| GateFileError::new(source.name, message);
        let end = source.name.rsplit_once('.').map_or("", |(_, end)| end).to_ascii_lowercase();
        let own = serde_json::from_str::<serde_json::Value>(source.text);
        let own = own.is_ok_and(|value| value.get("schema").is_some());
        let (mut file, mut notes) = match end.as_str() {
            "toml" => (file::read(source)?, Vec::new()),
            "json" if own => (file::read(source)?, Vec::new()),
            "json" => {
                from_list(feed::holiday_cn(source.text).map_err(fail)?, given).map_err(fail)?
            }
            "ics" => {
                let listed = feed::ics(source.text, given.year).map_err(fail)?;
                from_list(listed, given).map_err(fail)?
            }
            _ => {
                let read = notice::read(source.text, given).map_err(fail)?;
                (year_file(read.year, read.notice, read.breaks), Vec::new())
            }
        };
        file.import = None;
        let known = book.calendar(MAINLAND).and_then(|one| one.statutory_of(file.year?));
        let named = file.breaks.iter().any(|one| !one.statutory.is_empty());
        if !named {
            let year = file.year.unwrap_or_default();
            let known = known.ok_or_else(|| {
                fail(format!(
                    "the statutory dates of {year} are not known: a newer program is needed"
                ))
            })?;
            place(&mut file.breaks, known).map_err(fail)?;
            notes.push(format!("statutory dates by the law: {}", join(known)));
        } else if known.is_none() {
            notes
                .push("statutory dates as in the file: the program has none to compare".to_owned());
        }
        Self::check(&file, known).map_err(fail)?;
        Ok(Self { file, notes })
    }

    /// What [`Calendar`] refuses, and what only a file from outside can get wrong.
    fn check(file: &File, known: Option<&[Date]>) -> Result<(), String> {
        if file.calendar != MAINLAND {
            let name = &file.calendar;
            return Err(format!("calendar = {name:?}: only years of CN come by notice"));
        }
        let (Some(year), Some(_)) = (file.year, &file.notice) else {
            return Err("one year with its [notice] is needed".to_owned());
        };
        let shape = |text: &str| text.len() <= 512 && !text.chars().any(char::is_control);
        let texts = file.notices().flat_map(|one| [&one.number, &one.title, &one.url]);
        if let Some(text) = texts.chain(file.breaks.iter().map(|one| &one.name)).find(|t| !shape(t))
        {
            return Err(format!("{text:?}: at most 512 bytes without control signs"));
        }
        if let Some(url) = file.notices().map(|one| &one.url).find(|url| !is_address(url)) {
            return Err(format!("url = {url:?}: https:// or http:// and a host"));
        }
        let plain = file.breaks.iter().find(|one| one.statutory.is_empty());
        if let Some(Break { name, days: (first, last), .. }) = plain {
            let (first, last) = (first.0, last.0);
            return Err(format!("{name}: no statutory date lies in {first} to {last}"));
        }
        let mut alone = Calendar::default();
        if let Some(known) = known {
            alone.statutory.insert(year, known.to_vec());
        }
        alone.add(file.clone())
    }

    /// Year.
    pub fn year(&self) -> i16 {
        self.file.year.unwrap_or_default()
    }

    /// Calendar.
    pub fn calendar(&self) -> &str {
        &self.file.calendar
    }

    /// What was added or could not be compared.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// SHA-256 of the year in its canonical form, hex: its version.
    pub fn sha256(&self) -> String {
        sha256_hex(&[&self.file.text()])
    }

    /// The file to keep. `source` is the text it was read from; without `confirmed` it waits for a
    /// second person.
    ///
    /// # Errors
    /// If a name is none, or both are one.
    pub fn sealed(
        &self,
        source: &Source<'_>,
        by: &str,
        at: Wall,
        confirmed: Option<&str>,
    ) -> Result<String, String> {
        let instant = timestamp(at)?;
        let mut file = self.file.clone();
        file.import = Some(ImportRecord {
            by: Word::try_from(by.to_owned())?,
            at: Instant(instant),
            confirmed_by: None,
            confirmed_at: None,
            source: source.name.to_owned(),
            source_sha256: sha256_hex(&[source.text]),
            sha256: self.sha256(),
        });
        match confirmed {
            Some(other) => confirm(file, other, instant),
            None => Ok(file.text_with_import()),
        }
    }

    /// A file that waits, read again with all checks.
    ///
    /// # Errors
    /// If it does not wait, or was changed since.
    pub fn confirmed(
        source: &Source<'_>,
        other: &str,
        at: Wall,
        book: &Book,
    ) -> Result<(Self, String), GateFileError> {
        let fail = |message: String| GateFileError::new(source.name, message);
        let file = file::read(source)?;
        let Some(import) = file.import.clone() else {
            return Err(fail("no [import]: it was not brought by `calendar import`".to_owned()));
        };
        let draft = Self::read(source, &Provenance::default(), book)?;
        if draft.sha256() != import.sha256 {
            return Err(fail("sha256: the file was changed after its import".to_owned()));
        }
        let text = confirm(file, other, timestamp(at).map_err(fail)?).map_err(fail)?;
        Ok((draft, text))
    }

    /// Its days as a calendar of their own, for a comparison.
    pub(super) fn alone(&self) -> Result<Calendar, String> {
        let mut alone = Calendar::default();
        alone.add(self.file.clone())?;
        Ok(alone)
    }
}

fn confirm(mut file: File, other: &str, at: Timestamp) -> Result<String, String> {
    let other = Word::try_from(other.to_owned())?;
    let Some(import) = &mut file.import else { return Err("no [import]".to_owned()) };
    if super::file::same_person(&import.by.0, &other.0) {
        return Err(format!("{} brought it: another person has to confirm", import.by.0));
    }
    import.confirmed_by = Some(other);
    import.confirmed_at = Some(Instant(at));
    Ok(file.text_with_import())
}

fn timestamp(at: Wall) -> Result<Timestamp, String> {
    Timestamp::from_microsecond(at.0).map_err(|err| err.to_string())
}

fn is_address(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| rest.split('/').next().is_some_and(|host| host.contains('.')))
}

fn year_file(year: i16, notice: Notice, breaks: Vec<Break>) -> File {
    File {
        schema: 1,
        calendar: MAINLAND.to_owned(),
        year: Some(year),
        import: None,
        notice: Some(notice),
        breaks,
        amendments: Vec::new(),
        computed: Vec::new(),
        law: None,
    }
}

/// A list has no number and no date of its notice: they must be given.
fn from_list(listed: feed::Listed, given: &Provenance) -> Result<(File, Vec<String>), String> {
    let year = listed.year;
    let number = given.number.clone().ok_or("which notice says so? give --number and --date")?;
    let date = given.date.ok_or("when was the notice signed? give --date YYYY-MM-DD")?;
    let url = given.url.clone().or(listed.url);
    let url = url.ok_or("where was the notice published? give --url")?;
    let title = format!("国务院办公厅关于{year}年部分节假日安排的通知");
    let published = given.published.map(Day);
    let notice = Notice { number, title, date: Day(date), published, url };
    let glued = (!listed.glued.is_empty())
        .then(|| format!("weekend days beside a break, not in the list: {}", join(&listed.glued)));
    Ok((year_file(year, notice, listed.breaks), glued.into_iter().collect()))
}

/// Every statutory date goes to the break that holds it.
fn place(breaks: &mut [Break], known: &[Date]) -> Result<(), String> {
    for day in known {
        let holds = |one: &&mut Break| (one.days.0.0..=one.days.1.0).contains(day);
        let Some(home) = breaks.iter_mut().find(holds) else {
            return Err(format!("{day} is a statutory date, but no break holds it"));
        };
        home.statutory.push(Day(*day));
    }
    Ok(())
}

fn join(days: &[Date]) -> String {
    days.iter().map(Date::to_string).collect::<Vec<_>>().join(", ")
}
