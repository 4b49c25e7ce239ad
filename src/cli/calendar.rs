//! `calendar show`, `diff`, `import` and `confirm`: none needs a server.

use super::exit::{Exit, Failure};
use crate::app;
use crate::config::Config;
use clap::{Args, Subcommand};
use std::io::Write;
use std::path::{Path, PathBuf};
use trunkline_core::gate::{
    Book, CalendarChange, CalendarSet, CalendarYear, Draft, Provenance, Source, shipped_calendars,
    shipped_rules,
};
use trunkline_core::model::Wall;

/// Folder of files that wait for a second person, within that of the calendars.
const PENDING: &str = "pending";

#[derive(Args)]
pub(super) struct CalendarArgs {
    #[command(subcommand)]
    command: CalendarCommand,
}

#[derive(Subcommand)]
enum CalendarCommand {
    /// Show a year: its notices and its days.
    Show {
        /// Calendar, e.g. CN.
        calendar: String,
        /// Year.
        year: i16,
        /// JSON on one line.
        #[arg(long)]
        json: bool,
        /// What was known at this instant, RFC 3339 with offset, and nothing later.
        #[arg(long)]
        as_known_at: Option<String>,
        #[command(flatten)]
        from: FolderArgs,
    },
    /// Say on which days a file differs from what is in force. Exit code 1 if it does.
    Diff {
        /// Calendar, e.g. CN.
        calendar: String,
        /// Year.
        year: i16,
        #[command(flatten)]
        file: FileArgs,
        /// One JSON object a day.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        from: FolderArgs,
    },
    /// Bring in a year: .toml or .json of schema 1, .json of holiday-cn, .ics, or the text of a
    /// notice. It counts once another person has confirmed it.
    Import {
        #[command(flatten)]
        file: FileArgs,
        /// Who brings it: 1 to 64 signs without a space.
        #[arg(long)]
        by: String,
        /// Another person, who has read the days and confirms them at once.
        #[arg(long)]
        confirm_by: Option<String>,
        #[command(flatten)]
        from: FolderArgs,
    },
    /// Confirm what another person has imported.
    Confirm {
        /// Calendar, e.g. CN.
        calendar: String,
        /// Year.
        year: i16,
        /// Who confirms.
        #[arg(long)]
        by: String,
        #[command(flatten)]
        from: FolderArgs,
    },
}

/// Where imported calendars lie.
#[derive(Args)]
struct FolderArgs {
    /// Configuration that names the folder.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Folder instead of the configuration's.
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// A file, and where it comes from as far as it does not say it.
#[derive(Args)]
struct FileArgs {
    /// File to read.
    file: PathBuf,
    /// Number of the notice.
    #[arg(long)]
    number: Option<String>,
    /// Day the notice was signed, YYYY-MM-DD.
    #[arg(long)]
    date: Option<jiff::civil::Date>,
    /// Day it was made public, if another.
    #[arg(long)]
    published: Option<jiff::civil::Date>,
    /// Address at which it can be read.
    #[arg(long)]
    url: Option<String>,
    /// Year that is meant, of a feed with several.
    #[arg(long = "of-year")]
    of_year: Option<i16>,
}

pub(super) fn run(args: CalendarArgs) -> Result<(), Failure> {
    match args.command {
        CalendarCommand::Show { calendar, year, json, as_known_at, from } => {
            let known_at = as_known_at.as_deref().map(super::gate::instant).transpose()?;
            show(&calendar, year, json, &book(from.folder()?.as_deref(), known_at)?)
        }
        CalendarCommand::Diff { calendar, year, file, json, from } => {
            diff(&calendar, year, &file, json, &book(from.folder()?.as_deref(), None)?)
        }
        CalendarCommand::Import { file, by, confirm_by, from } => {
            import(&file, &by, confirm_by.as_deref(), &from.needed()?)
        }
        CalendarCommand::Confirm { calendar, year, by, from } => {
            confirm(&calendar, year, &by, &from.needed()?)
        }
    }
}

impl FolderArgs {
    fn folder(&self) -> Result<Option<PathBuf>, Failure> {
        match (&self.folder, &self.config) {
            (Some(folder), _) => Ok(Some(folder.clone())),
            (None, Some(config)) => Ok(Some(app::calendar_folder(&Config::load(config)?))),
            (None, None) => Ok(None),
        }
    }

    fn needed(&self) -> Result<PathBuf, Failure> {
        let missing = || Failure::new(Exit::Usage, "which folder? --config FILE or --folder DIR");
        self.folder()?.ok_or_else(missing)
    }
}

fn bad(message: impl ToString) -> Failure {
    Failure::new(Exit::Config, message.to_string())
}

fn failed(what: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Failure, format!("{}: {error}", what.display()))
}

/// Shipped and imported calendars, and one more version if it is given.
fn book_with(
    folder: Option<&Path>,
    known_at: Option<jiff::Timestamp>,
    more: Option<&Source<'_>>,
) -> Result<Book, Failure> {
    let imported = folder.map(app::imported_calendars).transpose()?.unwrap_or_default();
    let sources = imported.iter().map(|(name, text)| Source { name, text });
    let own: Vec<Source<'_>> = sources.chain(more.copied()).collect();
    let set = CalendarSet { shipped: &shipped_calendars(), own: &own, known_at };
    Book::load_with(&shipped_rules(), &set).map_err(bad)
}

fn book(folder: Option<&Path>, known_at: Option<jiff::Timestamp>) -> Result<Book, Failure> {
    book_with(folder, known_at, None)
}

fn show(calendar: &str, year: i16, json: bool, book: &Book) -> Result<(), Failure> {
    let names: Vec<&str> = book.calendars().map(|one| one.0).collect();
    let Some(found) = book.calendar_year(calendar, year) else {
        let message = format!("no calendar {calendar}: there are {}", names.join(", "));
        return Err(Failure::new(Exit::NotFound, message));
    };
    let mut out = std::io::stdout().lock();
    let text = if json { super::gate::json(&found)? + "\n" } else { told(&found) };
    out.write_all(text.as_bytes()).map_err(|error| failed(Path::new("stdout"), &error))?;
    match found.status {
        "unknown" => {
            Err(Failure::new(Exit::NotFound, format!("nothing is known of {calendar} {year}")))
        }
        _ => Ok(()),
    }
}

fn told(found: &CalendarYear) -> String {
    let mut out =
        format!("{} {}  {}  version {}\n", found.calendar, found.year, found.status, found.version);
    for source in &found.sources {
        let words = [&source.number, &source.title, &source.published, &source.url];
        let words: Vec<&str> = words.iter().map(|s| s.as_str()).filter(|s| !s.is_empty()).collect();
        out += &format!("source  {}\n", words.join("  "));
    }
    if !found.approved_by.is_empty() {
        out += &format!("people  {}\n", found.approved_by.join(", "));
    }
    for day in &found.days {
        let mark = if day.statutory { "*" } else { " " };
        out += &format!("{} {} {mark} {:<11} {}\n", day.date, day.weekday, day.class, day.name);
    }
    out
}

fn diff(
    calendar: &str,
    year: i16,
    file: &FileArgs,
    json: bool,
    book: &Book,
) -> Result<(), Failure> {
    let text = read(&file.file)?;
    let draft = draft(file, Some(year), &text, book)?;
    if (draft.calendar(), draft.year()) != (calendar, year) {
        let message = format!("the file is {} {}", draft.calendar(), draft.year());
        return Err(Failure::new(Exit::Usage, message));
    }
    let changes = book.calendar_changes(&draft).map_err(bad)?;
    for change in &changes {
        match json {
            true => println!("{}", super::gate::json(change)?),
            false => println!("{}", line(change)),
        }
    }
    match changes.len() {
        0 => Ok(()),
        n => Err(Failure::new(Exit::Failure, format!("{n} days differ"))),
    }
}

fn line(change: &CalendarChange) -> String {
    format!("{}  {:<11} -> {}", change.date, change.current, change.other)
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::new(Exit::Config, format!("{}: {error}", path.display())))
}

fn draft(file: &FileArgs, year: Option<i16>, text: &str, book: &Book) -> Result<Draft, Failure> {
    let given = Provenance {
        number: file.number.clone(),
        date: file.date,
        published: file.published,
        url: file.url.clone(),
        year: file.of_year.or(year),
    };
    let name = file.file.to_string_lossy();
    Draft::read(&Source { name: &name, text }, &given, book).map_err(bad)
}

fn now() -> Wall {
    Wall(jiff::Timestamp::now().as_microsecond())
}

fn import(
    file: &FileArgs,
    by: &str,
    confirm_by: Option<&str>,
    folder: &Path,
) -> Result<(), Failure> {
    let book = book(Some(folder), None)?;
    let text = read(&file.file)?;
    let draft = draft(file, None, &text, &book)?;
    let name = file.file.to_string_lossy();
    let from = Source { name: &name, text: &text };
    let sealed = draft.sealed(&from, by, now(), confirm_by);
    let sealed = sealed.map_err(|message| Failure::new(Exit::Usage, message))?;
    tell(&draft, &book)?;
    if confirm_by.is_some() {
        return keep(folder, &draft, &sealed);
    }
    let path = folder.join(PENDING).join(file_name(&draft));
    write_new(&path, &sealed)?;
    println!("waits for another person: {}", path.display());
    println!("trunkline calendar confirm {} {} --by NAME", draft.calendar(), draft.year());
    Ok(())
}

/// What a person who confirms has to look at.
fn tell(draft: &Draft, book: &Book) -> Result<(), Failure> {
    println!("{} {}  sha256 {}", draft.calendar(), draft.year(), draft.sha256());
    draft.notes().iter().for_each(|note| println!("note  {note}"));
    book.calendar_changes(draft).map_err(bad)?.iter().for_each(|one| println!("{}", line(one)));
    Ok(())
}

fn file_name(draft: &Draft) -> String {
    let sum = draft.sha256();
    format!("{}-{}-{}.toml", draft.calendar(), draft.year(), sum.get(..12).unwrap_or(&sum))
}

fn confirm(calendar: &str, year: i16, by: &str, folder: &Path) -> Result<(), Failure> {
    let book = book(Some(folder), None)?;
    let pending = folder.join(PENDING);
    let stem = format!("{calendar}-{year}-");
    let waiting = app::imported_calendars(&pending)?.into_iter().filter(|(name, _)| {
        Path::new(name).file_name().is_some_and(|name| name.to_string_lossy().starts_with(&stem))
    });
    let waiting: Vec<(String, String)> = waiting.collect();
    let [(name, text)] = waiting.as_slice() else {
        let message = match waiting.len() {
            0 => format!("nothing waits for {calendar} {year} in {}", pending.display()),
            n => {
                format!("{n} files wait for {calendar} {year} in {}: leave one", pending.display())
            }
        };
        return Err(Failure::new(Exit::NotFound, message));
    };
    let (draft, sealed) =
        Draft::confirmed(&Source { name, text }, by, now(), &book).map_err(bad)?;
    tell(&draft, &book)?;
    keep(folder, &draft, &sealed)?;
    std::fs::remove_file(name).map_err(|error| failed(Path::new(name), &error))
}

/// Writes a version beside the older ones, after it was read as the server will read it.
fn keep(folder: &Path, draft: &Draft, sealed: &str) -> Result<(), Failure> {
    let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S%6fZ").to_string();
    let name = format!("{stamp}-{}", file_name(draft));
    let path = folder.join(name);
    let shown = path.to_string_lossy().into_owned();
    let book = book_with(Some(folder), None, Some(&Source { name: &shown, text: sealed }))?;
    write_new(&path, sealed)?;
    println!("kept as {shown}");
    if let Some(year) = book.calendar_year(draft.calendar(), draft.year()) {
        if year.status != "imported" {
            println!("note  it does not count: the program knows a newer notice of that year");
        }
        println!("version {}; a running server reads it on `trunkline reload`", year.version);
    }
    Ok(())
}

/// Never over another file; on the disk before it is told.
fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let mut file = std::fs::File::create_new(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::File::open(folder)?.sync_all()
    };
    write().map_err(|error| failed(path, &error))
}
