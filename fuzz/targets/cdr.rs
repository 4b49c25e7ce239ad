//! Call records of PBXs: no panic in any format, every row is counted once, and nothing of what stood
//! in a row is in the words about it.

use jiff::tz::TimeZone;
use std::time::Duration;
use trunkline_core::cdr::{Columns, Edge, Format, Known, Reader, Reads, legs, pair};
use trunkline_core::model::{Named as _, Wall};

/// The first byte chooses the format, the second whether columns are named; the rest is the file.
pub fn run(data: &[u8]) {
    let [format, named, file @ ..] = data else { return };
    let (format, _) = Format::TABLE[usize::from(*format) % Format::TABLE.len()];
    let columns = (named % 2 == 1)
        .then(|| Columns::named(["start", "dst", "answer", "uniqueid", "dstchannel"]).ok());
    let mut reader = Reader::new(format, columns.flatten(), TimeZone::UTC, None);
    reader.file(file);
    let reading = reader.finish();
    let rows = reading.rows.len() as u64;
    assert!(rows + reading.outside + reading.fault_count + reading.twice_count >= reading.read);
    assert!(reading.faults.iter().all(|fault| fault.line > 0 && fault.why.len() < 200));
    let reads = |number: &str| match number.len() {
        0 => Reads::Nothing,
        1..=4 => Reads::Inside,
        _ => Reads::Outside(number.to_owned()),
    };
    let trunks = ["PJSIP/carrier".to_owned(), "sofia/trunk/*".to_owned()];
    let found = legs(reading.rows, &Edge { trunks: &trunks, contexts_in: &[], reads: &reads });
    let shown = (found.out.len() + found.by_trunk.len()) as u64;
    assert_eq!(rows, shown + found.exempt + found.inside + found.further);
    let known = |leg: &trunkline_core::cdr::OutLeg| Known {
        ids: leg.row.ids.clone(),
        key: leg.key.clone(),
        at: Wall(leg.row.at.0),
        room: 1,
    };
    let known: Vec<Known> = found.out.iter().map(known).collect();
    let pairing = pair(&found.out, &known, Duration::from_secs(5));
    assert!(pairing.taken.iter().all(|taken| *taken <= 1));
}
