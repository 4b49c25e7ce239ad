//! Just enough of Rust's lexical rules to look for paths and words in source text.

/// The text with comments and literals blanked; line breaks stay, so line numbers hold.
pub fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => line_end(&chars, at),
            '/' if chars.get(at + 1) == Some(&'*') => comment_end(&chars, at),
            '"' => string_end(&chars, at),
            'r' if !follows_word(&chars, at) => raw_string_end(&chars, at),
            '\'' => char_end(&chars, at),
            _ => at,
        };
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// Every path that begins at `root`, with its line (from 1); `use` groups are taken apart:
/// `std::{fs, net::IpAddr}` gives `std::fs` and `std::net::IpAddr`.
pub fn paths_from(code: &str, root: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (start, _) in code.match_indices(root) {
        let before = code[..start].chars().next_back();
        let rest = &code[start + root.len()..];
        let whole = !before.is_some_and(|c| is_word(c) || c == ':')
            && !rest.chars().next().is_some_and(is_word);
        let line = code[..start].matches('\n').count() + 1;
        if !whole {
            continue;
        }
        if rest.trim_start().starts_with("::") {
            let mut tail = rest.trim_start();
            let mut flat = Vec::new();
            tree(&mut tail, root, &mut flat);
            found.extend(flat.into_iter().map(|path| (line, path)));
        } else if code[..start].trim_end().ends_with("use") {
            found.push((line, root.to_owned()));
        }
    }
    found
}

/// Identifiers and keywords with their lines (from 1).
pub fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.lines().enumerate().flat_map(|(n, line)| {
        line.split(|c| !is_word(c)).filter(|w| !w.is_empty()).map(move |w| (n + 1, w))
    })
}

/// Reads `::step::{a, b::c}` behind `path` and puts each leaf into `out`.
fn tree(tail: &mut &str, path: &str, out: &mut Vec<String>) {
    *tail = tail.trim_start();
    let Some(rest) = tail.strip_prefix("::") else {
        out.push(path.to_owned());
        return;
    };
    *tail = rest.trim_start();
    if let Some(rest) = tail.strip_prefix('{') {
        *tail = rest;
        group(tail, path, out);
        return;
    }
    let length = tail.find(|c| !is_word(c)).unwrap_or(tail.len());
    if length == 0 {
        out.push(path.to_owned()); // `::*`, `::<T>`
        return;
    }
    let longer = format!("{path}::{}", &tail[..length]);
    *tail = &tail[length..];
    tree(tail, &longer, out);
}

/// Reads the members of a group up to its closing brace.
fn group(tail: &mut &str, path: &str, out: &mut Vec<String>) {
    loop {
        *tail = tail.trim_start();
        let Some(first) = tail.chars().next() else { return };
        if first == '}' {
            *tail = &tail[1..];
            return;
        }
        if !is_word(first) {
            *tail = &tail[first.len_utf8()..];
            continue;
        }
        let length = tail.find(|c| !is_word(c)).unwrap_or(tail.len());
        let member = &tail[..length];
        *tail = &tail[length..];
        match member {
            "as" => {
                let alias = tail.trim_start();
                *tail = &alias[alias.find(|c| !is_word(c)).unwrap_or(alias.len())..];
            }
            "self" => out.push(path.to_owned()),
            _ => tree(tail, &format!("{path}::{member}"), out),
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn follows_word(chars: &[char], at: usize) -> bool {
    // `br"..."` is a raw string too; no identifier ends in `b` right before a raw string.
    let before = at.checked_sub(1).map(|i| chars[i]);
    let b_alone = before == Some('b') && !at.checked_sub(2).is_some_and(|i| is_word(chars[i]));
    before.is_some_and(is_word) && !b_alone
}

fn line_end(chars: &[char], at: usize) -> usize {
    chars[at..].iter().position(|c| *c == '\n').map_or(chars.len(), |n| at + n)
}

fn comment_end(chars: &[char], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at.min(chars.len())
}

fn string_end(chars: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

fn raw_string_end(chars: &[char], start: usize) -> usize {
    let hashes = chars[start + 1..].iter().take_while(|c| **c == '#').count();
    let open = start + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return start;
    }
    let closes = |at: usize| {
        chars[at] == '"'
            && chars[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes
    };
    (open + 1..chars.len()).find(|at| closes(*at)).map_or(chars.len(), |at| at + 1 + hashes)
}

/// A character literal ends at its second quote; a lifetime is no literal.
fn char_end(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => {
            let from = at + 3;
            let close = chars.iter().skip(from).position(|c| *c == '\'');
            close.map_or(chars.len(), |n| from + n + 1)
        }
        (Some(_), Some('\'')) => at + 3,
        _ => at,
    }
}
