//! Two nodes in one process over real sockets on loopback: friends by link, messages both ways.

#![allow(clippy::unwrap_used)] // A test that panics has failed, which is what it is for.

use std::{path::Path, time::Duration};

use madang_node::{
    Config, Event, Handle, home,
    view::{FriendState, MessageState},
};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

async fn person(dir: &Path, name: &str) -> Handle {
    let held = home::hold(dir).unwrap();
    let new = home::NewAccount {
        name,
        machine: "desk",
        passphrase: Some("a passphrase for tests"),
        now_ms: 1_790_000_000_000,
    };
    home::create(&held, new, |_| Ok(())).unwrap();
    start(held).await
}

async fn start(held: home::Held) -> Handle {
    let opened = home::open(&held, Some("a passphrase for tests")).unwrap();
    // The lock lives as long as the process of this test.
    std::mem::forget(held);
    let listen = vec!["/ip4/127.0.0.1/tcp/0".to_owned()];
    madang_node::start(opened, Config { listen, mdns: false, ..Config::default() }).await.unwrap()
}

async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("did not see {what} in time"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn friends_by_link_chat_both_ways() {
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    drop(tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init());
    let homes = tempfile::tempdir().unwrap();
    let alice = person(&homes.path().join("alice"), "Alice").await;
    let bob = person(&homes.path().join("bob"), "Bob").await;
    until("an address of Alice", async || (!alice.status().await.unwrap().addrs.is_empty()).then_some(()))
        .await;

    // ── become friends ──
    let (link, _) = alice.create_invite(true, 24).await.unwrap();
    let shown = bob.show_invite(link.clone()).await.unwrap();
    assert_eq!(shown.name, "Alice");
    let (account, state) = bob.add_friend(link.clone(), "hi".to_owned()).await.unwrap();
    assert_eq!((account, state), (shown.account, FriendState::Friend));
    let friends = until("Bob among the friends of Alice", async || {
        Some(alice.friends().await.unwrap()).filter(|f| f.len() == 1)
    })
    .await;
    assert_eq!(friends.first().map(|f| f.name.as_str()), Some("Bob"));
    let room = bob.direct_room(account).await.unwrap();
    assert_eq!(friends.first().map(|f| f.room), Some(room));

    // ── chat ──
    let mut hears = bob.subscribe();
    let sent = alice.send_text(room, "안녕 👋".to_owned(), None).await.unwrap();
    let heard = timeout(PATIENCE, async {
        loop {
            if let Ok(Event::Message(message)) = hears.recv().await {
                return message;
            }
        }
    })
    .await
    .unwrap();
    assert_eq!((heard.message, heard.text.as_deref()), (sent.message, Some("안녕 👋")));
    bob.send_text(room, "hello".to_owned(), Some(sent.message)).await.unwrap();
    until("both messages at Alice", async || {
        let list = alice.messages(room, None, None, None).await.unwrap();
        (list.len() == 2).then_some(())
    })
    .await;
    until("delivery", async || {
        let list = alice.messages(room, None, None, None).await.unwrap();
        list.iter()
            .any(|m| m.message == sent.message && m.state == Some(MessageState::Delivered))
            .then_some(())
    })
    .await;

    // ── many at once, in the same order on both sides ──
    for n in 0..200 {
        alice.send_text(room, format!("a{n}"), None).await.unwrap();
        bob.send_text(room, format!("b{n}"), None).await.unwrap();
    }
    until("all messages on both sides", async || {
        let a = alice.messages(room, Some(1_000), None, None).await.unwrap();
        let b = bob.messages(room, Some(1_000), None, None).await.unwrap();
        let ids = |l: &[madang_node::view::Message]| l.iter().map(|m| m.message).collect::<Vec<_>>();
        (a.len() == 402 && ids(&a) == ids(&b)).then_some(())
    })
    .await;

    // ── read ──
    bob.mark_read(room, None).await.unwrap();
    until("read marks at Alice", async || {
        let list = alice.messages(room, None, None, None).await.unwrap();
        list.iter().filter(|m| m.state.is_some()).all(|m| m.state == Some(MessageState::Read)).then_some(())
    })
    .await;
    let used = madang_node::Error::InviteUsed;
    let carol = person(&homes.path().join("carol"), "Carol").await;
    assert_eq!(carol.add_friend(link, String::new()).await, Err(used));
    for node in [alice, bob, carol] {
        node.shutdown().await;
    }
}
