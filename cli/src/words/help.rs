//! The Korean words of the help. In English the definition of the command line says it itself.
//!
//! Owns the table below. It must not know what a verb does. Invariant: every visible command and option of the
//! definition has a line here, and every line a command or option; a test compares them.

use clap::{Command, CommandFactory as _};
use madang_terminal::{Language, help};

use crate::args::Cli;

/// The command line in a language.
pub(crate) fn command(language: Language) -> Command {
    help::command(Cli::command(), language, KOREAN)
}

const KOREAN: help::Words = help::Words {
    lines: LINES,
    exit_codes: "\
종료 코드: 0 됨 · 1 실패 · 2 잘못된 사용 · 3 이 홈에서 실행 중인 노드가 없음 · 4 찾을 수 없음
           5 연결할 수 없거나 시간이 지남 · 130 중단됨
",
};

/// A command by its path, an option behind `@`, the longer words for a command behind `#`.
const LINES: &[(&str, &str)] = &[
    ("", "마당, 가운데에 회사가 없는 메신저: 노드와 그 명령"),
    ("@home", "이 컴퓨터에서 계정이 있는 디렉터리. 없으면 이 시스템의 보통 자리 (변수 MADANG_HOME으로도)"),
    ("@json", "한 줄에 JSON 값 하나. 이어지는 출력은 한 줄에 객체 하나"),
    ("@no_color", "색 없이 (변수 NO_COLOR로도)"),
    ("@passphrase_file", "홈의 암호가 든 파일. `-`는 표준 입력 (변수 MADANG_PASSPHRASE로도)"),
    ("@verbose", "표준 오류에 더 많이. 두 번 쓰면 자세히 (변수 RUST_LOG로도)"),
    ("@help", "도움말 보기"),
    ("@version", "버전 보기"),
    ("account", "이 홈의 계정 만들기와 보기, 복구 문구 확인"),
    ("account create", "빈 홈에 계정 만들기"),
    (
        "account create #",
        "홈은 MADANG_PASSPHRASE나 --passphrase-file의 암호로 잠급니다. 없으면 시스템 키링의 열쇠로, 그것도 없으면 홈의 \
         열쇠 파일로 잠급니다.",
    ),
    ("account create @name", "친구에게 보이는 이름, 20자까지"),
    ("account create @phrase_out", "복구 문구를 한 번 보여 주는 대신 이 새 파일에 쓰기"),
    ("account show", "이 홈의 계정"),
    ("account restore", "복구 문구 확인. 문구로 계정을 되찾는 일은 다음 버전에서"),
    (
        "account restore #",
        "어느 낱말이 틀렸는지, 또는 문구가 맞는지 알려 줍니다. 다음 버전이 받을 때까지 낱말을 간직하세요.",
    ),
    ("account restore @phrase_file", "24개 낱말이 든 파일. `-`는 표준 입력"),
    ("account restore @name", "친구에게 보일 이름, 20자까지"),
    ("account restore @relay", "계정이 있던 릴레이. 아직 묻지 않음"),
    ("run", "중단할 때까지 노드를 앞에서 실행"),
    ("run @listen", "여기에서 듣기. 여러 번 쓸 수 있음. 없으면 모든 주소에서 QUIC과 TCP로"),
    ("run @relay", "이 릴레이를 계정에 넣기. 여러 번 쓸 수 있음"),
    ("run @no_mdns", "가까운 네트워크에서 친구를 찾지도, 보이지도 않기"),
    ("status", "노드의 상태: 연결, 릴레이, 기다리는 것"),
    ("net", "메시지가 가는 길"),
    ("net why", "기기마다 마지막 메시지가 간 길과 지금의 연결"),
    ("relay", "계정의 릴레이"),
    ("relay add", "릴레이 넣기"),
    ("relay add @addr", "운영자가 알려 준 주소"),
    ("relay add @code", "운영자가 준 참가 코드"),
    ("relay remove", "릴레이 빼기"),
    ("relay remove @addr", "`relay list`에 있는 주소, 또는 끝의 ID만"),
    ("relay list", "모든 릴레이"),
    ("invite", "친구가 되는 링크"),
    ("invite create", "링크 만들기"),
    ("invite create @once", "한 사람만, 묻지 않고 받아들임"),
    ("invite create @expires_hours", "몇 시간 동안 쓸 수 있는지. 없으면 일주일"),
    ("invite list", "모든 링크"),
    ("invite revoke", "링크 취소"),
    ("invite revoke @invite", "초대의 ID"),
    ("invite show", "아무것도 받아들이지 않고 누가 만든 링크인지 보기"),
    ("invite show @link", "링크. `-`는 표준 입력"),
    ("friend", "친구와 친구 요청"),
    ("friend add", "링크를 만든 사람에게 친구가 되자고 묻기"),
    ("friend add @link", "링크. `-`는 표준 입력"),
    ("friend add @greeting", "링크를 만든 사람에게 보이는 인사"),
    ("friend requests", "답을 기다리는 요청"),
    ("friend accept", "요청 받아들이기"),
    ("friend accept @request", "요청의 ID"),
    ("friend decline", "요청 거절하기"),
    ("friend decline @request", "요청의 ID"),
    ("friend remove", "친구 끊기. 1:1 대화는 닫히고 지난 대화는 남음"),
    ("friend remove @account", "친구의 계정"),
    ("friend list", "모든 친구"),
    ("friend set", "친구에 대해 적어 둔 것 바꾸기"),
    ("friend set @account", "친구의 계정"),
    ("friend set @favourite", "즐겨찾기에 보이기"),
    ("friend set @hidden", "목록에서 빼기"),
    ("friend set @blocked", "1:1에서 아무것도 주고받지 않기"),
    ("friend set @alias", "내가 붙인 이름. 비우면 없앰"),
    ("room", "방"),
    ("room list", "모든 방, 최근 것부터"),
    ("room direct", "친구와의 1:1 방, 늘 같은 방"),
    ("room direct @account", "친구의 계정"),
    ("room history", "새로 온 사람이 보는 것, 그리고 내가 언제부터 보는지"),
    ("room history @room", "방"),
    ("room members", "방에 있는 사람들"),
    ("room members @room", "방"),
    ("send", "글 보내기"),
    ("send @room", "방"),
    ("send @text", "글. `-`는 표준 입력"),
    ("send @reply", "답하는 메시지"),
    ("send @count", "이만큼 보내기, 글 뒤에 저마다 ` #i`"),
    ("messages", "방의 메시지 한 쪽, 오래된 것부터"),
    ("messages @room", "방"),
    ("messages @limit", "많아야 이만큼 (없으면 50)"),
    ("messages @before", "이것보다 오래된 것만"),
    ("messages @after", "이것보다 새로운 것만"),
    ("message", "메시지 하나"),
    ("message why", "메시지가 어디에 있는지, 기기마다"),
    ("message why @message", "메시지"),
    ("read", "방을 읽음으로 하기"),
    ("read @room", "방"),
    ("read @message", "이 메시지까지. 없으면 가장 새것까지"),
    ("tail", "중단할 때까지 일어나는 일을 보여 주기"),
    ("tail @room", "이 방의 것만"),
    ("search", "메시지 찾기, 새것부터"),
    ("search @text", "찾을 것"),
    ("search @room", "이 방에서만"),
    ("search @from", "이 계정의 것만"),
    ("search @limit", "많아야 이만큼 (없으면 50)"),
    ("doctor", "무엇이 잘못되었는지 살피기. 결과를 문의에 붙일 수 있음"),
    ("doctor @offline", "실행 중인 노드 없이: 홈의 파일 살피기"),
    ("completions", "셸의 자동 완성 출력"),
    ("completions @shell", "셸 (bash, elvish, fish, powershell, zsh)"),
    ("rpc", "계약의 메서드로 노드를 곧바로 부르기"),
    ("rpc @method", "메서드의 이름"),
    ("rpc @params", "인수, JSON 객체 (없으면 {}). `-`는 표준 입력"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use madang_terminal::{is_korean, usage};

    use super::*;

    /// Every place of the definition that has words.
    fn places(command: &Command, path: &str, global: &BTreeSet<String>, found: &mut BTreeSet<String>) {
        found.insert(path.to_owned());
        if command.get_long_about().is_some() {
            found.insert(format!("{path} #"));
        }
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            let id = argument.get_id().as_str();
            if path.is_empty() || !global.contains(id) {
                found.insert(format!("{path} @{id}").trim_start().to_owned());
            }
        }
        for verb in command.get_subcommands() {
            places(verb, format!("{path} {}", verb.get_name()).trim_start(), global, found);
        }
    }

    #[test]
    fn every_verb_and_option_is_said_in_both_languages() {
        let mut command = Cli::command();
        command.build();
        let mut global: BTreeSet<String> =
            command.get_arguments().map(|argument| argument.get_id().as_str().to_owned()).collect();
        global.extend(["help".to_owned(), "version".to_owned()]);
        let mut found = BTreeSet::new();
        places(&command, "", &global, &mut found);
        let known: BTreeSet<String> = LINES.iter().map(|(place, _)| (*place).to_owned()).collect();
        assert_eq!(known.len(), LINES.len(), "a place has two lines");
        assert_eq!(known, found);
        for (place, words) in LINES {
            assert!(is_korean(words), "{place}");
        }
    }

    /// The help of a command and of all below it, short and long.
    fn helps(command: &mut Command, found: &mut Vec<String>) {
        found.extend([command.render_help().to_string(), command.render_long_help().to_string()]);
        command.get_subcommands_mut().for_each(|verb| helps(verb, found));
    }

    #[test]
    fn korean_help_has_no_english_frame() {
        let (mut english, mut korean) = (Vec::new(), Vec::new());
        helps(&mut command(Language::English), &mut english);
        helps(&mut command(Language::Korean), &mut korean);
        assert!(english.len() <= korean.len());
        for help in &korean {
            assert!(help.contains("사용법: ") && help.contains("도움말 보기"), "{help}");
            let frame = [
                "Usage",
                "OPTIONS",
                "Options:",
                "Commands:",
                "Arguments:",
                "[default",
                "[possible",
                "[env",
                "Print",
                "Example",
            ];
            for word in frame {
                assert!(!help.contains(word), "{word} in {help}");
            }
        }
    }

    #[test]
    fn the_language_changes_nothing_that_can_be_typed() {
        for language in [Language::English, Language::Korean] {
            let typed = ["madang", "friend", "set", "a", "--hidden", "on", "--json"];
            let matches = command(language).try_get_matches_from(typed).unwrap();
            assert!(matches.subcommand_matches("friend").unwrap().get_flag("json"));
            command(language).debug_assert();
        }
    }

    #[test]
    fn a_wrong_use_is_told_in_korean_with_what_was_typed() {
        let cases: [(&[&str], &[&str]); 9] = [
            (&["frob"], &["'frob'라는 명령은 없습니다"]),
            (&["sned", "a", "b"], &["비슷한 것: ", "send"]),
            (&["send"], &["빠졌습니다: <ROOM>, <TEXT>", "사용법: madang send"]),
            (&["friend"], &[]),
            (
                &["friend", "set", "a", "--hidden", "maybe"],
                &["'maybe'", "--hidden", "쓸 수 있는 값: on, off"],
            ),
            (&["friend", "set", "a", "--hidden"], &["'--hidden <on|off>'에 값이 없습니다"]),
            (&["messages", "a", "--limit", "many"], &["'many'", "--limit"]),
            (&["status", "--quick"], &["'--quick'"]),
            (&["status", "--home", "a", "--home", "b"], &["--home"]),
        ];
        for (typed, parts) in cases {
            let typed = std::iter::once("madang").chain(typed.iter().copied());
            let error = command(Language::Korean).try_get_matches_from(typed.clone()).unwrap_err();
            assert_eq!(usage::told(Language::English, &error), None);
            let said = usage::told(Language::Korean, &error).unwrap_or_else(|| error.to_string());
            for part in parts {
                assert!(said.contains(part), "{said}");
            }
            assert!(
                !said.contains("Usage") && !said.contains("OPTIONS") && !said.contains("error:"),
                "{said}"
            );
        }
    }
}
