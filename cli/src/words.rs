//! Words for people, in English and Korean: what each error code means and what to do about it; below, everything else
//! that is said to people.

pub(crate) mod details;
pub(crate) mod doctor;
pub(crate) mod help;
pub(crate) mod keys;
pub(crate) mod news;
pub(crate) mod notices;
pub(crate) mod reach;
pub(crate) mod reasons;
pub(crate) mod states;

use std::collections::BTreeSet;

use madang_api::{Code, Error};
pub(crate) use madang_terminal::Language;

/// What an error means and what to do.
pub(crate) fn sentence(language: Language, error: &Error) -> &'static str {
    language.of(sentences(error))
}

fn sentences(error: &Error) -> (&'static str, &'static str) {
    match (error.code, error.reason.as_deref()) {
        (Code::NotMember, Some("not_friend")) => (
            "You two are not friends, so this 1:1 is closed. Make friends again by an invite, and it opens again.",
            "서로 친구가 아니어서 이 1:1 대화는 닫혀 있습니다. 초대로 다시 친구가 되면 열립니다.",
        ),
        (Code::NotMember, Some("blocked")) => (
            "You have blocked this person, so this 1:1 is closed. Lift the block to write again: `madang friend set ACCOUNT --blocked off`.",
            "차단한 사람이라 이 1:1 대화는 닫혀 있습니다. 다시 쓰려면 차단을 푸세요: `madang friend set 계정 --blocked off`.",
        ),
        (code, Some(reason)) => caused(code, reason).unwrap_or_else(|| both(code)),
        (code, None) => both(code),
    }
}

/// The sentence of a code that has several causes, where that of the code would not be true or would not help.
fn caused(code: Code, reason: &str) -> Option<(&'static str, &'static str)> {
    Some(match (code, reason) {
        (Code::Locked, "held") => (
            "The window that has this home is locked. Unlock it there and try again.",
            "이 홈을 연 창이 잠겨 있습니다. 그 창에서 잠금을 푼 뒤 다시 시도하세요.",
        ),
        (Code::Locked, "key") => (
            "A key of this machine opens this home, and it cannot be had. Unlock the keyring, or put the key file back in its place.",
            "이 컴퓨터에 둔 열쇠로 여는 홈인데 그 열쇠를 얻을 수 없습니다. 키링의 잠금을 풀거나 열쇠 파일을 제자리에 두세요.",
        ),
        (Code::Locked, "empty_passphrase") => (
            "This home is locked, and the passphrase given is empty. Give it in MADANG_PASSPHRASE or with --passphrase-file.",
            "홈이 잠겨 있는데 받은 암호가 비어 있습니다. MADANG_PASSPHRASE 또는 --passphrase-file로 암호를 알려 주세요.",
        ),
        (Code::Usage, "empty_passphrase") => (
            "The passphrase given is empty, and nothing was made. Give a passphrase, or leave out both MADANG_PASSPHRASE and --passphrase-file to do without one.",
            "받은 암호가 비어 있어 아무것도 만들지 않았습니다. 암호를 적거나, 암호 없이 쓰려면 MADANG_PASSPHRASE와 --passphrase-file을 모두 빼세요.",
        ),
        (Code::Usage, "own_invite") => (
            "This is an invite of your own. Send it to whoever you want as a friend.",
            "내가 만든 초대입니다. 친구가 되고 싶은 사람에게 보내세요.",
        ),
        (Code::Usage, "name") => (
            "This name is not acceptable. Choose another one.",
            "쓸 수 없는 이름입니다. 다른 이름을 고르세요.",
        ),
        (Code::Usage, "file") => (
            "A file that was named cannot be used. Check where it is and who may read it.",
            "지정한 파일을 쓸 수 없습니다. 파일의 자리와 권한을 확인하세요.",
        ),
        (Code::Usage, "no_directory") => (
            "The place of the home is a file and no directory. Choose a directory with --home.",
            "홈의 자리가 폴더가 아니라 파일입니다. --home으로 폴더를 고르세요.",
        ),
        (Code::Usage, "address") => (
            "Madang cannot listen on the address given. Choose another one with --listen.",
            "주어진 주소에서 기다릴 수 없습니다. --listen으로 다른 주소를 고르세요.",
        ),
        (Code::Usage, "address_in_use") => (
            "Another program listens on this port already. End it, or choose another port with --listen.",
            "다른 프로그램이 이미 이 포트를 쓰고 있습니다. 그 프로그램을 끝내거나 --listen으로 다른 포트를 고르세요.",
        ),
        (Code::Denied, "home") => (
            "This home cannot be read and written by this user. Make it yours and writable, or choose another home with --home.",
            "이 사용자는 이 홈을 읽고 쓸 수 없습니다. 주인과 권한을 바로잡거나 --home으로 다른 홈을 고르세요.",
        ),
        (Code::Denied, "unkept") => (
            "The recovery phrase could not be kept, so no account was made. Name another file with --phrase-out.",
            "복구 문구를 적어 둘 수 없어 계정을 만들지 않았습니다. --phrase-out으로 다른 파일을 정하세요.",
        ),
        (Code::Damaged, "slots") => (
            "The file of key slots (`slots`) of this home is missing, and nothing opens the home without it. Put it back from a copy of the home.",
            "이 홈의 slots 파일이 없습니다. 이 파일 없이는 홈을 열 수 없습니다. 홈의 복사본에서 되돌려 놓으세요.",
        ),
        _ => return None,
    })
}

/// What an error says beyond its sentence, in this language as far as there are words for it.
pub(crate) fn beyond(language: Language, error: &Error) -> Option<String> {
    let detail = detail(error)?;
    let korean = || details::korean(detail).or_else(|| details::korean(&error.message));
    Some(match language {
        Language::English => detail.to_owned(),
        Language::Korean => korean().unwrap_or_else(|| detail.to_owned()),
    })
}

/// What the message of an error says beyond its sentence: no clause at either end of it that the sentence has already.
pub(crate) fn detail(error: &Error) -> Option<&str> {
    let (english, _) = sentences(error);
    let known: BTreeSet<String> = words_of(english).collect();
    let said = |clause: &str| words_of(clause).all(|word| known.contains(&word));
    let mut rest = error.message.trim();
    while let Some((clause, after)) = rest.split_once(": ").filter(|(clause, _)| !clause.contains(". "))
        && said(clause)
    {
        rest = after;
    }
    while let Some((before, clause)) = rest.rsplit_once(". ")
        && said(clause)
    {
        rest = before;
    }
    let rest = rest.trim_end_matches('.');
    (!said(rest)).then_some(rest)
}

/// Words that mean something; short ones only join them.
fn words_of(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    words.filter(|word| word.chars().count() > 3 || word.chars().any(|c| c.is_ascii_digit()))
}

fn both(code: Code) -> (&'static str, &'static str) {
    match code {
        Code::Exists => (
            "This home has an account already. Use it, or choose another home with --home.",
            "이 홈에는 이미 계정이 있습니다. 그 계정을 쓰거나 --home으로 다른 홈을 고르세요.",
        ),
        Code::NoAccount => (
            "This home has no account yet. Make one with `madang account create --name NAME`.",
            "이 홈에는 아직 계정이 없습니다. `madang account create --name 이름`으로 만드세요.",
        ),
        Code::Locked => (
            "This home is locked. Give its passphrase in MADANG_PASSPHRASE or with --passphrase-file.",
            "홈이 잠겨 있습니다. MADANG_PASSPHRASE 또는 --passphrase-file로 암호를 알려 주세요.",
        ),
        Code::InUse => (
            "Another node holds this home. Commands reach it as it is; stop it before you start a second one.",
            "다른 노드가 이 홈을 쓰고 있습니다. 명령은 그대로 쓸 수 있습니다. 새로 시작하려면 먼저 그 노드를 끝내세요.",
        ),
        Code::WrongSecret => (
            "The passphrase or recovery phrase is wrong. Check it and try again.",
            "암호나 복구 문구가 맞지 않습니다. 확인하고 다시 시도하세요.",
        ),
        Code::BadLink => (
            "The link is damaged or incomplete. Copy the whole link, or ask for it again.",
            "링크가 깨졌거나 일부가 빠졌습니다. 링크 전체를 복사하거나 다시 받으세요.",
        ),
        Code::InviteUsed => (
            "Somebody has used this invite already. Ask for a new one.",
            "이미 사용된 초대입니다. 새 초대를 부탁하세요.",
        ),
        Code::InviteExpired => {
            ("This invite has expired. Ask for a new one.", "기한이 지난 초대입니다. 새 초대를 부탁하세요.")
        }
        Code::InviteRevoked => (
            "This invite was withdrawn, used or has expired. Ask for a new one.",
            "취소되었거나 이미 쓰였거나 기한이 지난 초대입니다. 새 초대를 부탁하세요.",
        ),
        Code::NotFound => (
            "There is no such thing here. Check the id; the list commands show what there is.",
            "찾을 수 없습니다. ID를 확인하세요. 목록 명령으로 무엇이 있는지 볼 수 있습니다.",
        ),
        Code::NotMember => (
            "You are not a member of this room. Ask a member to invite you.",
            "이 방의 구성원이 아닙니다. 구성원에게 초대를 부탁하세요.",
        ),
        Code::TooLarge => (
            "This is too large. A text has at most 10,000 characters and 60 KiB; make it shorter.",
            "너무 큽니다. 글은 10,000자, 60KiB까지입니다. 줄여서 다시 시도하세요.",
        ),
        Code::Clock => (
            "The clock of this machine is wrong by more than a day. Set it right and send again.",
            "이 컴퓨터의 시계가 하루 넘게 어긋나 있습니다. 시계를 맞추고 다시 보내세요.",
        ),
        Code::DiskFull => (
            "The disk is full and nothing was changed. Free some space and try again.",
            "디스크가 가득 차서 아무것도 바꾸지 않았습니다. 공간을 비우고 다시 시도하세요.",
        ),
        Code::NewerHome => (
            "A newer version of Madang wrote this home, and nothing was changed. Install that version or a later one.",
            "더 새로운 버전의 마당이 쓴 홈이라 아무것도 바꾸지 않았습니다. 그 버전 이상을 설치하세요.",
        ),
        Code::Damaged => (
            "A file of this home is damaged, and nothing was changed. Keep a copy of the home and put a backup in its place.",
            "홈의 파일이 손상되었으며 아무것도 바꾸지 않았습니다. 홈을 복사해 두고 백업으로 되돌리세요.",
        ),
        Code::Offline => (
            "Nobody could be reached. Check the connection and the relay (`madang net why`), then try again.",
            "연결할 수 없습니다. 네트워크와 릴레이를 확인하고(`madang net why`) 다시 시도하세요.",
        ),
        Code::Denied => (
            "This is not allowed. Ask somebody who may, or choose something else.",
            "허용되지 않는 동작입니다. 권한이 있는 사람에게 부탁하거나 다른 방법을 고르세요.",
        ),
        Code::Usage => (
            "The command is not right as it stands. `madang --help` and `madang COMMAND --help` show how it is used.",
            "명령이 올바르지 않습니다. `madang --help`와 `madang 명령 --help`에서 사용법을 볼 수 있습니다.",
        ),
        Code::NotRunning => (
            "No node runs on this home. Start it with `madang run`, or open the desktop.",
            "이 홈에서 실행 중인 노드가 없습니다. `madang run`으로 시작하거나 데스크톱 앱을 여세요.",
        ),
        Code::Internal => (
            "Something went wrong inside. Run `madang doctor` and add its output to your report.",
            "내부 오류가 났습니다. `madang doctor`를 실행하고 그 결과를 붙여서 알려 주세요.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_an_english_and_a_korean_sentence_of_its_own() {
        for (code, reasons) in [
            (Code::Locked, "held key empty_passphrase"),
            (Code::Usage, "empty_passphrase own_invite name file no_directory address address_in_use"),
            (Code::Denied, "home unkept"),
            (Code::Damaged, "slots"),
        ] {
            for reason in reasons.split_whitespace() {
                let error = Error::new(code, "words").because(reason);
                let (english, korean) =
                    (sentence(Language::English, &error), sentence(Language::Korean, &error));
                assert_ne!(english, both(code).0, "{reason}");
                assert!(english.is_ascii() && english.ends_with('.'), "{reason}");
                assert!(
                    korean.ends_with('.') && korean.chars().any(|c| ('가'..='힣').contains(&c)),
                    "{reason}"
                );
            }
        }
    }

    #[test]
    fn every_code_has_an_english_and_a_korean_sentence() {
        let names = "exists no_account locked in_use wrong_secret bad_link invite_used invite_expired \
                     invite_revoked not_found not_member too_large clock disk_full newer_home damaged offline \
                     denied usage not_running internal";
        for name in names.split_whitespace() {
            let code: Code = serde_json::from_value(name.into()).unwrap();
            let error = Error::new(code, "words");
            let (english, korean) = (sentence(Language::English, &error), sentence(Language::Korean, &error));
            assert!(english.is_ascii() && english.ends_with('.'), "{name}");
            assert!(korean.ends_with('.') && korean.chars().any(|c| ('가'..='힣').contains(&c)), "{name}");
        }
    }

    #[test]
    fn nothing_is_said_twice() {
        let beyond = |code, message: &str| detail(&Error::new(code, message)).map(str::to_owned);
        let nothing = [
            (Code::NotRunning, "No node runs on this home. Start it with `madang run` or open the desktop"),
            (Code::Exists, "This home has an account already"),
            (Code::NoAccount, "This home has no account"),
            (Code::NotMember, "You are not a member of this room"),
            (Code::TooLarge, "Too large: at most 10,000 characters and 60 KiB"),
            (Code::InviteExpired, "This invite has expired. Ask for a new one"),
            (Code::InviteUsed, "This invite was used already. Ask for a new one"),
            (Code::DiskFull, "The disk is full. Free some space and try again"),
        ];
        for (code, message) in nothing {
            assert_eq!(beyond(code, message), None, "{message}");
        }
        let link = "The link is damaged or incomplete: it has 3 parts. Ask for it again";
        assert_eq!(beyond(Code::BadLink, link).as_deref(), Some("it has 3 parts"));
        for (code, message) in [
            (Code::NotFound, "No such room: 12"),
            (Code::NotRunning, "The node has stopped"),
            (Code::InUse, "The home is in use by process 7"),
            (Code::TooLarge, "Standard input has more than 512 KiB"),
        ] {
            assert_eq!(beyond(code, message).as_deref(), Some(message));
        }
    }

    #[test]
    fn a_closed_1_to_1_is_not_taken_for_a_room_of_which_one_is_no_member() {
        for (error, truth) in [
            (madang_node::Error::NotFriend, "not friends"),
            (madang_node::Error::Blocked, "blocked this person"),
        ] {
            let error = Error::from(error);
            assert_eq!(error.code, Code::NotMember);
            let said = sentence(Language::English, &error);
            assert!(said.contains(truth) && !said.contains("invite you"), "{said}");
            assert_ne!(
                sentence(Language::Korean, &error),
                sentence(Language::Korean, &Error::new(error.code, ""))
            );
            assert_eq!(detail(&error), None);
        }
    }
}
