//! Names that tell nobody who is calling.

/// Words that are no name unless one stands before them.
const WORDS: [&str; 16] = [
    "客服中心",
    "客户服务中心",
    "服务中心",
    "呼叫中心",
    "调查机构",
    "调查中心",
    "回访中心",
    "客服部",
    "客服",
    "有关部门",
    "相关部门",
    "customer service",
    "customer care",
    "call center",
    "service center",
    "survey agency",
];
/// What may stand before such a word without naming anybody.
const FILLERS: [&str; 14] = [
    "这里是",
    "我是",
    "我们是",
    "是",
    "为",
    "的",
    "本",
    "我",
    "我们",
    "全国",
    "官方",
    "总部",
    "the",
    "our",
];

/// The vague word by which a caller would introduce itself: 客服中心 alone, but not 示例保险客服中心.
/// Source: the norm for telephone access, on outbound calls: 禁止使用“客服中心”“调查机构”等模糊表述.
pub fn vague_name(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    let mut found = WORDS.iter().filter(|word| {
        lower.match_indices(**word).any(|(at, _)| !is_named(lower.get(..at).unwrap_or_default()))
    });
    found.next().copied()
}

/// Whether something that can be a name ends there.
fn is_named(before: &str) -> bool {
    let before = before.trim_end();
    let filler = FILLERS.iter().find_map(|filler| before.strip_suffix(filler));
    match filler {
        Some(rest) => is_named(rest) && !rest.is_empty() && !at_break(rest),
        None => !before.is_empty() && !at_break(before),
    }
}

/// Ends with a sign and not with a word.
fn at_break(text: &str) -> bool {
    text.chars().next_back().is_none_or(|sign| !sign.is_alphanumeric() && sign != '}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_who_it_is() {
        for (text, vague) in [
            ("客服中心", Some("客服中心")),
            ("全国客服中心", Some("客服中心")),
            ("您好，这里是客服中心", Some("客服中心")),
            ("您好，我们是调查机构。", Some("调查机构")),
            ("Customer Service", Some("customer service")),
            ("our call center", Some("call center")),
            ("客服", Some("客服")),
            ("示例保险客服中心", None),
            ("您好，这里是示例保险，工号{agent}，请问有什么可以帮您？", None),
            ("您好，这里是示例保险客服中心", None),
            ("Example Insurance customer service", None),
            ("示例保险", None),
            ("", None),
        ] {
            assert_eq!(vague_name(text), vague, "{text}");
        }
    }
}
