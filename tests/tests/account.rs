//! Accounts and homes through the command line, without a network: what is made, what is refused, with which code,
//! and that a refusal changes nothing.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in what its tests share")]

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use madang_testkit::{Answer, PASSPHRASE, Person, madang, make_newer};
use serde_json::{Value, json};

/// Every file of a home but the lock, which whoever looks writes to.
fn files(home: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(home)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name() != "lock" && entry.path().is_file())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect()
}

fn refusal(code: i32, name: &str) -> (i32, String) {
    (code, name.to_owned())
}

/// Runs a command that must be refused and leave every file as it was.
fn refused_unchanged(person: &Person, args: &[&str], expected: (i32, String)) {
    let before = files(person.home());
    assert_eq!(person.ask(args).unwrap().refusal().unwrap(), expected, "{args:?}");
    assert!(files(person.home()) == before, "{args:?} has changed a file");
}

fn doctor_of(answer: &Answer) -> (Option<i32>, Value) {
    (answer.status.code(), serde_json::from_str(&answer.stdout).unwrap())
}

/// What the doctor says about the store, without a node.
fn store_check(person: &Person) -> Value {
    let (_, report) = doctor_of(&person.ask(&["doctor", "--offline"]).unwrap());
    report["checks"].as_array().unwrap().iter().find(|check| check["check"] == "store").unwrap().clone()
}

#[test]
fn an_account_is_made_once() {
    let alice = Person::new("Alice").unwrap();
    let made = alice.create().unwrap();
    let fields: Vec<&String> = made.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["account", "device", "name"]);
    assert_eq!(made["name"], "Alice");
    assert_eq!(made["account"].as_str().unwrap().len(), 64);
    assert_eq!(fs::metadata(alice.home()).unwrap().permissions().mode() & 0o777, 0o700);
    refused_unchanged(&alice, &["account", "create", "--name", "Mallory"], refusal(1, "exists"));
    assert_eq!(store_check(&alice)["ok"], true);
}

#[test]
fn the_phrase_goes_into_a_new_private_file_or_nothing_is_made() {
    let alice = Person::new("Alice").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("taken");
    fs::write(&taken, "precious").unwrap();
    let create = |out: &Path| {
        alice.ask(&["account", "create", "--name", "Alice", "--phrase-out", out.to_str().unwrap()]).unwrap()
    };
    assert_eq!(create(&taken).refusal().unwrap(), refusal(2, "usage"));
    assert_eq!(create(&folder.path().join("no/such/folder")).refusal().unwrap(), refusal(2, "usage"));
    assert_eq!(fs::read_to_string(&taken).unwrap(), "precious");
    assert!(!alice.home().join("slots").exists());

    let out = folder.path().join("phrase");
    let made = create(&out);
    made.value().unwrap();
    let phrase = fs::read_to_string(&out).unwrap();
    assert_eq!(phrase.split_whitespace().count(), 24);
    assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    let first = phrase.split_whitespace().next().unwrap();
    assert!(!made.stderr.contains(first) && !made.stdout.contains(first));
}

#[test]
fn a_phrase_without_a_file_is_shown_once_beside_the_data() {
    let alice = Person::new("Alice").unwrap();
    let made = alice.ask(&["account", "create", "--name", "Alice"]).unwrap();
    made.value().unwrap();
    let numbered = made.stderr.split_whitespace().filter(|word| word.parse::<u32>().is_ok()).count();
    assert_eq!(numbered, 24);
}

#[test]
fn names_are_checked() {
    let alice = Person::new("Alice").unwrap();
    let unseen = ["\u{200b}", "\u{3164}", "Bob\u{202e}", "Bo\u{2028}b", "\u{feff}"];
    for name in ["", "a name of more than twenty characters"].into_iter().chain(unseen) {
        let answer = alice.ask(&["account", "create", "--name", name]).unwrap();
        assert_eq!(answer.refusal().unwrap(), refusal(2, "usage"), "{name}");
    }
    assert!(!alice.home().join("store.db").exists());
}

#[test]
fn commands_without_a_node_say_so() {
    let alice = Person::new("Alice").unwrap();
    for args in
        [&["account", "show"][..], &["status"], &["room", "list"], &["send", "ROOM", "text"], &["tail"]]
    {
        assert_eq!(alice.ask(args).unwrap().refusal().unwrap(), refusal(3, "not_running"), "{args:?}");
    }
    assert!(!alice.home().exists());
    assert_eq!(alice.ask(&["run"]).unwrap().refusal().unwrap(), refusal(1, "no_account"));
}

#[test]
fn wrong_use_is_told_apart_and_in_the_form_asked_for() {
    let alice = Person::new("Alice").unwrap();
    assert_eq!(alice.ask(&["fly"]).unwrap().refusal().unwrap(), refusal(2, "usage"));
    let plain = Answer::of(alice.command().unwrap().arg("fly")).unwrap();
    assert_eq!(plain.status.code(), Some(2));
    assert!(plain.stderr.contains("unrecognized subcommand"), "{}", plain.stderr);
    let help = Answer::of(alice.command().unwrap().arg("--help")).unwrap();
    assert_eq!(help.status.code(), Some(0));
    assert!(help.stdout.starts_with("Examples:"));
}

#[test]
fn people_are_told_in_their_language() {
    let mut alice = Person::new("Alice").unwrap();
    alice.set("LANG", "ko_KR.UTF-8");
    let answer = Answer::of(alice.command().unwrap().arg("status")).unwrap();
    assert_eq!(answer.status.code(), Some(3));
    assert!(answer.stderr.contains("실행 중인 노드가 없습니다"), "{}", answer.stderr);
    alice.set("LANG", "en_US.UTF-8");
    let answer = Answer::of(alice.command().unwrap().arg("status")).unwrap();
    assert!(answer.stderr.contains("No node runs on this home"), "{}", answer.stderr);
}

#[test]
fn wrong_and_missing_passphrases_change_nothing() {
    let mut alice = Person::new("Alice").unwrap();
    alice.create().unwrap();
    alice.set("MADANG_PASSPHRASE", "wrong");
    refused_unchanged(&alice, &["run"], refusal(1, "wrong_secret"));
    alice.unset("MADANG_PASSPHRASE");
    refused_unchanged(&alice, &["run"], refusal(1, "locked"));
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), format!("{PASSPHRASE}\n")).unwrap();
    let args = ["doctor", "--offline", "--passphrase-file", file.path().to_str().unwrap()];
    let (code, report) = doctor_of(&alice.ask(&args).unwrap());
    assert_eq!((code, &report["ok"]), (Some(0), &json!(true)), "{report}");
}

#[test]
fn an_empty_passphrase_makes_no_account_and_is_named_when_it_opens_none() {
    let mut alice = Person::new("Alice").unwrap();
    alice.set("MADANG_PASSPHRASE", "");
    let create = ["account", "create", "--name", "Alice"];
    assert_eq!(alice.ask(&create).unwrap().refusal().unwrap(), refusal(2, "usage"));
    let empty = tempfile::NamedTempFile::new().unwrap();
    let file = ["--passphrase-file", empty.path().to_str().unwrap()];
    alice.unset("MADANG_PASSPHRASE");
    assert_eq!(alice.ask(&[&create[..], &file].concat()).unwrap().refusal().unwrap(), refusal(2, "usage"));
    assert!(!alice.home().join("key").exists());
    alice.set("MADANG_PASSPHRASE", PASSPHRASE);
    alice.create().unwrap();
    let refused = alice.ask(&[&["run"][..], &file].concat()).unwrap();
    assert_eq!(refused.refusal().unwrap(), refusal(1, "locked"));
    assert!(refused.stderr.contains("empty"), "{}", refused.stderr);
}

#[test]
fn a_home_that_cannot_be_one_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "text").unwrap();
    for home in [file.clone(), file.join("below")] {
        let alice = Person::at("Alice", &home);
        for args in [&["run"][..], &["status"], &["account", "create", "--name", "Alice"]] {
            let answer = alice.ask(args).unwrap();
            assert_eq!(answer.refusal().unwrap(), refusal(2, "usage"), "{args:?}: {}", answer.stderr);
            assert!(answer.stderr.contains(home.to_str().unwrap()), "{}", answer.stderr);
        }
    }
    let doctor = Person::at("Alice", &file).ask(&["doctor", "--offline"]).unwrap();
    assert_eq!(doctor.status.code(), Some(1));
    assert!(
        doctor.stdout.contains("no directory") && !doctor.stdout.contains("internal"),
        "{}",
        doctor.stdout
    );
}

#[test]
fn a_home_that_nobody_may_write_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let (disk, home) = (folder.path().join("disk"), folder.path().join("disk/home"));
    fs::create_dir_all(&home).unwrap();
    let alice = Person::at("Alice", &home);
    for args in [&["run"][..], &["account", "create", "--name", "Alice"]] {
        // Read-only inside the namespace alone.
        let script =
            r#"mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 99; shift; exec "$@""#;
        let mut wrapper = Command::new("unshare");
        wrapper.args(["--user", "--map-root-user", "--mount", "--", "sh", "-c", script, "sh"]).arg(&disk);
        let mut command = alice.command_through(wrapper).unwrap();
        let answer = Answer::of(command.arg("--json").args(args)).unwrap();
        assert_eq!(answer.refusal().unwrap(), refusal(1, "denied"), "{answer:?}");
        assert!(answer.stderr.contains(home.to_str().unwrap()), "{}", answer.stderr);
    }
}

#[test]
fn a_home_without_its_slots_is_damaged_and_no_new_one() {
    let alice = Person::new("Alice").unwrap();
    alice.create().unwrap();
    fs::remove_file(alice.home().join("slots")).unwrap();
    for args in [&["run"][..], &["account", "create", "--name", "Mallory"]] {
        refused_unchanged(&alice, args, refusal(1, "damaged"));
    }
    let (_, report) = doctor_of(&alice.ask(&["doctor", "--offline"]).unwrap());
    let unlocking = report["checks"].as_array().unwrap().iter().find(|check| check["check"] == "unlocking");
    assert!(unlocking.unwrap()["detail"].as_str().unwrap().starts_with("damaged: "), "{report}");
}

#[test]
fn torn_and_flipped_files_are_called_damaged_and_left_alone() {
    let alice = Person::new("Alice").unwrap();
    alice.create().unwrap();
    let whole = files(alice.home());
    for name in ["store.db", "slots"] {
        let (path, bytes) = (alice.home().join(name), &whole[name]);
        for length in [0, 1, 512, 4096, bytes.len() / 2] {
            if length >= bytes.len() {
                continue;
            }
            fs::write(&path, &bytes[..length]).unwrap();
            refused_unchanged(&alice, &["run"], refusal(1, "damaged"));
        }
        for at in [0, 20, bytes.len() / 7] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            fs::write(&path, &flipped).unwrap();
            assert_eq!(store_check(&alice)["ok"], false, "{name} at {at}");
        }
        fs::write(&path, bytes).unwrap();
    }
    assert_eq!(store_check(&alice)["ok"], true);
}

#[test]
fn the_home_of_a_later_version_is_left_alone() {
    let mut alice = Person::new("Alice").unwrap();
    alice.create().unwrap();
    make_newer(alice.home()).unwrap();
    refused_unchanged(&alice, &["run"], refusal(1, "newer_home"));
    for (language, hint) in [("en_US.UTF-8", "newer"), ("ko_KR.UTF-8", "새")] {
        alice.set("LANG", language);
        let answer = Answer::of(alice.command().unwrap().arg("run")).unwrap();
        assert!(answer.stderr.contains(hint), "{}", answer.stderr);
    }
    assert_eq!(store_check(&alice)["ok"], false);
}

#[test]
fn a_phrase_is_checked_word_by_word() {
    let alice = Person::new("Alice").unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let words = "abandon ".repeat(23) + "art\n";
    let restore = |text: &str| {
        fs::write(file.path(), text).unwrap();
        let path = file.path().to_str().unwrap();
        alice.ask(&["account", "restore", "--phrase-file", path, "--name", "Alice"]).unwrap()
    };
    let answer = restore(&words.replacen("abandon", "abandom", 1));
    assert_eq!(answer.refusal().unwrap(), refusal(1, "wrong_secret"));
    assert!(answer.stderr.contains("word 1 "), "{}", answer.stderr);
    assert!(restore("abandon art").stderr.contains("2 words"));
    let checksum = restore(&words.replace("art", "abandon"));
    assert_eq!(checksum.refusal().unwrap(), refusal(1, "wrong_secret"));
    assert_eq!(restore(&words).refusal().unwrap(), refusal(5, "offline"));
    assert!(!alice.home().join("slots").exists());
}

#[test]
fn a_full_disk_leaves_no_half_account() {
    let folder = tempfile::tempdir().unwrap();
    let (disk, left) = (folder.path().join("disk"), folder.path().join("left"));
    fs::create_dir(&disk).unwrap();
    let alice = Person::at("Alice", &disk.join("home"));
    for size in ["32k", "96k", "200k"] {
        // The small disk exists only inside the namespace, so what is left on it is listed there.
        let script = r#"disk=$1 left=$2 size=$3; shift 3
            mount -t tmpfs -o "size=$size" small "$disk" || exit 99
            "$@"; code=$?
            find "$disk/home" -type f ! -name lock > "$left"
            exit $code"#;
        let mut wrapper = Command::new("unshare");
        wrapper.args(["--user", "--map-root-user", "--mount", "--", "sh", "-c", script, "sh"]);
        wrapper.arg(&disk).arg(&left).arg(size);
        let mut command = alice.command_through(wrapper).unwrap();
        let answer = Answer::of(command.args(["--json", "account", "create", "--name", "Alice"])).unwrap();
        assert_eq!(answer.refusal().unwrap(), refusal(1, "disk_full"), "{size}: {answer:?}");
        assert_eq!(fs::read_to_string(&left).unwrap(), "", "{size}");
    }
}

#[test]
fn without_passphrase_and_keyring_a_private_file_holds_the_key() {
    let mut alice = Person::new("Alice").unwrap();
    alice.unset("MADANG_PASSPHRASE");
    let made = alice.ask(&["account", "create", "--name", "Alice"]).unwrap();
    made.value().unwrap();
    assert!(made.stderr.contains("Warning"), "{}", made.stderr);
    let key = alice.home().join("key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(store_check(&alice)["ok"], true);
    fs::remove_file(&key).unwrap();
    assert!(store_check(&alice)["detail"].as_str().unwrap().starts_with("locked"));
}

#[test]
fn the_keyring_of_the_system_holds_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let mut alice = Person::new("Alice").unwrap();
    alice.unset("MADANG_PASSPHRASE");
    let runtime = folder.path().join("runtime");
    fs::create_dir(&runtime).unwrap();
    fs::set_permissions(&runtime, fs::Permissions::from_mode(0o700)).unwrap();
    let session = |args: &[&str]| {
        // A session of its own, with a keyring of its own that is unlocked as at a login.
        let script = r#"printf login | gnome-keyring-daemon --unlock --components=secrets > /dev/null || exit 99
            exec "$@""#;
        let mut wrapper = Command::new("dbus-run-session");
        wrapper.args(["--", "sh", "-c", script, "sh"]);
        let mut command = alice.command_through(wrapper).unwrap();
        command.env("XDG_RUNTIME_DIR", &runtime).env("XDG_DATA_HOME", folder.path());
        Answer::of(command.arg("--json").args(args)).unwrap()
    };
    let made = session(&["account", "create", "--name", "Alice"]);
    made.value().unwrap();
    assert!(!made.stderr.contains("Warning"), "{}", made.stderr);
    assert!(!alice.home().join("key").exists());
    // Another login, the same keyring.
    let (code, report) = doctor_of(&session(&["doctor", "--offline"]));
    assert_eq!(code, Some(0), "{report}");
    // No keyring, no key.
    assert!(store_check(&alice)["detail"].as_str().unwrap().starts_with("locked"));
}

#[test]
fn completions_are_printed_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let answer = Answer::of(Command::new(madang().unwrap()).args(["completions", shell])).unwrap();
        assert!(answer.status.success() && answer.stdout.contains("madang"), "{shell}");
    }
}

#[test]
fn a_second_node_is_refused_and_the_first_answers_on() {
    let alice = Person::new("Alice").unwrap();
    let made = alice.create().unwrap();
    let node = alice.run(&[]).unwrap();
    assert_eq!(node.ready()["account"], made["account"]);
    let answer = alice.ask(&["run"]).unwrap();
    assert_eq!(answer.refusal().unwrap(), refusal(1, "in_use"));
    assert!(answer.stderr.contains(&node.process().pid().to_string()), "{}", answer.stderr);
    let own = alice.say(&["account", "show"]).unwrap();
    assert_eq!((&own["account"], &own["device"]), (&made["account"], &made["device"]));
    assert_eq!(own["relays"], json!([]));
    node.stop().unwrap();
    assert_eq!(alice.ask(&["status"]).unwrap().refusal().unwrap(), refusal(3, "not_running"));
}

#[test]
fn a_killed_node_leaves_a_home_that_starts_again() {
    let alice = Person::new("Alice").unwrap();
    let made = alice.create().unwrap();
    for _ in 0..2 {
        alice.run(&[]).unwrap().kill().unwrap();
    }
    let node = alice.run(&[]).unwrap();
    assert_eq!(alice.say(&["status"]).unwrap()["account"], made["account"]);
    node.stop().unwrap();
}
