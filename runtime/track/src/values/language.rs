//! Languages by ISO 639-1.

/// The two-letter code in lower case: from a code, a locale (`en-US`, `pt_BR`), or the English name of a common language.
pub(crate) fn code(text: &str) -> Option<&'static str> {
    let text = text.trim();
    if let Some((_, code)) = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
        return Some(code);
    }
    let head = text.split(['-', '_']).next()?;
    if head.len() != 2 || !head.is_ascii() {
        return None;
    }
    CODES
        .as_bytes()
        .chunks(3)
        .position(|known| known[..2].eq_ignore_ascii_case(head.as_bytes()))
        .map(|at| &CODES[at * 3..at * 3 + 2])
}

const CODES: &str = "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv \
dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu \
ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne \
ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so sq sr ss st su \
sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu ";

const NAMES: &[(&str, &str)] = &[
    ("English", "en"),
    ("French", "fr"),
    ("German", "de"),
    ("Spanish", "es"),
    ("Portuguese", "pt"),
    ("Italian", "it"),
    ("Dutch", "nl"),
    ("Japanese", "ja"),
    ("Korean", "ko"),
    ("Chinese", "zh"),
    ("Arabic", "ar"),
    ("Hebrew", "he"),
    ("Hindi", "hi"),
    ("Russian", "ru"),
    ("Ukrainian", "uk"),
    ("Polish", "pl"),
    ("Czech", "cs"),
    ("Slovak", "sk"),
    ("Hungarian", "hu"),
    ("Romanian", "ro"),
    ("Bulgarian", "bg"),
    ("Greek", "el"),
    ("Turkish", "tr"),
    ("Swedish", "sv"),
    ("Norwegian", "no"),
    ("Danish", "da"),
    ("Finnish", "fi"),
    ("Icelandic", "is"),
    ("Thai", "th"),
    ("Vietnamese", "vi"),
    ("Indonesian", "id"),
    ("Malay", "ms"),
    ("Persian", "fa"),
    ("Urdu", "ur"),
    ("Bengali", "bn"),
    ("Catalan", "ca"),
    ("Croatian", "hr"),
    ("Serbian", "sr"),
    ("Slovenian", "sl"),
    ("Estonian", "et"),
    ("Latvian", "lv"),
    ("Lithuanian", "lt"),
    ("Swahili", "sw"),
    ("Tagalog", "tl"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_locales_and_names() {
        for (given, wanted) in [
            ("en", Some("en")),
            ("EN", Some("en")),
            ("en-US", Some("en")),
            ("pt_BR", Some("pt")),
            ("zu", Some("zu")),
            ("french", Some("fr")),
            ("xx", None),
            ("", None),
            ("english please", None),
            ("é", None),
        ] {
            assert_eq!(code(given), wanted, "{given}");
        }
        assert!(CODES.as_bytes().chunks(3).all(|c| c.len() == 3 && c[2] == b' '));
    }
}
