//! What an error says beyond its sentence, in Korean: everything that this project writes itself. What a library or the
//! system says stays as it is, unless it is one of the few things that everybody meets.
//!
//! Invariant: nothing of what was captured is lost, be it an id, a path or a number.

/// Longest chain of details in details.
const DEPTH: u8 = 4;

/// A detail in Korean; `None` when there are no words for it.
pub(crate) fn korean(said: &str) -> Option<String> {
    within(said.trim(), DEPTH)
}

fn within(said: &str, depth: u8) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    if let Some((_, korean)) = NOUNS.iter().chain(SYSTEM).find(|(english, _)| *english == said) {
        return Some((*korean).to_owned());
    }
    let (captured, korean) =
        DETAILS.iter().find_map(|(english, korean)| Some((captures(english, said)?, korean)))?;
    let mut words = (*korean).to_owned();
    for (number, part) in captured.iter().enumerate() {
        let each: Vec<String> =
            part.split("; ").map(|one| within(one, depth).unwrap_or_else(|| one.to_owned())).collect();
        words = words.replace(&format!("{{{number}}}"), &each.join("; "));
    }
    Some(words)
}

/// What stands in the place of each `{}` of the pattern, if the text fits it. The last place takes the rest.
fn captures<'a>(pattern: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut fixed = pattern.split("{}");
    let mut rest = text.strip_prefix(fixed.next()?)?;
    let mut captured = Vec::new();
    let mut fixed = fixed.peekable();
    while let Some(part) = fixed.next() {
        let is_last = fixed.peek().is_none();
        let (before, after) = match part {
            "" => (rest, ""),
            part if is_last => (rest.strip_suffix(part)?, ""),
            part => rest.split_once(part)?,
        };
        captured.push(before);
        rest = after;
    }
    rest.is_empty().then_some(captured)
}

/// Things by their names.
const NOUNS: &[(&str, &str)] = &[
    ("passphrase", "암호"),
    ("recovery phrase", "복구 문구"),
    ("room", "방"),
    ("message", "메시지"),
    ("friend", "친구"),
    ("request", "요청"),
    ("invite", "초대"),
    ("relay", "릴레이"),
];

/// What the system says most often.
const SYSTEM: &[(&str, &str)] = &[
    ("No such file or directory (os error 2)", "그런 파일이나 폴더가 없습니다"),
    ("Permission denied (os error 13)", "권한이 없습니다"),
    ("Operation not permitted (os error 1)", "권한이 없습니다"),
    ("Read-only file system (os error 30)", "쓸 수 없는 파일 시스템입니다"),
    ("Is a directory (os error 21)", "파일이 아니라 폴더입니다"),
    ("Not a directory (os error 20)", "폴더가 아닙니다"),
    ("Cannot assign requested address (os error 99)", "이 컴퓨터의 주소가 아닙니다"),
    ("Address already in use (os error 98)", "이미 쓰이고 있는 주소입니다"),
];

/// The longer pattern stands before one that fits it too.
const DETAILS: &[(&str, &str)] = &[
    // Recovery phrases, names and texts.
    ("word {} is not in the list", "{0}번째 단어가 목록에 없습니다"),
    ("{} words, a phrase has 24", "단어가 {0}개입니다. 복구 문구는 24개입니다"),
    (
        "the words do not belong together",
        "단어들이 서로 맞지 않습니다. 한 단어를 다른 단어로 적었을 수 있습니다",
    ),
    ("The recovery phrase could not be kept: {}", "복구 문구를 적을 수 없습니다: {0}"),
    ("the text is empty", "비어 있습니다"),
    ("The text is empty", "글이 비어 있습니다"),
    ("the text has more than {} characters", "{0}자를 넘습니다"),
    ("the text has more than {} bytes", "{0}바이트를 넘습니다"),
    ("the text holds a control character", "제어 문자가 들어 있습니다"),
    ("the text holds an invisible character", "보이지 않는 글자나 글의 방향을 바꾸는 글자가 들어 있습니다"),
    // Links.
    ("not a madang link", "마당 링크가 아닙니다"),
    ("a link of another kind", "다른 종류의 링크입니다"),
    ("a link of a newer version", "더 새로운 버전의 링크입니다"),
    ("link of {} characters, at most 400 are allowed", "링크가 {0}자입니다. 400자까지만 됩니다"),
    ("a character in the link is wrong", "링크에 들어갈 수 없는 글자가 있습니다"),
    ("a character was changed, or the end is cut off", "글자가 바뀌었거나 끝이 잘렸습니다"),
    ("the field {} of the link is wrong", "링크의 {0} 부분이 잘못되었습니다"),
    ("what the inviter sent does not fit the link", "초대한 사람이 보낸 것이 링크와 맞지 않습니다"),
    (
        "The inviter cannot be reached, directly or through a relay. Try again when they are online",
        "초대한 사람에게 직접도 릴레이로도 닿지 않습니다. 상대가 켜져 있을 때 다시 시도하세요",
    ),
    ("An invite lives at least one hour", "초대는 한 시간 이상이어야 합니다"),
    ("This person is blocked. Unblock them first", "차단한 사람입니다. 먼저 차단을 푸세요"),
    (
        "The machine that asked was removed from its account. Ask them to ask again",
        "요청을 보낸 기기가 그 계정에서 빠졌습니다. 다시 요청해 달라고 하세요",
    ),
    // Homes.
    ("The home is in use by process {}", "프로세스 {0}번이 쓰고 있습니다"),
    ("process {}", "프로세스 {0}번"),
    ("The key of this home cannot be had: {}", "이 홈의 열쇠를 얻을 수 없습니다: {0}"),
    ("the keyring does not hold it", "키링에 없습니다"),
    ("the key file does not hold it", "열쇠 파일이 없습니다"),
    ("the keyring holds another key", "키링에 다른 열쇠가 있습니다"),
    ("the key file holds another key", "열쇠 파일에 다른 열쇠가 있습니다"),
    ("This home is locked with a passphrase", "암호로 잠긴 홈입니다"),
    ("the file of key slots is not whole", "slots 파일이 온전하지 않습니다"),
    ("the file of key slots is missing", "slots 파일이 없습니다"),
    ("the store is missing", "저장소 파일이 없습니다"),
    ("the store belongs to another key", "저장소가 다른 열쇠의 것입니다"),
    ("the key file has {} bytes", "열쇠 파일이 {0}바이트입니다"),
    ("the file has no schema", "저장소가 비어 있습니다"),
    (
        "the write-ahead log holds {} of {} frames that were committed",
        "저장소의 기록 {1}개 가운데 {0}개만 남아 있습니다",
    ),
    (
        "The home has schema {}; this version knows schemas up to {}",
        "홈의 형식은 {0}이고, 이 버전은 {1}까지 압니다",
    ),
    ("opening the home {}: {}", "{0}: {1}"),
    ("looking at {}: {}", "{0}: {1}"),
    ("reading the file of key slots: {}", "slots 파일: {0}"),
    ("reading {}: {}", "{0}: {1}"),
    ("writing {}: {}", "{0}: {1}"),
    ("making the account: {}", "계정을 만들 수 없습니다: {0}"),
    ("making {}: {}", "{0}: {1}"),
    (
        "This user has no home directory. Name a place with --home",
        "이 사용자에게는 홈 디렉터리가 없습니다. --home으로 자리를 정하세요",
    ),
    // Files and pipes.
    ("Cannot read the {} from {}: {}", "{1}에서 {0} 읽기 실패: {2}"),
    ("it is longer than 4 KiB", "4KiB보다 깁니다"),
    ("it is no text in UTF-8", "UTF-8 글이 아닙니다"),
    ("{} exists already; name a new file", "{0} 파일이 이미 있습니다. 새 파일 이름을 정하세요"),
    ("Cannot make {}: {}", "{0} 파일을 만들 수 없습니다: {1}"),
    ("Cannot read standard input: {}", "표준 입력을 읽을 수 없습니다: {0}"),
    ("Standard input has more than 512 KiB", "표준 입력이 512KiB를 넘습니다"),
    ("The output could not be written: {}", "결과를 쓸 수 없습니다: {0}"),
    // Addresses.
    ("{} is no address to listen on. Write it as {}", "{0}: 기다릴 수 있는 주소가 아닙니다. {1}처럼 쓰세요"),
    (
        "This machine cannot listen on {}: {}. Give an address of its own, such as {}",
        "{0}: {1}. {2}처럼 이 컴퓨터의 주소를 쓰세요",
    ),
    (
        "{} is no address of a relay: it ends in /p2p/ and its id",
        "{0}: 릴레이의 주소가 아닙니다. /p2p/와 릴레이의 ID로 끝나야 합니다",
    ),
    ("An account has at most {} relays", "한 계정의 릴레이는 {0}개까지입니다"),
    // The node and its calls.
    (
        "The clock of this machine is more than a day ahead of relays and friends",
        "릴레이와 친구들의 시계보다 하루 넘게 앞서 있습니다",
    ),
    (
        "The clock of this machine is more than a day ahead of relays and friends. Set it right and send again",
        "릴레이와 친구들의 시계보다 하루 넘게 앞서 있습니다",
    ),
    ("No such {}: {}", "그런 {0} 없음: {1}"),
    ("No such {}", "그런 {0} 없음"),
    ("A limit is between 1 and {}", "개수 제한은 1에서 {0}까지입니다"),
    ("A count is between 1 and {}", "보낼 개수는 1에서 {0}까지입니다"),
    ("There is no call named {}", "{0}이라는 호출은 없습니다"),
    ("The parameters of {} do not fit: {}", "{0}의 매개변수가 맞지 않습니다: {1}"),
    ("The parameters are no JSON: {}", "매개변수가 JSON이 아닙니다: {0}"),
    ("The parameters are a JSON object, for example {}", "매개변수는 JSON 객체입니다. 예: {0}"),
    ("The node has not answered within a minute", "노드가 1분 안에 응답하지 않았습니다"),
    ("The node has stopped", "노드가 멈췄습니다"),
    ("The node is shutting down", "노드가 끝나는 중입니다"),
    ("The node has ended", "노드가 끝났습니다"),
    ("The call is larger than 1 MiB", "호출이 1MiB를 넘습니다"),
    ("The answer is too large. Ask for fewer with a limit", "답이 너무 큽니다. 개수 제한을 두세요"),
    ("You may not use the socket {}", "소켓 {0}을(를) 쓸 권한이 없습니다"),
    ("{} is served by another user", "{0}: 다른 사용자의 노드입니다"),
    ("Cannot connect to {}: {}", "{0}에 연결할 수 없습니다: {1}"),
];

#[cfg(test)]
mod tests {
    use madang_api::{Code, Error};
    use madang_node::home::Error as Home;

    use super::*;
    use crate::words::{Language, beyond, sentence};

    #[test]
    fn what_is_captured_stands_in_the_korean_words() {
        assert_eq!(korean("word 3 is not in the list").as_deref(), Some("3번째 단어가 목록에 없습니다"));
        assert_eq!(
            korean("Cannot read the passphrase from /p: No such file or directory (os error 2)").as_deref(),
            Some("/p에서 암호 읽기 실패: 그런 파일이나 폴더가 없습니다")
        );
        assert_eq!(
            korean("The key of this home cannot be had: the keyring does not hold it; dbus: no bus")
                .as_deref(),
            Some("이 홈의 열쇠를 얻을 수 없습니다: 키링에 없습니다; dbus: no bus")
        );
        assert_eq!(korean("No such room: 12").as_deref(), Some("그런 방 없음: 12"));
        assert_eq!(korean("a moon phase"), None);
    }

    #[test]
    fn every_detail_has_a_place_for_all_that_it_captures() {
        for (english, korean) in DETAILS {
            for number in 0..english.matches("{}").count() {
                assert!(korean.contains(&format!("{{{number}}}")), "{english}");
            }
            let typed = english.replace("{}", "7");
            let first = DETAILS.iter().find(|(english, _)| captures(english, &typed).is_some());
            assert_eq!(first.map(|(first, _)| first), Some(english), "{typed} is met by an earlier one");
        }
    }

    #[test]
    fn errors_of_the_node_are_told_in_korean_to_the_end() {
        let phrase = |text: &str| Home::Phrase(madang_node::home::Phrase::parse(text).unwrap_err());
        let name =
            |why: &str| Error::new(Code::Usage, format!("The name is not acceptable: {why}")).because("name");
        let errors: Vec<Error> = vec![
            phrase("abandom").into(),
            phrase(&"abandom ".repeat(24)).into(),
            phrase(&"abandon ".repeat(24)).into(),
            Home::InUse { pid: 7 }.into(),
            Home::SlotsMissing.into(),
            Home::Damaged("the file of key slots is not whole".to_owned()).into(),
            Home::NoDirectory("/h".into()).into(),
            Home::NewerHome { found: 9, supported: 1 }.into(),
            Home::KeyMissing("the key file does not hold it".to_owned()).into(),
            madang_node::Error::Clock.into(),
            madang_node::Error::OwnInvite.into(),
            madang_node::Error::BadLink("a character was changed, or the end is cut off".to_owned()).into(),
            name("the text has more than 40 characters"),
            name("the text holds an invisible character"),
            madang_node::Error::NotFound("room").into(),
        ];
        for error in errors {
            let said = sentence(Language::Korean, &error);
            assert!(!said.contains("명령이 올바르지"), "{error:?}: {said}");
            let Some(detail) = beyond(Language::Korean, &error) else { continue };
            let english =
                detail.split_whitespace().filter(|word| word.chars().all(|c| c.is_ascii_lowercase()));
            assert!(english.filter(|word| *word != "slots").count() == 0, "{error:?}: {detail}");
        }
    }
}
