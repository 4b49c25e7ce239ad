//! Files of call records: which are of a day, and what is in them.

use jiff::tz::TimeZone;
use std::io;
use std::path::{Path, PathBuf};
use trunkline_core::vault::{digest, hex};

/// Largest file that is read.
const FILE_BYTES_MAX: u64 = 1 << 30;
/// Files of one reconciliation: a file a call, and a day of many calls.
const FILES_MAX: usize = 1_000_000;

/// The files of a pattern (`/var/log/asterisk/cdr-csv/Master.csv*`, `/cdr/%Y-%m-%d/`) that may have
/// records of the day: those written after its begin. A folder stands for its files.
pub(super) fn of_day(pattern: &str, day: &str, zone: &TimeZone) -> io::Result<Vec<PathBuf>> {
    let mut parts = day.split('-');
    let mut next = || parts.next().unwrap_or_default().to_owned();
    let (year, month, date) = (next(), next(), next());
    let path = pattern.replace("%Y", &year).replace("%m", &month).replace("%d", &date);
    let path = Path::new(&path);
    let began = day.parse::<jiff::civil::Date>().ok();
    let began = began.and_then(|day| day.to_zoned(zone.clone()).ok()).map(|at| at.timestamp());
    let fresh = |meta: &std::fs::Metadata| {
        let written = meta.modified().ok().and_then(|at| jiff::Timestamp::try_from(at).ok());
        written.zip(began).is_none_or(|(written, began)| written >= began)
    };
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let (folder, name) = match path.is_dir() {
        true => (path, "*".to_owned()),
        false => {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (path.parent().unwrap_or(Path::new("/")), name)
        }
    };
    let (mut files, mut some) = (Vec::new(), false);
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        let fits = matches(&name, &entry.file_name().to_string_lossy());
        let fits = fits && meta.is_file();
        some |= fits;
        if fits && fresh(&meta) && files.len() < FILES_MAX {
            files.push(entry.path());
        }
    }
    files.sort();
    if !some {
        let why = format!("{}: no such file", path.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, why));
    }
    Ok(files)
}

/// `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

/// The bytes of a file and their SHA-256.
pub(super) fn hashed(path: &Path) -> io::Result<(Vec<u8>, String)> {
    let name =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let bytes = std::fs::metadata(path).map_err(name)?.len();
    if bytes > FILE_BYTES_MAX {
        let why = format!("{}: larger than {FILE_BYTES_MAX} bytes", path.display());
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    let bytes = std::fs::read(path).map_err(name)?;
    let hash = hex(&digest(&bytes));
    Ok((bytes, hash))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, fits) in [
            ("Master.csv", "Master.csv", true),
            ("Master.csv", "Master.csv.1", false),
            ("Master.csv*", "Master.csv", true),
            ("Master.csv*", "Master.csv.2026-11-22", true),
            ("*", "anything", true),
            ("a_*.cdr.json", "a_1-2.cdr.json", true),
            ("a_*.cdr.json", "b_1-2.cdr.json", false),
            ("*a*b", "xaxb", true),
            ("*a*b", "xbxa", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn a_day_has_the_files_that_were_written_since_it_began() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["Master.csv", "Master.csv.1", "other"] {
            std::fs::write(dir.path().join(name), "x").unwrap();
        }
        let of = |pattern: &str, day: &str| {
            let files = of_day(&format!("{}/{pattern}", dir.path().display()), day, &TimeZone::UTC);
            files.map(|files| files.len()).map_err(|error| error.kind())
        };
        assert_eq!(of("Master.csv*", "2020-01-01"), Ok(2));
        assert_eq!(of("", "2020-01-01"), Ok(3));
        assert_eq!(of("Master.csv*", "2999-01-01"), Ok(0), "a day without calls");
        assert_eq!(of("Master.csv", "2999-01-01"), Ok(1), "a file that is named is read");
        assert_eq!(of("none-%Y.csv", "2020-01-01"), Err(io::ErrorKind::NotFound));
    }
}
