//! Lines of a CSV file and their values.

/// Longest line that is read, bytes.
pub(super) const LINE_BYTES_MAX: usize = 64 * 1024;

/// The values of a line; or the number of the one (from 1) that cannot be read, and why.
///
/// A quote ends a value only before a comma or the end of the line: FreeSWITCH leaves quotes inside
/// a value alone, Asterisk doubles them (`doubled`). No PBX breaks a line inside a value: a quote
/// that is not closed spoils its own line alone.
pub(super) fn values(line: &str, doubled: bool) -> Result<Vec<String>, (usize, &'static str)> {
    let mut values = Vec::new();
    let mut rest = line;
    loop {
        let (value, after) = match rest.trim_start().strip_prefix('"') {
            Some(quoted) => {
                unquoted(quoted, doubled).ok_or((values.len() + 1, "its quote is not closed"))?
            }
            None => match rest.split_once(',') {
                Some((value, after)) => (value.trim().to_owned(), Some(after)),
                None => (rest.trim().to_owned(), None),
            },
        };
        values.push(value);
        match after {
            Some(after) => rest = after,
            None => return Ok(values),
        }
    }
}

/// A value after its first quote, and what stands behind the comma that follows it.
fn unquoted(text: &str, doubled: bool) -> Option<(String, Option<&str>)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let (part, behind) = rest.split_once('"')?;
        value.push_str(part);
        if doubled && let Some(after) = behind.strip_prefix('"') {
            value.push('"');
            rest = after;
            continue;
        }
        let next = behind.trim_start_matches([' ', '\t', ';']);
        if next.is_empty() {
            return Some((value, None));
        }
        if let Some(after) = next.strip_prefix(',') {
            return Some((value, Some(after)));
        }
        value.push('"');
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::values;

    #[test]
    fn quotes_are_read_as_pbxs_write_them() {
        for (line, wanted) in [
            (r#""a","b",3"#, Ok(vec!["a", "b", "3"])),
            (r#""""Agent"" <1001>","x""#, Ok(vec![r#""Agent" <1001>"#, "x"])),
            (r#""Bob "the" Builder","x""#, Ok(vec![r#"Bob "the" Builder"#, "x"])),
            (r#""a", "b" ,c ,"#, Ok(vec!["a", "b", "c", ""])),
            (r#""a,b","""#, Ok(vec!["a,b", ""])),
            (r#""a";"#, Ok(vec!["a"])),
            ("", Ok(vec![""])),
            (r#""a","b"#, Err((2, "its quote is not closed"))),
        ] {
            let wanted = wanted.map(|all| all.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(values(line, true), wanted, "{line}");
        }
        let left_alone = values(r#""Agent "One"","","x"#, false);
        assert_eq!(left_alone, Err((3, "its quote is not closed")));
        let left_alone = values(r#""Agent "One"","","x""#, false).unwrap_or_default();
        assert_eq!(left_alone, [r#"Agent "One""#, "", "x"]);
    }
}
