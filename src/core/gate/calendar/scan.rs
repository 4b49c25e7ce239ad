//! The signs of a notice: full-width forms folded, white space gone, lines remembered.

use jiff::civil::{Date, Weekday};

/// Days a range in a notice has at most.
const RANGE_DAYS_MAX: usize = 15;

/// A text as signs that know their line, from 1.
pub(super) struct Signs {
    signs: Vec<char>,
    lines: Vec<usize>,
}

/// A part of a sentence, between two commas outside of brackets.
pub(super) struct Clause<'a> {
    pub(super) text: String,
    pub(super) line: usize,
    signs: &'a [char],
}

/// One day, or from one to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    first: Date,
    last: Date,
}

/// A day as it is written: a year or a month left out is that of the day before it.
struct Mention {
    year: Option<i16>,
    month: Option<i8>,
    day: i8,
    weekday: Option<Weekday>,
}

impl Signs {
    pub(super) fn new(text: &str) -> Self {
        let (mut signs, mut lines) = (Vec::new(), Vec::new());
        for (index, line) in text.lines().enumerate() {
            for sign in line.chars().filter(|c| !c.is_whitespace()) {
                signs.push(fold(sign));
                lines.push(index + 1);
            }
        }
        Self { signs, lines }
    }

    pub(super) fn len(&self) -> usize {
        self.signs.len()
    }

    pub(super) fn line(&self, at: usize) -> usize {
        self.lines.get(at).or(self.lines.last()).copied().unwrap_or(1)
    }

    pub(super) fn text(&self, from: usize, to: usize) -> String {
        self.signs.get(from..to).unwrap_or_default().iter().collect()
    }

    pub(super) fn starts_with(&self, at: usize, word: &str) -> bool {
        let rest = self.signs.get(at..).unwrap_or_default();
        let mut signs = rest.iter().copied();
        word.chars().all(|sign| signs.next() == Some(sign))
    }

    /// First place of `word` at or after `from`.
    pub(super) fn find(&self, word: &str, from: usize) -> Option<usize> {
        (from..self.len()).find(|at| self.starts_with(*at, word))
    }

    /// The date that ends the text: 2025年11月4日, 二〇一一年十二月五日.
    pub(super) fn last_date(&self) -> Option<Date> {
        let at = (0..self.len()).rev().find(|at| self.starts_with(*at, "年"))?;
        let month_end = self.find("月", at)?;
        let day_end = self.find("日", month_end)?;
        let year: String = self.text(at.checked_sub(4)?, at).chars().map(arabic_digit).collect();
        let month = small_number(&self.text(at + 1, month_end))?;
        let day = small_number(&self.text(month_end + 1, day_end))?;
        Date::new(year.parse().ok()?, month, day).ok()
    }

    pub(super) fn clauses(&self, from: usize, to: usize) -> Vec<Clause<'_>> {
        let mut out = Vec::new();
        let (mut begin, mut depth) = (from, 0_i32);
        for at in from..=to.min(self.len()) {
            let sign = self.signs.get(at).copied().unwrap_or('。');
            depth += i32::from(sign == '(') - i32::from(sign == ')');
            let ends = at == to || matches!(sign, '。' | ';') || (sign == ',' && depth <= 0);
            if ends {
                let signs = self.signs.get(begin..at).unwrap_or_default();
                if !signs.is_empty() {
                    let text = signs.iter().collect();
                    out.push(Clause { text, line: self.line(begin), signs });
                }
                (begin, depth) = (at + 1, 0);
            }
        }
        out
    }
}

impl Clause<'_> {
    /// The number between one of `words` and `unit`: 共3天.
    pub(super) fn number_between(&self, words: &[&str], unit: char) -> Option<usize> {
        words.iter().find_map(|word| {
            let rest = self.text.split(word).nth(1)?;
            let (digits, _) = rest.split_once(unit)?;
            digits.parse().ok()
        })
    }

    /// Its days in their order. `last` is the newest day named before, by month and year where the
    /// text named it; a month without a year is of `year`, December of the year before.
    pub(super) fn dates(
        &self,
        year: i16,
        last: &mut Option<(i16, i8)>,
    ) -> Result<Vec<Span>, String> {
        let mut spans: Vec<Span> = Vec::new();
        let (mut at, mut ended) = (0, None);
        while at < self.signs.len() {
            let Some((mention, next)) = self.mention(at) else {
                at += 1;
                continue;
            };
            let day = self.day(&mention, year, last)?;
            // A range only where the sign follows the first day at once: not in 调至.
            let joined = ended.is_some_and(|end| end + 1 == at)
                && matches!(self.signs.get(at - 1), Some('至' | '到' | '-'));
            match spans.last_mut() {
                Some(open) if joined => open.last = day,
                _ => spans.push(Span { first: day, last: day }),
            }
            (at, ended) = (next, Some(next));
        }
        match spans.iter().find(|span| span.last < span.first || span.count() > RANGE_DAYS_MAX) {
            None => Ok(spans),
            Some(span) => Err(format!(
                "line {}: {} to {}: a break has 1 to {RANGE_DAYS_MAX} days",
                self.line, span.first, span.last
            )),
        }
    }

    fn day(
        &self,
        mention: &Mention,
        year: i16,
        last: &mut Option<(i16, i8)>,
    ) -> Result<Date, String> {
        let line = self.line;
        let (year, month) = match (mention.year, mention.month, *last) {
            (Some(year), Some(month), _) => (year, month),
            (None, Some(12), _) => (year - 1, 12),
            (None, Some(month), _) => (year, month),
            (_, None, Some(last)) => last,
            (_, None, None) => {
                return Err(format!("line {line}: {}日 of which month?", mention.day));
            }
        };
        let day = Date::new(year, month, mention.day)
            .map_err(|_| format!("line {line}: {year}-{month}-{} is no day", mention.day))?;
        *last = Some((year, month));
        match mention.weekday {
            Some(told) if told != day.weekday() => {
                Err(format!("line {line}: {day} is a {:?}, the text says {told:?}", day.weekday()))
            }
            _ => Ok(day),
        }
    }

    /// `[YYYY年][M月]D日[(...)]` at `at`, and where it ends.
    fn mention(&self, at: usize) -> Option<(Mention, usize)> {
        let mut at = at;
        let mut year = None;
        let (mut number, mut next) = self.digits(at)?;
        if self.signs.get(next) == Some(&'年') {
            year = i16::try_from(number).ok();
            (number, next) = self.digits(next + 1)?;
        }
        let mut month = None;
        if self.signs.get(next) == Some(&'月') {
            month = Some(i8::try_from(number).ok()?);
            (number, next) = self.digits(next + 1)?;
        }
        if self.signs.get(next) != Some(&'日') && !self.opens_range(next, month) {
            return None;
        }
        at = next + usize::from(self.signs.get(next) == Some(&'日'));
        let day = i8::try_from(number).ok()?;
        let mut weekday = None;
        if self.signs.get(at) == Some(&'(') {
            let rest = self.signs.get(at..)?;
            let end = rest.iter().position(|sign| *sign == ')')?;
            weekday = weekday_in(&rest[..end]);
            at += end + 1;
        }
        Some((Mention { year, month, day, weekday }, at))
    }

    /// 1月1至3日: the first day without its 日.
    fn opens_range(&self, at: usize, month: Option<i8>) -> bool {
        month.is_some() && matches!(self.signs.get(at), Some('至' | '-'))
    }

    fn digits(&self, at: usize) -> Option<(u32, usize)> {
        if at > 0 && self.signs.get(at - 1).is_some_and(char::is_ascii_digit) {
            return None; // in the middle of a number
        }
        let rest = self.signs.get(at..)?;
        let count = rest.iter().take_while(|sign| sign.is_ascii_digit()).count();
        let text: String = rest.iter().take(count).collect();
        Some((text.parse().ok()?, at + count))
    }
}

impl Span {
    fn count(&self) -> usize {
        usize::try_from((self.last - self.first).get_days()).map_or(0, |days| days + 1)
    }

    pub(super) fn days(&self) -> impl Iterator<Item = Date> + use<> {
        let Self { first, last } = *self;
        first.series(jiff::Span::new().days(1)).take_while(move |day| *day <= last)
    }
}

/// 星期三, 周三.
fn weekday_in(signs: &[char]) -> Option<Weekday> {
    let text: String = signs.iter().collect();
    let rest = text.split_once("星期").or_else(|| text.split_once('周'))?.1;
    Some(match rest.chars().next()? {
        '一' => Weekday::Monday,
        '二' => Weekday::Tuesday,
        '三' => Weekday::Wednesday,
        '四' => Weekday::Thursday,
        '五' => Weekday::Friday,
        '六' => Weekday::Saturday,
        '日' | '天' => Weekday::Sunday,
        _ => return None,
    })
}

/// One form for each sign: full-width digits and punctuation, the dashes of ranges.
fn fold(sign: char) -> char {
    match sign {
        '\u{ff10}'..='\u{ff19}' => char::from(b'0' + (u32::from(sign) - 0xff10) as u8),
        '\u{ff1a}' => ':',
        '\u{ff08}' => '(',
        '\u{ff09}' => ')',
        '\u{ff0c}' => ',',
        '\u{ff1b}' => ';',
        '\u{3000}' => ' ',
        '[' | '\u{ff3b}' | '【' => '〔',
        ']' | '\u{ff3d}' | '】' => '〕',
        '\u{2010}'..='\u{2015}' | '~' | '\u{ff5e}' | '\u{ff0d}' | '\u{301c}' => '-',
        sign => sign,
    }
}

/// `三` as `3`; what is no numeral stays.
fn arabic_digit(sign: char) -> char {
    match sign {
        '〇' | '○' | '零' | 'O' => '0',
        '一' => '1',
        '二' => '2',
        '三' => '3',
        '四' => '4',
        '五' => '5',
        '六' => '6',
        '七' => '7',
        '八' => '8',
        '九' => '9',
        sign => sign,
    }
}

/// `12`, `十二`, `二十三`: 1 to 39.
fn small_number(text: &str) -> Option<i8> {
    let digits: String = text.chars().map(arabic_digit).collect();
    let Some((tens, ones)) = digits.split_once('十') else { return digits.parse().ok() };
    let digit = |text: &str, none: i8| if text.is_empty() { Some(none) } else { text.parse().ok() };
    digit(tens, 1)?.checked_mul(10)?.checked_add(digit(ones, 0)?)
}
