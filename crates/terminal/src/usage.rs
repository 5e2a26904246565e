//! A wrong use of a command line in Korean. In English the parser says it itself.

use clap::{
    Error,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::{Language, help};

/// The words for a wrong use; `None` where those of the parser are right already.
#[must_use]
pub fn told(language: Language, error: &Error) -> Option<String> {
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
        ErrorKind::MissingSubcommand => {
            format!("'{}' 뒤에 올 명령이 빠졌습니다", what(ContextKind::InvalidSubcommand))
        }
        ErrorKind::InvalidValue if value().is_empty() => format!("'{}'에 값이 없습니다", argument()),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            format!("'{}'은(는) '{}'에 쓸 수 없는 값입니다", value(), argument())
        }
        ErrorKind::ArgumentConflict => {
            format!("'{}'은(는) 다른 인수와 함께 또는 두 번 쓸 수 없습니다", argument())
        }
        ErrorKind::NoEquals
        | ErrorKind::TooManyValues
        | ErrorKind::TooFewValues
        | ErrorKind::WrongNumberOfValues => format!("'{}'에 준 값의 개수가 맞지 않습니다", argument()),
        ErrorKind::InvalidUtf8 => "인수가 올바른 UTF-8이 아닙니다".to_owned(),
        _ => "명령이 올바르지 않습니다".to_owned(),
    };
    let mut lines = vec![format!("오류: {said}")];
    let near = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    lines.extend(
        near.into_iter().map(what).find(|near| !near.is_empty()).map(|near| format!("  비슷한 것: {near}")),
    );
    let possible = what(ContextKind::ValidValue);
    if !possible.is_empty() {
        lines.push(format!("  쓸 수 있는 값: {possible}"));
    }
    let usage = what(ContextKind::Usage);
    if !usage.is_empty() {
        lines.push(format!("\n사용법: {}", help::usage(&usage)));
    }
    lines.push("\n자세한 것은 '--help'를 보세요.".to_owned());
    Some(lines.join("\n"))
}

fn shown(value: &ContextValue) -> String {
    match value {
        ContextValue::String(text) => text.clone(),
        ContextValue::Strings(texts) => texts.join(", "),
        ContextValue::StyledStr(text) => text.to_string(),
        ContextValue::StyledStrs(texts) => {
            texts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        }
        ContextValue::Number(number) => number.to_string(),
        ContextValue::Bool(_) | ContextValue::None => String::new(),
        _ => String::new(),
    }
}
