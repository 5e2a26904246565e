//! A wrong use of the command line in Korean. In English the parser says it itself.
//!
//! Owns the words for the errors of the parser. It must not know the commands. Invariant: what was typed is named.

use clap::{
    Error,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::{Language, help};

/// The words for a wrong use; `None` where those of the parser are right already.
pub(crate) fn told(language: Language, error: &Error) -> Option<String> {
    if language == Language::English {
        return None;
    }
    let what = |kind| error.get(kind).map(shown).unwrap_or_default();
    let argument = || what(ContextKind::InvalidArg);
    let value = || what(ContextKind::InvalidValue);
    let said = match error.kind() {
        // That is a help text, which is in Korean.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => return None,
        ErrorKind::InvalidSubcommand => {
            format!("'{}'라는 명령은 없습니다", what(ContextKind::InvalidSubcommand))
        }
        ErrorKind::UnknownArgument => format!("'{}'은(는) 여기에서 쓸 수 없는 인수입니다", argument()),
        ErrorKind::MissingRequiredArgument => format!("꼭 있어야 하는 인수가 빠졌습니다: {}", argument()),
        ErrorKind::InvalidValue if value().is_empty() => format!("'{}'에 값이 없습니다", argument()),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            format!("'{}'은(는) '{}'에 쓸 수 없는 값입니다", value(), argument())
        }
        ErrorKind::ArgumentConflict => {
            format!("'{}'은(는) 다른 인수와 함께 또는 두 번 쓸 수 없습니다", argument())
        }
        ErrorKind::TooManyValues | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            format!("'{}'에 준 값의 개수가 맞지 않습니다", argument())
        }
        ErrorKind::InvalidUtf8 => "인수가 올바른 UTF-8이 아닙니다".to_owned(),
        _ => "명령이 올바르지 않습니다".to_owned(),
    };
    let mut lines = vec![format!("오류: {said}")];
    let near = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg].into_iter().map(what);
    lines.extend(near.filter(|near| !near.is_empty()).map(|near| format!("  비슷한 것: {near}")));
    let usage = what(ContextKind::Usage);
    if !usage.is_empty() {
        lines.push(format!("\n사용법: {}", help::usage(&usage).trim()));
    }
    lines.push("\n자세한 것은 '--help'를 보세요.".to_owned());
    Some(lines.join("\n"))
}

fn shown(value: &ContextValue) -> String {
    match value {
        ContextValue::String(text) => text.clone(),
        ContextValue::Strings(texts) => texts.join(", "),
        ContextValue::StyledStr(text) => text.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_use_is_told_in_korean_with_what_was_typed() {
        let cases: [(&[&str], &[&str]); 9] = [
            (&["frob"], &["'frob'라는 명령은 없습니다"]),
            (&["help", "frob"], &["'frob'라는 명령은 없습니다"]),
            (&["statsu"], &["비슷한 것: ", "status"]),
            (&["init"], &["빠졌습니다: --domain <NAME>", "사용법: madang-relay init"]),
            (&["config"], &["사용법: madang-relay config"]),
            (&["run", "--listen", "here"], &["'here'", "--listen <ADDR:PORT>", "쓸 수 없는 값입니다"]),
            (&["run", "--listen"], &["'--listen <ADDR:PORT>'에 값이 없습니다"]),
            (&["status", "--quick"], &["'--quick'"]),
            (&["status", "--data", "a", "--data", "b"], &["--data"]),
        ];
        for (typed, parts) in cases {
            let typed = std::iter::once("madang-relay").chain(typed.iter().copied());
            let error = help::command(Language::Korean).try_get_matches_from(typed.clone()).unwrap_err();
            assert_eq!(told(Language::English, &error), None);
            let said = told(Language::Korean, &error).unwrap_or_else(|| error.to_string());
            for part in parts {
                assert!(said.contains(part), "{said}");
            }
            for word in ["Usage", "OPTIONS", "COMMAND", "error:"] {
                assert!(!said.contains(word), "{word} in {said}");
            }
        }
    }
}
