//! Mistakes in a configuration: in Korean, and what to do about each.
//!
//! Owns these words. It must not know how a configuration is read. Invariant: the Korean names what the English names.

use super::{Both, both, system};
use crate::config::{ConfigError, Expected, Place, Rule};

/// What is wrong, in Korean.
pub(super) fn korean(error: &ConfigError) -> String {
    match error {
        ConfigError::Read { path, source } | ConfigError::Codes { path, source } => {
            format!("{}을(를) 읽을 수 없습니다: {}", path.display(), system::korean(source))
        }
        ConfigError::Syntax { path, at, problem, .. } => {
            let at = at.map(|(line, column)| format!("{line}행 {column}열: ")).unwrap_or_default();
            format!("{}은(는) 올바른 TOML이 아닙니다: {at}{problem}", path.display())
        }
        ConfigError::Unknown { name, place, near } => {
            let near = near.as_ref().map(|near| format!(" (비슷한 것: {near})")).unwrap_or_default();
            format!("{}에 모르는 옵션이 있습니다: {name}{near}", shown(place))
        }
        ConfigError::Variable { name } => {
            format!("환경 변수에 모르는 옵션이 있습니다: {name} (형식은 RELAY__SECTION__KEY)")
        }
        ConfigError::Section { name, place } => {
            format!("{}의 {name}은(는) 값이 아니라 섹션입니다", shown(place))
        }
        ConfigError::Value { name, place, value, expected } => {
            format!("{}에 있는 {name}의 값 {value}은(는) {} 아닙니다", shown(place), taken(*expected))
        }
        ConfigError::Range { name, rule } => format!("{name}의 값은 {}", kept(*rule)),
        ConfigError::Peer { text } => format!("access.allow_peers: {text:?}은(는) 피어 ID가 아닙니다"),
        ConfigError::Filter { level, problem } => {
            format!("log.level: {level:?}은(는) 필터가 아닙니다: {problem}")
        }
        ConfigError::Conversion(problem) => format!("설정을 바꾸어 쓸 수 없습니다: {problem}"),
    }
}

fn shown(place: &Place) -> String {
    match place {
        Place::File(path) => path.display().to_string(),
        Place::Environment => "환경 변수".to_owned(),
        Place::Flags => "명령줄".to_owned(),
    }
}

fn taken(expected: Expected) -> &'static str {
    match expected {
        Expected::Number => "이 옵션이 담을 수 있는 0 이상의 정수가",
        Expected::Switch => "true나 false가",
        Expected::List => "글의 목록이",
        Expected::Address => "주소와 포트가",
        Expected::Text => "글이",
    }
}

fn kept(rule: Rule) -> String {
    match rule {
        Rule::HoursUpTo(hours) => {
            let days = hours.checked_div(24).unwrap_or(0);
            format!("1시간부터 {hours}시간({days}일)까지여야 합니다")
        }
        Rule::AnHour => "1시간 이상이어야 합니다".to_owned(),
        Rule::ASecond => "1초 이상이어야 합니다".to_owned(),
        Rule::Percentage => "1부터 100까지여야 합니다".to_owned(),
        Rule::One => "1 이상이어야 합니다".to_owned(),
        Rule::Machine => {
            "컴퓨터의 이름이어야 합니다(글자, 숫자, 붙임표, 점: 예 relay.example.org)".to_owned()
        }
        Rule::FilledCodes => "비어 있지 않은 코드의 목록이어야 합니다".to_owned(),
    }
}

/// What to do about it.
pub(super) fn advice(error: &ConfigError) -> Both {
    match error {
        ConfigError::Read { source, .. } => system::file(source).unwrap_or_else(|| {
            both(
                "Name the file with --config, or make one with `madang-relay init --domain NAME`.",
                "--config로 파일을 알려 주거나 `madang-relay init --domain 이름`으로 만드세요.",
            )
        }),
        ConfigError::Codes { source, .. } => system::file(source).unwrap_or_else(|| {
            both(
                "access.codes_file names it: make it, with one code per line, or take that option out.",
                "access.codes_file에 적힌 파일입니다. 한 줄에 코드 하나씩 적어 만들거나 그 옵션을 빼세요.",
            )
        }),
        ConfigError::Syntax { .. } => both(
            "Correct this line; `madang-relay config example` prints a file that is in order.",
            "이 줄을 고치세요. `madang-relay config example`이 올바른 파일을 보여 줍니다.",
        ),
        ConfigError::Unknown { .. } => both(
            "Correct it or take it out; `madang-relay config example` prints every option.",
            "고치거나 빼세요. `madang-relay config example`이 모든 옵션을 보여 줍니다.",
        ),
        ConfigError::Variable { .. } => both(
            "Name it in this form, as in RELAY__LIMITS__KNOCKS=20, or unset it.",
            "RELAY__LIMITS__KNOCKS=20처럼 이 형식으로 쓰거나 없애세요.",
        ),
        ConfigError::Section { name, .. } => both(
            format!("Write [{name}] on a line of its own, and its options below."),
            format!("[{name}]을(를) 한 줄에 따로 쓰고 그 옵션을 아래에 쓰세요."),
        ),
        ConfigError::Value { expected, .. } => value(*expected),
        ConfigError::Range { name, .. } => {
            let variable = format!("RELAY__{}", name.to_uppercase().replace('.', "__"));
            both(
                format!("Change it in the configuration file, or in {variable} where that is set."),
                format!("설정 파일에서 고치세요. 환경 변수 {variable}이(가) 있으면 거기에서 고치세요."),
            )
        }
        ConfigError::Peer { .. } => both(
            "Copy the whole id, which begins with 12D3KooW, or take it out of the list.",
            "12D3KooW로 시작하는 ID 전체를 복사해 넣거나 목록에서 빼세요.",
        ),
        ConfigError::Filter { .. } => both(
            "Use error, warn, info, debug or trace, or a filter such as `info,madang_relay=debug`.",
            "error, warn, info, debug, trace 가운데 하나나 `info,madang_relay=debug` 같은 필터를 쓰세요.",
        ),
        ConfigError::Conversion(_) => super::failures::report(),
    }
}

fn value(expected: Expected) -> Both {
    let (english, korean) = match expected {
        Expected::Number => ("20", "20"),
        Expected::Switch => ("true", "true"),
        Expected::List => ("[\"one\", \"two\"]", "[\"하나\", \"둘\"]"),
        Expected::Address => ("\"127.0.0.1:4510\"", "\"127.0.0.1:4510\""),
        Expected::Text => ("\"text\"", "\"글\""),
    };
    both(
        format!("Write one such as {english}; `madang-relay config example` explains each option."),
        format!("{korean}처럼 쓰세요. `madang-relay config example`이 옵션마다 설명합니다."),
    )
}
