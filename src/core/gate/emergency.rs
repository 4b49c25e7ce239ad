//! Emergency numbers by country.

/// Country and its numbers, one country a line: see the head of the file.
const TABLE: &str = include_str!("data/emergency.txt");

/// What is dialled in an emergency in that country; `X` stands for any digit. None: not known.
pub(super) fn of_region(region: &str) -> Option<impl Iterator<Item = &'static str>> {
    let mut lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    lines.find_map(|line| {
        let mut words = line.split(' ');
        (words.next() == Some(region)).then_some(words)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_country_and_short_numbers() {
        let mut before = "";
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let (region, numbers) = line.split_once(' ').unwrap_or((line, ""));
            assert!(region.len() == 2 && region > before, "{line}: in order, none twice");
            before = region;
            let sign = |b: u8| b.is_ascii_digit() || b == b'X';
            for number in numbers.split(' ') {
                assert!((2..=6).contains(&number.len()) && number.bytes().all(sign), "{line}");
                assert!(number.bytes().any(|b| b.is_ascii_digit()), "{line}");
            }
        }
    }
}
