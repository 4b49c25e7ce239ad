//! A file of numbers for the do-not-call list, as any spreadsheet may write it: no panic, each row
//! names a line of the file, a good row has known columns with values that fit, and an export of the
//! good rows is read as the same rows.

use trunkline::cli::dnc_file::{COLUMNS_READ, Row, Rows, VALUE_BYTES_MAX, decode};

/// Reads `data` as such a file.
pub fn run(data: &[u8]) {
    let Ok(file) = decode(data.to_vec()) else { return };
    let Ok(rows) = Rows::read(&file.text) else { return };
    let lines = 1 + file.text.bytes().filter(|byte| matches!(byte, b'\n' | b'\r')).count() as u64;
    let mut good: Vec<Row> = Vec::new();
    for (line, row) in rows {
        assert!(line <= lines, "line {line} of {lines}");
        match row {
            Ok(row) => {
                for (name, value) in &row {
                    assert!(COLUMNS_READ.contains(name), "{name}");
                    assert!((1..=VALUE_BYTES_MAX).contains(&value.len()), "{name}: {value:?}");
                }
                good.push(row);
            }
            Err(fault) => assert!(fault.line <= lines && !fault.what.is_empty(), "{fault:?}"),
        }
    }
    let again = written(&good);
    let rows = Rows::read(&again).expect("what was written is read");
    let rows: Vec<Row> = rows.map(|(_, row)| row.expect("a row that was good")).collect();
    assert_eq!(rows, good);
}

/// As an export writes it.
fn written(rows: &[Row]) -> String {
    let mut text = COLUMNS_READ.join(",") + "\n";
    for row in rows {
        let cell = |name: &&'static str| {
            let value = row.get(name).map_or("", String::as_str);
            format!("\"{}\"", value.replace('"', "\"\""))
        };
        text += &COLUMNS_READ.iter().map(cell).collect::<Vec<_>>().join(",");
        text.push('\n');
    }
    text
}
