//! The Korean words of the help. In English the definition of the command line says it itself.
//!
//! Owns the table below. It must not know what a command does. Invariant: every visible command and option of the
//! definition has a line here, and every line a command or option; a test compares them.

use clap::{Command, CommandFactory as _};
use madang_terminal::{Language, help};

use crate::args::Cli;

/// The command line in a language.
pub(crate) fn command(language: Language) -> Command {
    help::command(Cli::command(), language, KOREAN)
}

const KOREAN: help::Words = help::Words { lines: LINES, exit_codes: "" };

/// A command by its path, an option behind `@`.
const LINES: &[(&str, &str)] = &[
    ("", "마당 릴레이: 받는 사람이 올 때까지 봉인된 메시지를 맡아 두는 프로그램"),
    ("@help", "도움말 보기"),
    ("@version", "버전 보기"),
    ("help", "이 도움말, 또는 명령의 도움말 보기"),
    ("run", "릴레이를 앞에서 실행. 준비되면 JSON 한 줄을 출력"),
    (
        "run @dev",
        "시험용. 누구나 쓸 수 있고, --listen이 없으면 이 컴퓨터에서만, 빈 포트에서, 속도 제한 없이, 설정 없이 실행",
    ),
    ("run @data", "데이터 디렉터리"),
    ("run @listen", "클라이언트가 연결할 주소와 포트, TCP와 QUIC 함께. 포트 0은 빈 포트를 고름"),
    ("run @trace_frames", "풀어 읽은 프레임마다 JSON 한 줄을 쓸 파일. --dev와 함께만"),
    ("run @admission", "이 참가 코드가 있어야 상자를 만들 수 있음"),
    ("run @config", "설정 파일"),
    ("init", "설명이 달린 설정과 열쇠를 만들고 클라이언트가 쓸 주소를 출력"),
    ("init @domain", "클라이언트가 이 컴퓨터를 찾는 이름"),
    ("init @dir", "relay.toml과 relay.key를 둘 디렉터리 (없으면 /etc/madang-relay)"),
    ("config", "설정 살피기, 보기, 예시"),
    ("config check", "설정에 문제가 없는지 알려 주기"),
    ("config check @config", "설정 파일"),
    ("config show", "쓰이는 설정을 기본값까지 출력. 코드는 가림"),
    ("config show @config", "설정 파일"),
    ("config example", "설명이 달린 예시 파일 출력 (영어)"),
    ("status", "실행 중인 릴레이의 상태를 JSON으로 출력"),
    ("status @data", "실행 중인 릴레이의 데이터 디렉터리"),
    ("status @config", "설정 파일"),
    ("healthcheck", "실행 중인 릴레이가 일할 수 있으면 종료 코드 0, 아니면 1"),
    ("healthcheck @data", "실행 중인 릴레이의 데이터 디렉터리"),
    ("healthcheck @config", "설정 파일"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use madang_terminal::{is_korean, usage};

    use super::*;

    /// Every place of the definition that has words.
    fn places(command: &Command, path: &str, found: &mut BTreeSet<String>) {
        found.insert(path.to_owned());
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            let id = argument.get_id().as_str();
            let everywhere = ["help", "version"].contains(&id);
            found.insert(format!("{} @{id}", if everywhere { "" } else { path }).trim_start().to_owned());
        }
        for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
            match verb.get_name() {
                "help" => drop(found.insert("help".to_owned())),
                name => places(verb, format!("{path} {name}").trim_start(), found),
            }
        }
    }

    #[test]
    fn every_command_and_option_is_said_in_both_languages() {
        let mut command = Cli::command();
        command.build();
        let mut found = BTreeSet::new();
        places(&command, "", &mut found);
        let known: BTreeSet<String> = LINES.iter().map(|(place, _)| (*place).to_owned()).collect();
        assert_eq!(known.len(), LINES.len(), "a place has two lines");
        assert_eq!(known, found);
        for (place, words) in LINES {
            assert!(is_korean(words), "{place}");
        }
    }

    #[test]
    fn defaults_are_said_in_korean_too() {
        let init = Cli::command();
        let init = init.find_subcommand("init").unwrap();
        let dir = init.get_arguments().find(|argument| argument.get_id() == "dir").unwrap();
        let default = dir.get_default_values()[0].to_str().unwrap();
        assert!(KOREAN.line("init @dir").unwrap().contains(default), "{default}");
    }

    /// The help of a command and of all below it, short and long.
    fn helps(command: &mut Command, found: &mut Vec<String>) {
        found.extend([command.render_help().to_string(), command.render_long_help().to_string()]);
        command.get_subcommands_mut().for_each(|verb| helps(verb, found));
    }

    #[test]
    fn korean_help_has_no_english_frame() {
        let (mut english, mut korean) = (Cli::command(), command(Language::Korean));
        // Laid out as the Korean one is.
        english.build();
        let mut found = (Vec::new(), Vec::new());
        helps(&mut english, &mut found.0);
        helps(&mut korean, &mut found.1);
        assert_eq!(found.0.len(), found.1.len());
        let frame =
            ["Usage", "OPTIONS", "COMMAND", "Options:", "Commands:", "Arguments:", "[default", "Print"];
        for help in &found.1 {
            assert!(help.contains("사용법: ") && is_korean(help.lines().next().unwrap()), "{help}");
            for word in frame {
                assert!(!help.contains(word), "{word} in {help}");
            }
        }
    }

    #[test]
    fn the_language_changes_nothing_that_can_be_typed() {
        for language in [Language::English, Language::Korean] {
            let typed = ["madang-relay", "run", "--dev", "--listen", "127.0.0.1:0"];
            let matches = command(language).try_get_matches_from(typed).unwrap();
            assert!(matches.subcommand_matches("run").unwrap().get_flag("dev"));
            command(language).debug_assert();
        }
    }

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
            let error = command(Language::Korean).try_get_matches_from(typed.clone()).unwrap_err();
            assert_eq!(usage::told(Language::English, &error), None);
            let said = usage::told(Language::Korean, &error).unwrap_or_else(|| error.to_string());
            for part in parts {
                assert!(said.contains(part), "{said}");
            }
            for word in ["Usage", "OPTIONS", "COMMAND", "error:"] {
                assert!(!said.contains(word), "{word} in {said}");
            }
        }
    }
}
