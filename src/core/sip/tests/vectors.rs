//! The test messages of RFC 4475 and RFC 5118 with what is expected of each: `vectors/table.txt`.

use std::ops::Range;

macro_rules! files {
    ($($name:literal,)*) => {
        /// Name and bytes of each file.
        const FILES: &[(&str, &[u8])] =
            &[$(($name, include_bytes!(concat!("vectors/", $name, ".sip")))),*];
    };
}

files! {
    "rfc4475/wsinv",
    "rfc4475/intmeth",
    "rfc4475/esc01",
    "rfc4475/escnull",
    "rfc4475/esc02",
    "rfc4475/lwsdisp",
    "rfc4475/longreq",
    "rfc4475/dblreq",
    "rfc4475/semiuri",
    "rfc4475/transports",
    "rfc4475/mpart01",
    "rfc4475/unreason",
    "rfc4475/noreason",
    "rfc4475/badinv01",
    "rfc4475/clerr",
    "rfc4475/ncl",
    "rfc4475/scalar02",
    "rfc4475/scalarlg",
    "rfc4475/quotbal",
    "rfc4475/ltgtruri",
    "rfc4475/lwsruri",
    "rfc4475/lwsstart",
    "rfc4475/trws",
    "rfc4475/escruri",
    "rfc4475/baddate",
    "rfc4475/regbadct",
    "rfc4475/badaspec",
    "rfc4475/baddn",
    "rfc4475/badvers",
    "rfc4475/mismatch01",
    "rfc4475/mismatch02",
    "rfc4475/bigcode",
    "rfc4475/badbranch",
    "rfc4475/insuf",
    "rfc4475/unkscm",
    "rfc4475/novelsc",
    "rfc4475/unksm2",
    "rfc4475/bext01",
    "rfc4475/invut",
    "rfc4475/regaut01",
    "rfc4475/multi01",
    "rfc4475/mcl01",
    "rfc4475/bcast",
    "rfc4475/zeromf",
    "rfc4475/cparam01",
    "rfc4475/cparam02",
    "rfc4475/regescrt",
    "rfc4475/sdp01",
    "rfc4475/inv2543",
    "rfc5118/ipv6-good",
    "rfc5118/ipv6-bad",
    "rfc5118/port-ambiguous",
    "rfc5118/port-unambiguous",
    "rfc5118/via-received-param-with-delim",
    "rfc5118/via-received-param-no-delim",
    "rfc5118/ipv6-in-sdp",
    "rfc5118/mult-ip-in-header",
    "rfc5118/mult-ip-in-sdp",
    "rfc5118/ipv4-mapped-ipv6",
    "rfc5118/ipv6-bug-abnf-3-colons",
    "rfc5118/ipv6-correct-abnf-2-colons",
}

/// One row of the table.
pub struct Vector {
    pub name: &'static str,
    pub section: &'static str,
    pub class: &'static str,
    /// Method, or the status of a response.
    pub method: &'static str,
    pub hops: Option<u8>,
    pub cseq: Number,
    pub body: Number,
    pub does: &'static str,
    pub call_id: Field,
    /// End of the topmost Via value.
    pub via: &'static str,
    pub branch: Field,
    pub from_tag: Field,
    pub to_tag: Field,
    pub bytes: &'static [u8],
}

/// A cell: a text, or not asked.
#[derive(Debug)]
pub struct Field(Option<String>);

impl Field {
    fn read(cell: &str) -> Self {
        match cell {
            "*" => Self(None),
            "-" => Self(Some(String::new())),
            text => Self(Some(repeated(text))),
        }
    }

    /// Is this what the message says?
    pub fn agrees(&self, found: &[u8]) -> bool {
        self.0.as_ref().is_none_or(|text| text.as_bytes() == found)
    }

    /// The text; empty where the table does not ask.
    pub fn text(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

/// A cell with a number: not asked, unreadable in the message, or this.
#[derive(Clone, Copy, Debug)]
pub struct Number(Option<Option<usize>>);

impl Number {
    fn read(cell: &str) -> Self {
        match cell {
            "*" => Self(None),
            "bad" => Self(Some(None)),
            digits => Self(Some(Some(digits.parse().unwrap()))),
        }
    }

    /// Is this what the message says?
    pub fn agrees(self, found: Option<usize>) -> bool {
        self.0.is_none_or(|number| number == found)
    }

    /// The number.
    pub fn number(self) -> usize {
        self.0.flatten().unwrap()
    }
}

/// `a{bc*3}d` is `abcbcbcd`.
fn repeated(cell: &str) -> String {
    let parts = cell.split_once('{').and_then(|(head, rest)| {
        let (group, tail) = rest.split_once('}')?;
        let (text, times) = group.split_once('*')?;
        Some(format!("{head}{}{tail}", text.repeat(times.parse().ok()?)))
    });
    parts.unwrap_or_else(|| cell.to_owned())
}

/// All of them, in the order of the table.
pub fn all() -> Vec<Vector> {
    let rows = include_str!("vectors/table.txt").lines().filter(|l| l.starts_with("rfc"));
    rows.map(vector).collect()
}

fn vector(row: &'static str) -> Vector {
    let cells: Vec<&str> = row.split_whitespace().collect();
    let [
        name,
        section,
        class,
        method,
        hops,
        cseq,
        body,
        does,
        call_id,
        via,
        branch,
        from_tag,
        to_tag,
    ] = cells[..]
    else {
        panic!("{row}")
    };
    assert!(["accept", "fault", "either"].contains(&class), "{row}");
    let file = FILES.iter().find(|(file, _)| *file == name);
    Vector {
        name,
        section,
        class,
        method,
        hops: hops.parse().ok(),
        cseq: Number::read(cseq),
        body: Number::read(body),
        does,
        call_id: Field::read(call_id),
        via,
        branch: Field::read(branch),
        from_tag: Field::read(from_tag),
        to_tag: Field::read(to_tag),
        bytes: file.unwrap_or_else(|| panic!("no file {name}")).1,
    }
}

impl Vector {
    /// What goes over the wire. The archives of the RFCs end three messages inside their headers,
    /// and RFC 5118 §4.6 gives its body 17 bytes too many: as they stand these are faults of
    /// framing (see `torture::framing_faults_of_the_archives`), which no section is about.
    pub fn wire(&self) -> Vec<u8> {
        let mut bytes = self.bytes.to_vec();
        if !bytes.windows(4).any(|w| w == b"\r\n\r\n") {
            bytes.extend_from_slice(b"\r\n");
        }
        if self.name == "rfc5118/ipv6-in-sdp" {
            replace(&mut bytes, b"Content-Length: 268", b"Content-Length: 251");
        }
        bytes
    }

    /// The message behind one hop that came from `source`: cut where its body ends, a hop less,
    /// and the source noted (RFC 3261 §16.6 item 3, §18.2.1). A plain text operation: it shares no
    /// code with the proxy.
    pub fn one_hop_on(&self, source: std::net::SocketAddr) -> Vec<u8> {
        let mut bytes = self.wire();
        let end = find(&bytes, b"\r\n\r\n").end + self.body.number();
        bytes.truncate(end);
        let via = find(&bytes, self.via.as_bytes());
        bytes.splice(via, noted(self.via, source).into_bytes());
        if let Some(hops) = self.hops {
            let lower = bytes.to_ascii_lowercase();
            let mut at = find(&lower, b"\r\nmax-forwards:").end;
            while bytes[at] == b' ' {
                at += 1;
            }
            let digits = bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
            bytes.splice(at..at + digits, (hops - 1).to_string().into_bytes());
        }
        if self.name == "rfc4475/mpart01" {
            // Its Route value has no lr: a strict router (RFC 3261 §16.6 item 6).
            replace(&mut bytes, b"sip:kumiko@example.org SIP", b"sip:127.0.0.1:5080 SIP");
            replace(&mut bytes, b"Route: <sip:127.0.0.1:5080>", b"Route: <sip:kumiko@example.org>");
        }
        bytes
    }
}

/// A Via value with `received`, and `rport` where it is asked for (RFC 3581 §4).
fn noted(via: &str, source: std::net::SocketAddr) -> String {
    let (ip, port) = (source.ip(), source.port());
    let mut parts: Vec<String> = via.split(';').map(str::to_owned).collect();
    for part in &mut parts {
        if part == "rport" {
            *part = format!("rport={port}");
        } else if part.starts_with("received=") {
            *part = format!("received={ip}");
        }
    }
    if !via.contains("received=") {
        parts.push(format!("received={ip}"));
    }
    parts.join(";")
}

/// First place of `what`.
pub fn find(bytes: &[u8], what: &[u8]) -> Range<usize> {
    let at = bytes.windows(what.len()).position(|w| w == what);
    let at = at.unwrap_or_else(|| panic!("no {}", String::from_utf8_lossy(what)));
    at..at + what.len()
}

/// `with` in the place of the first `what`.
pub fn replace(bytes: &mut Vec<u8>, what: &[u8], with: &[u8]) {
    let at = find(bytes, what);
    bytes.splice(at, with.iter().copied());
}

#[test]
fn every_file_has_its_row() {
    let rows = all();
    let count = |rfc: &str| rows.iter().filter(|v| v.name.starts_with(rfc)).count();
    assert_eq!((count("rfc4475/"), count("rfc5118/")), (49, 12));
    assert_eq!(FILES.len(), rows.len());
    for (name, _) in FILES {
        assert_eq!(rows.iter().filter(|v| v.name == *name).count(), 1, "{name}");
    }
}
