//! The plain text of a State Council notice: 一、元旦:1月1日(周四)至3日(周六)放假调休,共3天。1月4日(周日)上班。
//!
//! Only what the notices of 2006 to 2025 were seen to write is understood; anything else with a date
//! in it is refused with its line, and weekdays and counts of days named in the text must agree.

use super::super::values::Day;
use super::days::is_weekend;
use super::file::{Break, Notice};
use super::scan::{Clause, Signs, Span};
use jiff::civil::Date;

/// What a text said.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) year: i16,
    pub(super) notice: Notice,
    /// Without their statutory dates: the text does not name them.
    pub(super) breaks: Vec<Break>,
}

/// Numerals that open the items, in their order.
const ITEMS: [&str; 10] =
    ["一、", "二、", "三、", "四、", "五、", "六、", "七、", "八、", "九、", "十、"];
/// Words after the last item.
const ENDS: [&str; 3] = ["节假日期间", "调休放假期间", "通知要求"];

/// Reads a notice. `url` and the rest of `given` fill what the text does not say.
///
/// # Errors
/// The line, what stands there, and what is allowed.
pub(super) fn read(text: &str, given: &super::Provenance) -> Result<Read, String> {
    let signs = Signs::new(text);
    let (year, title) = title(&signs)?;
    let number = number(&signs).or_else(|| given.number.clone());
    let date = signs.last_date().or(given.date);
    let breaks = items(&signs)?
        .into_iter()
        .map(|(at, end)| item(&signs, at, end, year))
        .collect::<Result<Vec<Break>, String>>()?;
    if breaks.is_empty() {
        return Err("no item: the notices number them 一、 二、 三、".to_owned());
    }
    let number = number.ok_or("no number as 国办发明电〔2025〕7号 in the text: give --number")?;
    let date = date.ok_or("no date at the end of the text: give --date YYYY-MM-DD")?;
    let url = given.url.clone().ok_or("where was the text published? give --url")?;
    let published = given.published.map(Day);
    let notice = Notice { number, title, date: Day(date), published, url };
    Ok(Read { year, notice, breaks })
}

/// Title and year: 国务院办公厅关于2026年部分节假日安排的通知.
fn title(signs: &Signs) -> Result<(i16, String), String> {
    let begin =
        signs.find("国务院", 0).ok_or("no title: 国务院办公厅关于…年部分节假日安排的通知")?;
    let end = signs.find("通知", begin).ok_or("the title has no end: 通知")? + 2;
    let title = signs.text(begin, end);
    if ["调整", "延长", "纪念日"].iter().any(|word| title.contains(word)) {
        return Err(format!(
            "{title}: an amendment. Write the whole year as a file of schema 1 with [[amendment]], \
             see docs/gate.md, and import that"
        ));
    }
    let digits: String = title.chars().skip_while(|c| !c.is_ascii_digit()).take(4).collect();
    let year = digits.parse::<i16>().ok().filter(|year| (2007..=2100).contains(year));
    let year = year.filter(|_| title.contains("节假日安排"));
    year.map(|year| (year, title.clone()))
        .ok_or_else(|| format!("{title}: not 关于2026年部分节假日安排的通知"))
}

/// 国办发明电〔2025〕7号 or 国发明电〔2015〕1号.
fn number(signs: &Signs) -> Option<String> {
    let stem = signs.find("发明电〔", 0)?;
    let begin = ["国办", "国"].iter().find_map(|word| {
        let at = stem.checked_sub(word.chars().count())?;
        signs.starts_with(at, word).then_some(at)
    })?;
    let end = signs.find("号", stem)? + 1;
    (end - begin < 24).then(|| signs.text(begin, end))
}

/// Where each item's text begins and ends.
fn items(signs: &Signs) -> Result<Vec<(usize, usize)>, String> {
    let mut starts = Vec::new();
    let mut from = 0;
    for mark in ITEMS {
        let Some(at) = signs.find(mark, from) else { break };
        starts.push(at);
        from = at + 2;
    }
    let last = starts.last().copied().unwrap_or_default();
    let end = ENDS.iter().filter_map(|word| signs.find(word, last)).min();
    let end = end.unwrap_or_else(|| signs.find("国务院办公厅", last).unwrap_or(signs.len()));
    let ends = starts.iter().skip(1).copied().chain([end]);
    Ok(starts.iter().zip(ends).map(|(at, end)| (at + 2, end)).collect())
}

/// One break.
fn item(signs: &Signs, at: usize, end: usize, year: i16) -> Result<Break, String> {
    let line = signs.line(at);
    let name: String = signs
        .text(at, end)
        .chars()
        .take_while(|c| *c != ':' && !c.is_ascii_digit())
        .filter(|c| !matches!(c, '“' | '”' | '"'))
        .collect();
    let mut found = Found { name, line, days: Vec::new(), work: Vec::new() };
    let mut last = None;
    for clause in signs.clauses(at, end) {
        let spans = clause.dates(year, &mut last)?;
        found.take(&clause, &spans)?;
    }
    found.into_break()
}

/// What the clauses of an item said so far.
struct Found {
    name: String,
    line: usize,
    days: Vec<Date>,
    work: Vec<Day>,
}

impl Found {
    fn take(&mut self, clause: &Clause<'_>, spans: &[Span]) -> Result<(), String> {
        let has = |words: &[&str]| words.iter().any(|word| clause.text.contains(word));
        if has(&["与周末连休"]) {
            self.glue_weekend();
        }
        if spans.is_empty() {
            return self.count(clause);
        }
        if has(&["上班"]) {
            self.work.extend(spans.iter().flat_map(Span::days).map(Day));
            return Ok(());
        }
        // 公休日调至..., 为法定节假日, 照常公休: what the range already says, told once more.
        if has(&["调至", "法定", "公休日", "照常"]) {
            return Ok(());
        }
        if has(&["放假", "补休", "调休", "公休"]) {
            self.days.extend(spans.iter().flat_map(Span::days));
            return self.count(clause);
        }
        // 其中:4月4日(清明节),为法定节假日: its verb follows in the next clause.
        if has(&["其中"]) {
            return Ok(());
        }
        Err(format!(
            "line {}: {:?} has a date, but neither 放假, 补休, 调休 nor 上班",
            clause.line, clause.text
        ))
    }

    /// 共3天, 放假1天: as many as there are.
    fn count(&self, clause: &Clause<'_>) -> Result<(), String> {
        let told = clause.number_between(&["共", "放假"], '天');
        match told {
            Some(told) if told != self.days.len() => Err(format!(
                "line {}: {}: {told} days are told, {} are named",
                clause.line,
                self.name,
                self.days.len()
            )),
            _ => Ok(()),
        }
    }

    fn glue_weekend(&mut self) {
        let (Some(first), Some(last)) = (self.days.first().copied(), self.days.last().copied())
        else {
            return;
        };
        let back = std::iter::successors(first.yesterday().ok(), |day| day.yesterday().ok());
        let on = std::iter::successors(last.tomorrow().ok(), |day| day.tomorrow().ok());
        self.days.extend(back.take_while(|day| is_weekend(*day)));
        self.days.extend(on.take_while(|day| is_weekend(*day)));
        self.days.sort();
    }

    fn into_break(mut self) -> Result<Break, String> {
        self.days.sort();
        let (name, line) = (&self.name, self.line);
        if name.is_empty() || name.chars().count() > 16 {
            return Err(format!("line {line}: {name:?} is no name of a holiday: 元旦:1月1日…"));
        }
        let (Some(first), Some(last)) = (self.days.first().copied(), self.days.last().copied())
        else {
            return Err(format!("line {line}: {name}: no day off: 1月1日放假"));
        };
        // 4月5日放假,4月7日(星期一)补休: the Sunday between is off, a workday between is a slip.
        let between = first.series(jiff::Span::new().days(1)).take_while(|day| *day <= last);
        if let Some(gap) = between.filter(|day| !self.days.contains(day)).find(|d| !is_weekend(*d))
        {
            return Err(format!("line {line}: {name}: {gap} is no day off, but lies between two"));
        }
        if let Some(pair) = self.days.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("line {line}: {name}: {} is named twice as a day off", pair[0]));
        }
        let days = (Day(first), Day(last));
        Ok(Break { name: self.name, days, work: self.work, statutory: Vec::new() })
    }
}
