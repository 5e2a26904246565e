//! A session from the empty home to the running node and back, over its calls alone.

use std::{path::Path, sync::Arc};

use serde_json::json;

use super::*;

fn config() -> Config {
    Config { listen: vec!["/ip4/127.0.0.1/tcp/0".to_owned()], mdns: false, ..Config::default() }
}

async fn open(home: &Path, passphrase: Option<&str>) -> Result<Arc<Session>, Error> {
    Session::open(home, config(), passphrase.map(|text| Zeroizing::new(text.to_owned()))).await
}

async fn running(home: &Path) -> (Arc<Session>, Value) {
    let session = open(home, None).await.unwrap();
    let create = json!({ "name": "Alice", "passphrase": "correct horse" });
    let created = session.call("account_create", create).await.unwrap();
    (session, created)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_home_becomes_an_account_and_opens_again() {
    let home = tempfile::tempdir().unwrap();
    let empty = open(home.path(), None).await.unwrap();
    assert_eq!(empty.state(), HomeState::Empty);
    assert_eq!(empty.call("status", json!({})).await.unwrap_err().code, Code::NoAccount);
    empty.shutdown().await;

    let (session, created) = running(home.path()).await;
    assert_eq!(created["phrase"].as_array().unwrap().len(), 24);
    assert_eq!(created["warning"], Value::Null);
    let own = session.call("account_show", Value::Null).await.unwrap();
    assert_eq!((&own["account"], &own["name"]), (&created["account"], &json!("Alice")));
    let again = session.call("account_create", json!({ "name": "Bob" })).await.unwrap_err();
    assert_eq!(again.code, Code::Exists);
    session.shutdown().await;
    assert_eq!(session.call("status", json!({})).await.unwrap_err().code, Code::NotRunning);

    let wrong = open(home.path(), Some("battery staple")).await.err().unwrap();
    assert_eq!(wrong.code, Code::WrongSecret);
    let locked = open(home.path(), None).await.unwrap();
    assert_eq!(locked.call("home_state", json!({})).await.unwrap()["state"], "locked");
    assert_eq!(locked.call("room_list", json!({})).await.unwrap_err().code, Code::Locked);
    let refused = locked.call("home_unlock", json!({ "passphrase": "battery staple" })).await.unwrap_err();
    assert_eq!(refused.code, Code::WrongSecret);
    let home_state = locked.call("home_unlock", json!({ "passphrase": "correct horse" })).await.unwrap();
    assert_eq!(home_state["state"], "running");
    assert_eq!(locked.call("account_show", json!({})).await.unwrap()["account"], created["account"]);
    locked.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_session_on_a_home_is_refused_with_the_holder() {
    let home = tempfile::tempdir().unwrap();
    let first = open(home.path(), None).await.unwrap();
    let refused = open(home.path(), None).await.err().unwrap();
    assert_eq!(refused.code, Code::InUse);
    assert!(refused.message.contains(&std::process::id().to_string()), "{}", refused.message);
    first.shutdown().await;
    open(home.path(), None).await.unwrap().shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_is_listed_announced_and_found() {
    let home = tempfile::tempdir().unwrap();
    let (session, created) = running(home.path()).await;
    let mut events = session.subscribe();
    let me = json!({ "account": created["account"] });
    let room = session.call("room_direct", me).await.unwrap()["room"].clone();
    let sent = session.call("message_send", json!({ "room": room, "text": "안녕" })).await.unwrap();
    let count = json!({ "room": room, "text": "note", "count": 20 });
    let last = session.call("message_send", count).await.unwrap();
    let listed = session.call("message_list", json!({ "room": room })).await.unwrap();
    let texts: Vec<&str> = listed.as_array().unwrap().iter().filter_map(|m| m["text"].as_str()).collect();
    let wanted: Vec<String> =
        std::iter::once("안녕".to_owned()).chain((1..=20).map(|n| format!("note #{n}"))).collect();
    assert_eq!(texts, wanted);
    assert_eq!(listed[20]["message"], last["message"]);
    let found = session.call("search", json!({ "text": "안녕" })).await.unwrap();
    assert_eq!(found[0]["message"], sent["message"]);
    let announced = async {
        loop {
            if let Some(Event::Message(message)) = events.next().await {
                return message;
            }
        }
    };
    let announced = tokio::time::timeout(std::time::Duration::from_secs(10), announced).await.unwrap();
    assert_eq!(json!(announced.message), sent["message"]);
    session.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invite_comes_with_its_picture() {
    let home = tempfile::tempdir().unwrap();
    let (session, _) = running(home.path()).await;
    let made = session.call("invite_create", json!({ "once": true })).await.unwrap();
    assert!(made["link"].as_str().unwrap().starts_with("madang://invite/1/"));
    assert!(made["qr"].as_str().unwrap().contains("<svg"));
    let listed = session.call("invite_list", json!({})).await.unwrap();
    assert_eq!(listed[0]["invite"], made["invite"]);
    session.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_and_ids_are_checked() {
    let home = tempfile::tempdir().unwrap();
    let (session, _) = running(home.path()).await;
    let code = async |method: &str, params: Value| session.call(method, params).await.unwrap_err().code;
    assert_eq!(code("no_such_call", json!({})).await, Code::Usage);
    assert_eq!(code("message_send", json!({ "room": 1 })).await, Code::Usage);
    assert_eq!(code("message_list", json!({ "room": "nonsense" })).await, Code::NotFound);
    assert_eq!(code("message_list", json!({ "room": "00".repeat(32) })).await, Code::NotFound);
    assert_eq!(code("message_list", json!({ "room": "00".repeat(32), "limit": 0 })).await, Code::Usage);
    let send = json!({ "room": "00".repeat(32), "text": "x", "count": 0 });
    assert_eq!(code("message_send", send).await, Code::Usage);
    assert_eq!(code("invite_show", json!({ "link": "madang://invite/1/x" })).await, Code::BadLink);
    session.shutdown().await;
}
