//! CSV files of numbers: which encoding, which separator, which columns. Reads what spreadsheet
//! programs and registers write; what cannot be read is named by its line.

use std::collections::BTreeMap;

/// Columns, the names that they may have, and whether they are read.
const COLUMNS: [(&str, &[&str], bool); 10] = [
    ("number", &["number", "phone", "号码", "电话", "电话号码", "手机号", "手机号码"], true),
    ("customer", &["customer", "客户", "客户号"], true),
    ("purpose", &["purpose", "用途"], true),
    ("until", &["until", "截止日期", "到期日"], true),
    ("reason", &["reason", "原因"], true),
    ("asked_at", &["asked_at", "登记时间"], true),
    // An export has them; an import says for itself who and how.
    ("source", &["source"], false),
    ("added_by", &["added_by"], false),
    ("tag", &["tag", "标签"], false),
    ("scope", &["scope"], false),
];
/// Columns that are read, in the order of an export.
pub const COLUMNS_READ: [&str; 6] =
    ["number", "customer", "purpose", "until", "reason", "asked_at"];
/// Longest value, bytes.
pub const VALUE_BYTES_MAX: usize = 1024;

/// A file's text.
#[derive(Debug, PartialEq, Eq)]
pub struct Text {
    /// It.
    pub text: String,
    /// Name of its encoding.
    pub encoding: &'static str,
}

/// One row: columns by their canonical names.
pub type Row = BTreeMap<&'static str, String>;

/// Something that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// From 1.
    pub line: u64,
    /// What is wrong with it.
    pub what: String,
}

/// UTF-8 with or without its mark, UTF-16 with it, else GB18030.
///
/// # Errors
/// The first line that is neither.
pub fn decode(bytes: Vec<u8>) -> Result<Text, Fault> {
    let (bytes, marked) = match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => (rest.to_vec(), true),
        None => (bytes, false),
    };
    let wide = match bytes.get(..2) {
        Some(b"\xff\xfe") => Some(encoding_rs::UTF_16LE),
        Some(b"\xfe\xff") => Some(encoding_rs::UTF_16BE),
        _ => None,
    };
    let bytes = match (wide, String::from_utf8(bytes)) {
        (None, Ok(text)) => return Ok(Text { text, encoding: "UTF-8" }),
        (_, Ok(text)) => text.into_bytes(),
        (_, Err(error)) => {
            if marked {
                let good = error.utf8_error().valid_up_to();
                let line = line_of(error.as_bytes(), good);
                return Err(Fault { line, what: "no UTF-8, as the file's mark says".to_owned() });
            }
            error.into_bytes()
        }
    };
    let encoding = wide.unwrap_or(encoding_rs::GB18030);
    match encoding.decode_without_bom_handling_and_without_replacement(if wide.is_some() {
        bytes.get(2..).unwrap_or_default()
    } else {
        &bytes
    }) {
        Some(text) => Ok(Text { text: text.into_owned(), encoding: encoding.name() }),
        None => {
            let (text, _) = encoding.decode_without_bom_handling(&bytes);
            let at = text.find('\u{fffd}').unwrap_or(text.len());
            let line = line_of(text.as_bytes(), at);
            Err(Fault { line, what: format!("neither UTF-8 nor {}", encoding.name()) })
        }
    }
}

fn line_of(text: &[u8], at: usize) -> u64 {
    let before = text.get(..at).unwrap_or(text);
    1 + before.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// The rows of a file, good and bad.
pub struct Rows<'t> {
    records: csv::StringRecordsIntoIter<&'t [u8]>,
    /// Column of each field; `None`: not read.
    columns: Vec<Option<&'static str>>,
    /// The first line, where it is no header.
    first: Option<Row>,
}

impl<'t> Rows<'t> {
    /// Reads the header. A file of numbers alone may do without one.
    ///
    /// # Errors
    /// If the file is empty, or a column is not known or there twice, or none says whom.
    pub fn read(text: &'t str) -> Result<Self, Fault> {
        let head = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let count = |sign: char| head.matches(sign).count();
        let separators = [(',', count(',')), (';', count(';')), ('\t', count('\t'))];
        let (separator, _) =
            separators.into_iter().rev().max_by_key(|(_, found)| *found).unwrap_or((',', 0));
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .has_headers(false)
            .trim(csv::Trim::All)
            .delimiter(u8::try_from(separator).unwrap_or(b','))
            .from_reader(text.as_bytes());
        let mut header = csv::StringRecord::new();
        let found = reader.read_record(&mut header);
        let line = header.position().map_or(1, csv::Position::line);
        let fault = |what: String| Fault { line, what };
        match found {
            Ok(true) => {}
            Ok(false) => return Err(fault("the file is empty".to_owned())),
            Err(error) => return Err(fault(unreadable(&error))),
        }
        let records = reader.into_records();
        if header.len() == 1 && header.get(0).is_some_and(is_number) {
            let first = header.get(0).map(|number| Row::from([("number", number.to_owned())]));
            return Ok(Self { records, columns: vec![Some("number")], first });
        }
        let columns =
            header.iter().map(column).collect::<Result<Vec<_>, String>>().map_err(fault)?;
        let named: Vec<&str> = columns.iter().flatten().copied().collect();
        if let Some(twice) = named.iter().enumerate().find(|(i, name)| named[..*i].contains(name)) {
            return Err(fault(format!("column {:?} is there twice", twice.1)));
        }
        if !named.contains(&"number") && !named.contains(&"customer") {
            return Err(fault("the header line has no column \"number\"".to_owned()));
        }
        Ok(Self { records, columns, first: None })
    }
}

impl Iterator for Rows<'_> {
    type Item = (u64, Result<Row, Fault>);

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(first) = self.first.take() {
            return Some((1, Ok(first)));
        }
        let record = match self.records.next()? {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                return Some((line, Err(Fault { line, what: unreadable(&error) })));
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        let fault = |what| Some((line, Err(Fault { line, what })));
        if record.len() > self.columns.len() {
            return fault(format!("{} values in {} columns", record.len(), self.columns.len()));
        }
        let mut row = Row::new();
        for (name, value) in self.columns.iter().zip(record.iter()) {
            let Some(name) = name else { continue };
            if value.len() > VALUE_BYTES_MAX {
                return fault(format!("{name}: longer than {VALUE_BYTES_MAX} bytes"));
            }
            if !value.is_empty() {
                row.insert(name, value.to_owned());
            }
        }
        Some((line, Ok(row)))
    }
}

fn unreadable(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "no text".to_owned(),
        _ => "no row of a CSV file".to_owned(),
    }
}

fn is_number(value: &str) -> bool {
    let sign = |c: char| c.is_ascii_digit() || ('０'..='９').contains(&c) || "+-() ".contains(c);
    value.chars().any(char::is_numeric) && value.chars().all(sign)
}

fn column(header: &str) -> Result<Option<&'static str>, String> {
    let header = header.trim_matches('\u{feff}').trim().to_lowercase();
    let known = COLUMNS.iter().find(|(_, names, _)| names.contains(&header.as_str()));
    match known {
        Some((name, _, read)) => Ok(read.then_some(*name)),
        None => {
            let names = COLUMNS_READ.join(", ");
            Err(format!("column {header:?} is not known; there are: {names}"))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// Columns and values of a good row, or what is wrong with it.
    type Read = Result<Vec<(&'static str, String)>, String>;

    fn rows(text: &str) -> Vec<(u64, Read)> {
        let rows = Rows::read(text).unwrap();
        rows.map(|(line, row)| {
            (line, row.map(|r| r.into_iter().collect()).map_err(|fault| fault.what))
        })
        .collect()
    }

    fn numbers(text: &str) -> Vec<String> {
        Rows::read(text).unwrap().map(|(_, row)| row.unwrap()["number"].clone()).collect()
    }

    #[test]
    fn encodings_are_told_apart() {
        let table = "号码,原因\n13800138000,客户明确要求“勿扰”\n";
        let (gb, _, _) = encoding_rs::GB18030.encode(table);
        let wide = |mark: [u8; 2], pair: fn(u16) -> [u8; 2]| {
            [mark.to_vec(), table.encode_utf16().flat_map(pair).collect()].concat()
        };
        for (bytes, encoding) in [
            (table.as_bytes().to_vec(), "UTF-8"),
            ([b"\xef\xbb\xbf", table.as_bytes()].concat(), "UTF-8"),
            (gb.into_owned(), "gb18030"),
            (wide([0xff, 0xfe], u16::to_le_bytes), "UTF-16LE"),
            (wide([0xfe, 0xff], u16::to_be_bytes), "UTF-16BE"),
        ] {
            let read = decode(bytes).unwrap();
            assert_eq!(read, Text { text: table.to_owned(), encoding });
        }
        let broken = decode(b"number\n13800138000\n\xff\xff\n".to_vec()).unwrap_err();
        assert_eq!(broken, Fault { line: 3, what: "neither UTF-8 nor gb18030".to_owned() });
        let marked = decode(b"\xef\xbb\xbfnumber\n\xc4\xe3\n".to_vec()).unwrap_err();
        assert_eq!(marked.line, 2);
    }

    #[test]
    fn separators_and_headers() {
        assert_eq!(numbers("number\n1\n2\n"), ["1", "2"]);
        assert_eq!(numbers("手机号;原因\r\n1;a,b\r\n\r\n2;c\r\n"), ["1", "2"]);
        assert_eq!(numbers("Number\tUntil\n1\t2026-01-01\n"), ["1"]);
        assert_eq!(numbers("+442079460123\n020 7946 0124\n"), ["+442079460123", "020 7946 0124"]);
        assert_eq!(numbers("１３８\n139\n"), ["１３８", "139"]);
        for (text, expected) in [
            ("", "the file is empty"),
            ("number,colour\n1,red\n", "column \"colour\" is not known"),
            ("until\n2026-01-01\n", "no column \"number\""),
            ("number,电话\n1,2\n", "column \"number\" is there twice"),
        ] {
            let fault = Rows::read(text).err().unwrap();
            assert!(fault.what.contains(expected), "{text:?}: {fault:?}");
        }
    }

    #[test]
    fn bad_rows_are_named_and_good_ones_go_on() {
        let long = "x".repeat(VALUE_BYTES_MAX + 1);
        let text = format!(
            "number,until,source\n1,2026-01-01,x\n2,forever,x,surplus\n3\n\"4\n5\",,\n{long},,\n6,,\n"
        );
        let found = rows(&text);
        let one = |cells: &[(&'static str, &str)]| -> Read {
            Ok(cells.iter().map(|(name, value)| (*name, (*value).to_owned())).collect())
        };
        assert_eq!(
            found,
            [
                (2, one(&[("number", "1"), ("until", "2026-01-01")])),
                (3, Err("4 values in 3 columns".to_owned())),
                (4, one(&[("number", "3")])),
                (5, one(&[("number", "4\n5")])),
                (7, Err(format!("number: longer than {VALUE_BYTES_MAX} bytes"))),
                (8, one(&[("number", "6")])),
            ]
        );
    }

    proptest! {
        /// No bytes panic, and every row has a line of the file.
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(text) = decode(bytes)
                && let Ok(rows) = Rows::read(&text.text)
            {
                let lines = text.text.lines().count().max(text.text.split('\r').count()) as u64;
                for (line, _) in rows {
                    prop_assert!(line <= lines + 1);
                }
            }
        }
    }
}
