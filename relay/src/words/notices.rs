//! What the commands say when all is well, and what a panic says.
//!
//! Owns these texts. It must not know where they are printed. Invariant: none of them is read by programs.

use super::Language;
use crate::init::Made;

/// A configuration was checked and can be used.
pub(crate) fn in_order(language: Language) -> &'static str {
    language.of(("The configuration is in order.\n", "설정에 문제가 없습니다.\n"))
}

/// What `init` has written, and what to tell people.
pub(crate) fn made(language: Language, made: &Made) -> String {
    // Letters of Hangul take two columns each.
    let [config, key, addr, code] = language.of((
        ["Configuration  ", "Key            ", "Address        ", "Invite code    "],
        ["설정 파일  ", "열쇠       ", "주소       ", "참가 코드  "],
    ));
    format!(
        "{config}{}\n{key}{}\n{addr}{}\n{code}{}\n",
        made.config.display(),
        made.key.display(),
        made.addr,
        made.code
    )
}

/// Behind the report of a panic.
pub(crate) fn panicked(language: Language) -> String {
    let version = env!("CARGO_PKG_VERSION");
    language.of((
        format!("madang-relay {version} stops because of this panic; please report it with the lines above"),
        format!("madang-relay {version}에 문제가 생겨 멈춥니다. 위의 줄들을 붙여서 알려 주세요"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use madang_terminal::is_korean;

    #[test]
    fn what_was_made_is_told_whole_in_both_languages() {
        let told = Made {
            config: "/etc/relay.toml".into(),
            key: "/etc/relay.key".into(),
            addr: "/dns/relay.example.org/tcp/4510".into(),
            code: "acorn".into(),
        };
        for language in [Language::English, Language::Korean] {
            let said = made(language, &told);
            for fact in ["/etc/relay.toml", "/etc/relay.key", "/dns/relay.example.org/tcp/4510", "acorn"] {
                assert!(said.contains(fact), "{said}");
            }
            assert_eq!(said.lines().count(), 4);
            assert_eq!(is_korean(&said), language == Language::Korean);
            assert_eq!(is_korean(in_order(language)), language == Language::Korean);
            assert_eq!(is_korean(&panicked(language)), language == Language::Korean);
            assert!(panicked(language).contains(env!("CARGO_PKG_VERSION")));
        }
    }
}
