//! Files as PBXs write them, and what becomes of their rows.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::model::Wall;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use std::time::Duration;

fn zone() -> TimeZone {
    TimeZone::get("Asia/Shanghai").unwrap()
}

fn read_as(format: Format, columns: Option<&str>, text: &str) -> Reading {
    let columns = columns.map(|names| Columns::named(names.split(',')).unwrap());
    let mut reader = Reader::new(format, columns, zone(), None);
    reader.file(text.as_bytes());
    reader.finish()
}

/// `time dialled from>to ids`, a row each.
fn told(reading: &Reading) -> Vec<String> {
    let row = |(_, row): &(usize, Row)| {
        let at = row.at.rfc3339()[11..19].to_owned();
        let answered = if row.answered { "answered" } else { "-" };
        let (from, to) = (&row.from_leg, &row.leg);
        let ids = row.ids.join("+");
        format!("{at} {} {from}>{to} {ids} {}s {answered}", row.dialed.reveal(), row.length_s)
    };
    reading.rows.iter().map(row).collect()
}

/// As Asterisk 22 wrote them: answered, refused with 403, and the hang-up after the refusal.
const ASTERISK: &str = r#""","1001","013800138000","from-agents","""Agent One"" <1001>","PJSIP/1001-00000007","PJSIP/carrier-00000008","Dial","PJSIP/13800138000@carrier,60,T","2026-11-22 10:06:45","2026-11-22 10:06:46","2026-11-22 10:06:48",3,2,"ANSWERED","DOCUMENTATION","1795313205.11",";5b6e@192.0.2.20","","1795313205.11",3
"","1001","013800138000","from-agents","1001","PJSIP/1001-00000009","PJSIP/carrier-0000000a","Dial","PJSIP/13800138000@carrier,60,T","2026-11-22 10:06:50",,"2026-11-22 10:06:50",0,0,"NO ANSWER","DOCUMENTATION","1795313210.14","","","1795313210.14",4
"","1001","013800138000","from-agents","1001","PJSIP/1001-00000009","","Hangup","21","2026-11-22 10:06:50",,"2026-11-22 10:06:50",0,0,"NO ANSWER","DOCUMENTATION","1795313210.14","","","1795313210.14",5
"#;

#[test]
fn asterisks_master_csv_is_read_whatever_columns_are_on() {
    assert_eq!(
        told(&read_as(Format::AsteriskCsv, None, ASTERISK)),
        [
            "02:06:45 13800138000 PJSIP/1001-00000007>PJSIP/carrier-00000008 \
             1795313205.11+5b6e@192.0.2.20+1795313205.11 3s answered",
            "02:06:50 13800138000 PJSIP/1001-00000009>PJSIP/carrier-0000000a \
             1795313210.14+1795313210.14 0s -",
            "02:06:50 013800138000 PJSIP/1001-00000009> 1795313210.14+1795313210.14 0s -",
        ]
    );
    let line = ASTERISK.lines().next().unwrap();
    let (plain, _) = line.rsplit_once(",\"1795313205.11\",\";5b").unwrap();
    for (more, ids) in [
        ("", ""),
        (",\"1795313205.11\"", "1795313205.11"),
        (",\"abc@host\"", "abc@host"),
        (",\"1795313205.11\",\"abc@host\"", "1795313205.11+abc@host"),
        (",\"\",\"1795313205.9\",3", "1795313205.9"),
        (",\"1795313205.11\",\"\",\"1795313205.9\",3", "1795313205.11+1795313205.9"),
    ] {
        let reading = read_as(Format::AsteriskCsv, None, &format!("{plain}{more}\n"));
        assert_eq!(reading.faults, [], "{more}");
        assert_eq!(reading.rows[0].1.ids.join("+"), ids, "{more}");
    }
}

#[test]
fn other_tables_are_read_by_their_columns() {
    let custom = r#""""Agent"" <1001>","1001","013800138000","from-agents","PJSIP/1001-00000007","PJSIP/carrier-00000008","Dial","x","2026-11-22 10:06:45","2026-11-22 10:06:46","2026-11-22 10:06:48","3","2","ANSWERED","DOCUMENTATION","","1795313205.11","",3"#;
    let freeswitch = r#""Agent "One"","1001","013800138000","agents","2026-11-22 10:06:45","2026-11-22 10:06:46","2026-11-22 10:06:48","3","2","NORMAL_CLEARING","5c1f1c3e-aaaa","5c1f1c3e-bbbb","","PCMA","PCMA"
"","1001","013900139000","agents","2026-11-22 10:07:00","","2026-11-22 10:07:00","0","0","CALL_REJECTED","5c1f1c3e-cccc","5c1f1c3e-dddd","","",""
"#;
    let generic = "start,number,answered,call_id,direction,note\n\
        2026-11-22T10:06:45+08:00,13800138000,yes,a@b,out,x\n\
        1795313205,13900139000,no,,in,\n";
    let own = "2026-11-22 10:06:45,013800138000,1795313205.11\n";
    let rows = |format, columns, text| told(&read_as(format, columns, text));
    assert_eq!(
        rows(Format::AsteriskCustom, None, custom),
        ["02:06:45 013800138000 PJSIP/1001-00000007>PJSIP/carrier-00000008 1795313205.11 3s \
          answered"]
    );
    assert_eq!(
        rows(Format::FreeswitchCsv, None, freeswitch),
        [
            "02:06:45 013800138000 5c1f1c3e-aaaa>5c1f1c3e-bbbb 5c1f1c3e-aaaa+5c1f1c3e-bbbb 3s \
             answered",
            "02:07:00 013900139000 5c1f1c3e-cccc>5c1f1c3e-dddd 5c1f1c3e-cccc+5c1f1c3e-dddd 0s -",
        ]
    );
    assert_eq!(
        rows(Format::GenericCsv, None, generic),
        ["02:06:45 13800138000 > a@b 0s answered", "02:06:45 13900139000 >  0s -"]
    );
    assert_eq!(
        rows(Format::AsteriskCustom, Some("start,dst,uniqueid"), own),
        ["02:06:45 013800138000 1795313205.11> 1795313205.11 0s -"]
    );
}

/// What the caller pressed is not what was dialled.
#[test]
fn the_number_is_the_one_that_dial_was_given() {
    let columns = "start,dst,dstchannel,lastapp,lastdata";
    for (channel, app, data, wanted) in [
        ("PJSIP/carrier-0000000a", "Dial", "PJSIP/138@carrier,60,T", "138"),
        ("PJSIP/b-0000000a", "Dial", "PJSIP/138@a&PJSIP/139@b,60", "139"),
        ("SIP/carrier-0000000a", "Dial", "SIP/carrier/+86138,30", "+86138"),
        ("PJSIP/carrier-0000000a", "Dial", "PJSIP/carrier/sip:138@host,30", "138"),
        ("PJSIP/1001-0000000a", "Dial", "PJSIP/1001,30", "s"),
        ("PJSIP/carrier-0000000a", "Hangup", "PJSIP/138@carrier", "s"),
        ("PJSIP/carrier-0000000a", "Dial", "PJSIP/${EXTEN}@carrier", "s"),
        ("", "Dial", "", "s"),
    ] {
        let text = format!("1795313205,s,\"{channel}\",{app},\"{data}\"\n");
        let reading = read_as(Format::AsteriskCustom, Some(columns), &text);
        assert_eq!(reading.rows[0].1.dialed.reveal(), wanted, "{data}: {:?}", reading.faults);
    }
}

/// A channel that FreeSWITCH dialled, and the one that dialled it.
const B_LEG: &str = r#"{"core-uuid":"c0","switchname":"pbx","channel_data":{"state":"CS_REPORTING","direction":"outbound","state_number":"11"},"variables":{"direction":"outbound","uuid":"u-b","sip_call_id":"77d1%40host","channel_name":"sofia/trunk/13800138000%40192.0.2.10"},"callflow":[{"dialplan":"XML","caller_profile":{"caller_id_number":"1001","destination_number":"13800138000","uuid":"u-b","chan_name":"sofia/trunk/13800138000@192.0.2.10","context":"agents"},"times":{"created_time":"1795313205120000","answered_time":"1795313206000000","hangup_time":"1795313208000000"}}]}"#;
const A_LEG: &str = r#"{"channel_data":{"direction":"inbound"},"variables":{"uuid":"u-a","sip_call_id":"9f%40phone","channel_name":"sofia/agents/1001%40192.0.2.20","last_bridge_to":"u-b"},"callflow":[{"caller_profile":{"caller_id_number":"1001","destination_number":"013800138000","uuid":"u-a","context":"agents","originatee":{"originatee_caller_profiles":[{"destination_number":"13800138000","uuid":"u-b","chan_name":"sofia/trunk/13800138000@192.0.2.10"},{"destination_number":"13900139000","uuid":"u-c","chan_name":"sofia/trunk/13900139000@192.0.2.10"}]}},"times":{"created_time":"1795313205000000","answered_time":"1795313206000000","hangup_time":"1795313208000000"}}]}"#;

#[test]
fn freeswitchs_json_is_read_a_leg_at_a_time() {
    let both = read_as(Format::FreeswitchJson, None, &format!("{B_LEG}\n{A_LEG}\n"));
    assert_eq!(
        told(&both),
        [
            "02:06:45 13800138000 >u-b u-b+77d1@host+u-b 2s answered",
            "02:06:45 13800138000 u-a>u-b u-a+9f@phone+u-a+u-b 3s answered",
            "02:06:45 13900139000 u-a>u-c u-a+9f@phone+u-a+u-c 3s -",
        ]
    );
    let pretty = serde_json::from_str::<serde_json::Value>(B_LEG).unwrap();
    let pretty = serde_json::to_string_pretty(&pretty).unwrap();
    assert_eq!(told(&read_as(Format::FreeswitchJson, None, &pretty)).len(), 1);
    let found = legs(both.rows, &edge(&["sofia/trunk/*".to_owned()]));
    assert_eq!((found.out.len(), found.further), (2, 1), "both files tell of the same leg");
}

#[test]
fn what_cannot_be_read_is_named_by_line_and_column() {
    let good = ASTERISK.lines().next().unwrap();
    let text = [
        &good.replace("2026-11-22 10:06:45", "yesterday"),
        good,
        &good.replace("013800138000\"", "013800138000"),
        &good.replace(".11\",3", ".11\",3,\"x"),
        "\"\",\"1001\",\"0138\"",
        "",
        &good.replace(",3,2,", ",x,2,"),
        good,
    ]
    .join("\n");
    let reading = read_as(Format::AsteriskCsv, None, &text);
    let faults: Vec<String> = reading
        .faults
        .iter()
        .map(|f| format!("{}:{} {} {}", f.line, f.column, f.name, f.why))
        .collect();
    assert_eq!(
        faults,
        [
            "1:10 start no time: 2026-11-22 10:00:00, RFC 3339, or seconds since 1970",
            "3:14 billsec no seconds",
            "4:22  its quote is not closed",
            "5:0  3 values in 16 columns",
            "7:13 duration no seconds",
        ]
    );
    assert_eq!((reading.rows.len(), reading.read, &reading.twice[..]), (1, 7, &[(0, 8)][..]));
    assert!(reading.faults.iter().all(|f| !f.why.contains("13800138000")));
    for (text, wanted) in [
        ("a,b\n", "one of them is start"),
        ("start,number,start\n", "start is there twice"),
        ("", ""),
    ] {
        let reading = read_as(Format::GenericCsv, None, text);
        let why = reading.faults.first().map_or("", |f| f.why.as_str());
        assert!(why.contains(wanted) && why.is_empty() == wanted.is_empty(), "{text:?}: {why}");
    }
}

fn reads(number: &str) -> Reads {
    let digits = number.strip_prefix('0').unwrap_or(number);
    match digits {
        "110" => Reads::Exempt,
        _ if digits.len() == 4 => Reads::Inside,
        _ if digits.len() > 6 => Reads::Outside(digits.to_owned()),
        _ => Reads::Nothing,
    }
}

fn edge(trunks: &[String]) -> Edge<'_> {
    Edge { trunks, contexts_in: &[], reads: &reads }
}

fn row(second: i64, from: &str, to: &str, dialed: &str) -> (usize, Row) {
    let channel = |name: &str| match name {
        "" => String::new(),
        name => format!("PJSIP/{name}"),
    };
    let (from, to) = (channel(from), channel(to));
    let row = Row {
        at: Wall(second * 1_000_000),
        dialed: crate::model::Pii::new(dialed.to_owned()),
        caller: crate::model::Pii::new("13700137000".to_owned()),
        leg: to.clone(),
        from_leg: from.clone(),
        from_channel: from,
        to_channel: to,
        ..Row::default()
    };
    (0, row)
}

#[test]
fn rows_are_sorted_by_what_they_show() {
    let trunks = ["PJSIP/carrier".to_owned(), "PJSIP/side-door".to_owned()];
    for (from, to, dialed, wanted) in [
        ("1001-00000001", "carrier-00000002", "013800138000", "out 13800138000"),
        ("1001-00000001", "side-door-00000002", "s", "out ?"),
        ("1001-00000001", "carrier-00000002", "110", "exempt"),
        // A trunk that nobody named, and a forward by it.
        ("1001-00000001", "other-00000002", "013800138000", "out 13800138000"),
        ("carrier-00000001", "other-00000002", "013800138000", "out 13800138000"),
        ("carrier-00000001", "carrier-00000002", "013800138000", "out 13800138000"),
        ("1001-00000001", "1002-00000002", "1002", "inside"),
        ("1001-00000001", "", "013800138000", "inside"),
        ("carrier-00000001", "1001-00000002", "02162345678", "by trunk"),
        ("carrier-00000001", "1001-00000002", "1001", "by trunk"),
        ("carrier-00000001", "", "s", "by trunk"),
    ] {
        let found = legs(vec![row(1, from, to, dialed)], &edge(&trunks));
        let key = |leg: &OutLeg| leg.key.clone().unwrap_or("?".to_owned());
        let told = match (found.out.first(), found.by_trunk.len(), found.exempt, found.inside) {
            (Some(leg), 0, 0, 0) => format!("out {}", key(leg)),
            (None, 1, 0, 0) => "by trunk".to_owned(),
            (None, 0, 1, 0) => "exempt".to_owned(),
            (None, 0, 0, 1) => "inside".to_owned(),
            other => panic!("{other:?}"),
        };
        assert_eq!(told, wanted, "{from} {to} {dialed}");
    }
}

/// After transfers Asterisk writes the customer's channel several times, on either side of a row.
#[test]
fn rows_of_one_leg_are_one() {
    let trunks = ["PJSIP/carrier".to_owned()];
    let rows = vec![
        row(30, "carrier-00000002", "1003-00000004", "1003"),
        row(1, "1001-00000001", "carrier-00000002", "013800138000"),
        row(20, "1002-00000003", "carrier-00000002", "1002"),
        // The PBX was restarted: its names begin anew.
        row(60_000, "1001-00000001", "carrier-00000002", "013800138000"),
    ];
    let found = legs(rows, &edge(&trunks));
    assert_eq!((found.out.len(), found.further, found.by_trunk.len()), (2, 2, 0));
    assert_eq!(found.out[0].row.at, Wall(1_000_000));
}

fn out(second: i64, id: &str, key: &str) -> OutLeg {
    let (file, mut row) = row(second, "1001-00000001", "carrier-00000002", "");
    row.ids = vec![id.to_owned()];
    OutLeg { file, row, key: (!key.is_empty()).then(|| key.to_owned()) }
}

fn call(second: i64, id: &str, key: &str) -> Known {
    let at = Wall(second * 1_000_000);
    Known { ids: vec![id.to_owned()], key: Some(key.to_owned()), at, room: 1 }
}

#[test]
fn a_call_is_paired_with_one_leg() {
    use Match::{Id, NumberAndTime};
    let within = Duration::from_secs(5);
    let paired = |legs: &[OutLeg], calls: &[Known]| pair(legs, calls, within).legs;
    // An id is worth more than time, and a number that differs more than an id.
    let calls = [call(100, "x", "138"), call(101, "y", "138")];
    assert_eq!(
        paired(&[out(100, "y", "138"), out(101, "", "138"), out(102, "x", "139")], &calls),
        [Some((1, Id)), Some((0, NumberAndTime)), None]
    );
    // Two dials and one decision: the one that is closer in time has it, whatever their order.
    let calls = [call(103, "", "138")];
    assert_eq!(
        paired(&[out(100, "a", "138"), out(103, "b", "138")], &calls),
        [None, Some((0, NumberAndTime))]
    );
    // Too early, too late, another number; and a row that was open while the call was dialled.
    let mut open = out(60, "a", "138");
    open.row.length_s = 45;
    for (leg, wanted) in [
        (out(109, "a", "138"), false),
        (out(108, "a", "138"), true),
        (out(97, "a", "138"), true),
        (out(96, "a", "138"), false),
        (out(103, "a", "139"), false),
        (open, true),
    ] {
        assert_eq!(paired(std::slice::from_ref(&leg), &calls)[0].is_some(), wanted, "{leg:?}");
    }
    let twice = [Known { room: 2, ..call(100, "x", "138") }];
    let pairing = pair(&[out(100, "x", "138"), out(104, "x", "138")], &twice, within);
    assert_eq!(pairing.taken, [2]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Any bytes are read or refused, whatever they claim to be.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        all_ways(&bytes);
    }

    /// So is a good file in which some bytes were changed, and no row is lost: each is read, refused
    /// or there twice.
    #[test]
    fn damaged_files_are_read_or_refused(
        which in 0..3usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
    ) {
        let mut bytes = [ASTERISK, B_LEG, A_LEG][which].as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        all_ways(&bytes);
    }
}

fn all_ways(bytes: &[u8]) {
    use crate::model::Named;
    for (format, _) in Format::TABLE {
        let mut reader = Reader::new(*format, None, zone(), None);
        reader.file(bytes);
        reader.file(bytes);
        let reading = reader.finish();
        let counted = reading.rows.len() as u64 + reading.fault_count + reading.twice_count;
        assert!(counted >= reading.read, "{format:?}");
        let trunks = ["PJSIP/carrier".to_owned()];
        let rows = reading.rows.len() as u64;
        let found = legs(reading.rows, &edge(&trunks));
        let legs = (found.out.len() + found.by_trunk.len()) as u64;
        assert_eq!(rows, legs + found.exempt + found.inside + found.further, "{format:?}");
        pair(&found.out, &[call(1, "x", "138")], Duration::from_secs(5));
    }
}
