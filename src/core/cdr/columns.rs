//! Which value of a line is what.

use crate::model::Named;

/// How a file of call records is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `cdr_csv.so`: `Master.csv`, whichever of its optional columns are there.
    AsteriskCsv,
    /// `cdr_custom.so`: by default the columns of Asterisk's sample.
    AsteriskCustom,
    /// `mod_cdr_csv`: by default the template `example`.
    FreeswitchCsv,
    /// `mod_json_cdr`: one object a file or a line.
    FreeswitchJson,
    /// CSV with a header line.
    GenericCsv,
}

impl Named for Format {
    const TABLE: &'static [(Self, &'static str)] = &[
        (Self::AsteriskCsv, "asterisk-csv"),
        (Self::AsteriskCustom, "asterisk-custom"),
        (Self::FreeswitchCsv, "freeswitch-csv"),
        (Self::FreeswitchJson, "freeswitch-json"),
        (Self::GenericCsv, "generic-csv"),
    ];
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Start,
    Answer,
    Duration,
    Billed,
    Disposition,
    Dialed,
    Caller,
    Context,
    From,
    To,
    /// Id of the channel that the call came from.
    Id,
    /// Id of the channel that was dialled.
    LegId,
    /// An id that several channels share, or a SIP Call-ID.
    SharedId,
    Direction,
    /// Application that ran last.
    App,
    /// What it was given.
    Data,
}

/// Names of columns: Asterisk's, FreeSWITCH's and our own; those that are not read are left out.
const NAMES: [(&str, Column); 40] = [
    ("start", Column::Start),
    ("start_stamp", Column::Start),
    ("start_epoch", Column::Start),
    ("start_uepoch", Column::Start),
    ("answer", Column::Answer),
    ("answer_stamp", Column::Answer),
    ("answer_epoch", Column::Answer),
    ("answer_uepoch", Column::Answer),
    ("answered", Column::Answer),
    ("duration", Column::Duration),
    ("billsec", Column::Billed),
    ("disposition", Column::Disposition),
    ("hangup_cause", Column::Disposition),
    ("dst", Column::Dialed),
    ("destination_number", Column::Dialed),
    ("number", Column::Dialed),
    ("src", Column::Caller),
    ("caller_id_number", Column::Caller),
    ("device", Column::Caller),
    ("dcontext", Column::Context),
    ("context", Column::Context),
    ("channel", Column::From),
    ("channel_name", Column::From),
    ("dstchannel", Column::To),
    ("bridge_channel", Column::To),
    ("to_channel", Column::To),
    ("uniqueid", Column::Id),
    ("uuid", Column::Id),
    ("channel_id", Column::Id),
    ("bleg_uuid", Column::LegId),
    ("linkedid", Column::SharedId),
    ("userfield", Column::SharedId),
    ("call_id", Column::SharedId),
    ("sip_call_id", Column::SharedId),
    ("direction", Column::Direction),
    ("way", Column::Direction),
    ("lastapp", Column::App),
    ("last_app", Column::App),
    ("lastdata", Column::Data),
    ("last_arg", Column::Data),
];

/// `accountcode`, `src` and the like, in the order of the line.
const ASTERISK: &str = "accountcode src dst dcontext clid channel dstchannel lastapp lastdata start \
    answer end duration billsec disposition amaflags";
const ASTERISK_NEW: &str = "peeraccount linkedid sequence";
const ASTERISK_CUSTOM: &str = "clid src dst dcontext channel dstchannel lastapp lastdata start \
    answer end duration billsec disposition amaflags accountcode uniqueid userfield sequence";
const FREESWITCH: &str = "caller_id_name caller_id_number destination_number context start_stamp \
    answer_stamp end_stamp duration billsec hangup_cause uuid bleg_uuid accountcode read_codec \
    write_codec";

/// Columns that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("columns: {0}")]
pub struct BadColumn(pub String);

/// The columns of a file.
#[derive(Clone, Debug)]
pub struct Columns {
    /// Name of each, and what it is to us.
    list: Vec<(String, Option<Column>)>,
    /// Those of `cdr_csv.so` that a line has or has not.
    optional: bool,
}

impl Columns {
    /// Those of a format, as its PBX writes it by itself.
    pub fn of(format: Format) -> Self {
        let list = match format {
            Format::AsteriskCsv => ASTERISK,
            Format::AsteriskCustom => ASTERISK_CUSTOM,
            Format::FreeswitchCsv => FREESWITCH,
            Format::FreeswitchJson | Format::GenericCsv => "",
        };
        Self { list: named(list.split_whitespace()), optional: format == Format::AsteriskCsv }
    }

    /// Those that somebody names, in their order. Names that we do not know are not read.
    ///
    /// # Errors
    /// If the begin of a call or the number is not among them, or one is there twice.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, BadColumn> {
        let list = named(names.into_iter());
        let has = |wanted| list.iter().any(|(_, column)| *column == Some(wanted));
        if !has(Column::Start) || !has(Column::Dialed) {
            let wanted = "one of them is start (start_stamp), one number (dst, destination_number)";
            return Err(BadColumn(wanted.to_owned()));
        }
        for (at, (name, _)) in list.iter().enumerate().filter(|(_, (_, column))| column.is_some()) {
            if list.iter().take(at).any(|(other, _)| other == name) {
                return Err(BadColumn(format!("{name} is there twice")));
            }
        }
        Ok(Self { list, optional: false })
    }

    /// Those of a line with so many values, the last of which is this.
    pub(super) fn fit(&self, count: usize, last: &str) -> Vec<(String, Option<Column>)> {
        let mut list = self.list.clone();
        let more = match count.saturating_sub(list.len()) {
            _ if !self.optional => return list,
            // One alone: an id, unless it does not look like one.
            1 if super::time::made_at(last).is_none() => "userfield".to_owned(),
            1 => "uniqueid".to_owned(),
            2 => "uniqueid userfield".to_owned(),
            3 => ASTERISK_NEW.to_owned(),
            4 => format!("uniqueid {ASTERISK_NEW}"),
            5.. => format!("uniqueid userfield {ASTERISK_NEW}"),
            _ => String::new(),
        };
        list.extend(named(more.split_whitespace()));
        list
    }
}

fn named<'a>(names: impl Iterator<Item = &'a str>) -> Vec<(String, Option<Column>)> {
    let column = |name: &str| NAMES.iter().find(|(known, _)| *known == name).map(|(_, c)| *c);
    let clean = |name: &str| name.trim().trim_start_matches('\u{feff}').to_ascii_lowercase();
    names.map(clean).map(|name| (name.clone(), column(&name))).collect()
}
