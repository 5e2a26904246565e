//! What operators read where the environment asks for Korean, and what stays as it is.

use std::net::TcpListener;
use std::process::Output;

use serde_json::Value;

use crate::relay::{Relay, command, ended, output, output_in_korean};

/// What a command that failed has said.
fn complaint(output: Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code));
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_second_relay_on_the_same_data_is_told_the_first_in_korean() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let relay = Relay::start(&data);
    let data = data.to_str().unwrap();
    let said = complaint(output_in_korean(&["run", "--dev", "--data", data]), 1);
    let lock = std::fs::read_to_string(dir.path().join("data/lock")).unwrap();
    let pid = serde_json::from_str::<Value>(&lock).unwrap()["pid"].to_string();
    assert!(said.contains(&format!("{data}은(는) 다른 릴레이(프로세스 {pid})가 쓰고 있습니다")), "{said}");
    assert!(said.contains("먼저 끝내거나 --data로"), "{said}");
    assert_eq!(relay.stop(), Some(0));
}

#[test]
fn mistakes_in_the_configuration_are_named_in_korean() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("relay.toml");
    let path = config.to_str().unwrap();
    for (text, parts) in [
        (
            "[limits]\ninbox_item = 3\n",
            &["모르는 옵션", "limits.inbox_item ", "비슷한 것: limits.inbox_items"][..],
        ),
        ("[limits]\nknocks = \"many\"\n", &["limits.knocks의 값 \"many\"은(는)", "정수가 아닙니다"]),
        ("[limits]\nknocks 3\n", &["올바른 TOML이 아닙니다", "2행"]),
        ("[storage]\nsweep_s = 0\n", &["storage.sweep_s의 값은 1초 이상", "RELAY__STORAGE__SWEEP_S"]),
        ("[access]\nallow_peers = [\"nobody\"]\n", &["\"nobody\"은(는) 피어 ID가 아닙니다"]),
        ("[log]\nlevel = \"a=b=c\"\n", &["log.level: \"a=b=c\"은(는) 필터가 아닙니다"]),
    ] {
        std::fs::write(&config, text).unwrap();
        let said = complaint(output_in_korean(&["config", "check", "--config", path]), 1);
        for part in parts {
            assert!(said.contains(part), "{text:?} gave {said}");
        }
    }
    std::fs::remove_file(&config).unwrap();
    let said = complaint(output_in_korean(&["config", "check", "--config", path]), 1);
    assert!(said.contains(&format!("{path}을(를) 읽을 수 없습니다")), "{said}");
    std::fs::write(&config, "").unwrap();
    let checked = output_in_korean(&["config", "check", "--config", path]);
    assert_eq!(String::from_utf8(checked.stdout).unwrap(), "설정에 문제가 없습니다.\n");
}

#[test]
fn an_address_in_use_and_data_that_cannot_be_used_are_told_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let run = ["run", "--dev", "--data", data.to_str().unwrap()];
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let port = taken.local_addr().unwrap().port().to_string();
    let listen = [&run[..], &["--listen", &address]].concat();
    let said = complaint(output(&listen), 1);
    assert!(
        said.contains("cannot listen on") && said.contains(&port) && said.contains("another port"),
        "{said}"
    );
    let said = complaint(output_in_korean(&listen), 1);
    assert!(said.contains(&port) && said.contains("다른 프로그램이 이 포트를"), "{said}");
    let web = ended(command(&run).env("RELAY__HTTP__LISTEN", &address).env("LC_ALL", "ko"));
    let said = complaint(web, 1);
    assert!(said.contains(&format!("웹 서버가 {address}에서")) && said.contains("http.listen"), "{said}");
    let database = data.join("relay.db");
    // The database was closed in order: no log is left beside it that would mend what is damaged here.
    assert!(!data.join("relay.db-wal").exists());
    // A page or more: what is shorter, SQLite takes for empty.
    std::fs::write(&database, "no database at all\n".repeat(1000)).unwrap();
    let said = complaint(output_in_korean(&run), 1);
    assert!(said.contains(&format!("{}을(를) 열 수 없습니다", database.display())), "{said}");
    std::fs::write(data.join("version"), "99\n").unwrap();
    let said = complaint(output_in_korean(&run), 1);
    assert!(said.contains("더 새로운 릴레이") && said.contains("99"), "{said}");
    // A file where the directory should be.
    let said = complaint(output_in_korean(&["run", "--dev", "--data", database.to_str().unwrap()]), 1);
    assert!(said.contains(&format!("{}을(를) 쓸 수 없습니다", database.display())), "{said}");
}

#[test]
fn nobody_to_ask_and_a_trace_without_dev_are_told_in_korean() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    for verb in ["status", "healthcheck"] {
        let said = complaint(output_in_korean(&[verb, "--data", data]), 1);
        assert!(said.contains(&format!("{data}에서 실행 중인 릴레이가 없습니다")), "{said}");
    }
    let trace = dir.path().join("trace");
    let said = complaint(output_in_korean(&["run", "--trace-frames", trace.to_str().unwrap()]), 2);
    assert!(said.contains("--trace-frames는") && said.contains("--dev를 더하거나"), "{said}");
    let said = complaint(output_in_korean(&["run", "--listen", "here"]), 2);
    assert!(said.contains("'here'") && said.contains("--listen <ADDR:PORT>"), "{said}");
}

#[test]
fn init_speaks_korean_and_writes_the_same_file() {
    let dir = tempfile::tempdir().unwrap();
    let init = ["init", "--domain", "relay.example.org", "--dir", dir.path().to_str().unwrap()];
    let made = output_in_korean(&init);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let told = String::from_utf8(made.stdout).unwrap();
    assert!(
        told.contains("참가 코드  ") && told.contains("/dns/relay.example.org/tcp/4510/p2p/12D3"),
        "{told}"
    );
    let config = dir.path().join("relay.toml");
    let said = complaint(output_in_korean(&init), 1);
    assert!(said.contains(&format!("{}이(가) 이미 있어", config.display())), "{said}");
    let said = complaint(output_in_korean(&["init", "--domain", "two words"]), 1);
    assert!(said.contains("\"two words\"은(는) 컴퓨터 이름으로 쓸 수 없습니다"), "{said}");
    let text = std::fs::read_to_string(&config).unwrap();
    assert!(text.contains("# Where clients reach the relay."), "{text}");
}

#[test]
fn help_is_in_korean_and_what_programs_read_is_not() {
    let help = |output: Output| String::from_utf8(output.stdout).unwrap();
    for args in [&["--help"][..], &["help"], &["run", "--help"], &["help", "run"], &["config", "check", "-h"]]
    {
        let korean = output_in_korean(args);
        assert_eq!(korean.status.code(), Some(0));
        let korean = help(korean);
        assert!(korean.contains("사용법: madang-relay"), "{korean}");
        assert!(help(output(args)).contains("Usage: madang-relay"), "{args:?}");
    }
    assert_eq!(output_in_korean(&["--version"]).stdout, output(&["--version"]).stdout);
    assert_eq!(output_in_korean(&["config", "example"]).stdout, output(&["config", "example"]).stdout);
    assert_eq!(output_in_korean(&["config", "show"]).stdout, output(&["config", "show"]).stdout);
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let relay = Relay::start_with(&data, &[], &[("LANG", "ko_KR.UTF-8")]);
    let ready = format!("{{\"event\":\"ready\",\"addr\":\"{}\",\"http\":\"{}\"}}\n", relay.addr, relay.http);
    assert_eq!(relay.first_line, ready);
    let status = output_in_korean(&["status", "--data", data.to_str().unwrap()]);
    assert_eq!(serde_json::from_slice::<Value>(&status.stdout).unwrap()["addr"], relay.addr.as_str());
    assert_eq!(relay.stop(), Some(0));
}
