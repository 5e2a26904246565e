//! Server and client together, over a real socket, with calls of the tests in place of a node.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in what its tests share")]

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt as _, stream::BoxStream};
use madang_api::{Code, Error, Event};
use madang_socket::{Calls, Client, Server, server};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
    sync::{Notify, broadcast, oneshot},
    task::JoinHandle,
    time::timeout,
};

const SOON: Duration = Duration::from_secs(10);

/// Answers with what it was asked; some methods are slow, large or fail.
struct Echo {
    events: broadcast::Sender<Event>,
    release: Notify,
    under_way: AtomicUsize,
}

impl Calls for Echo {
    async fn call(&self, method: &str, params: Value) -> Result<Value, Error> {
        match method {
            "net_why" => {
                self.under_way.fetch_add(1, Ordering::SeqCst);
                self.release.notified().await;
                Ok(json!("released"))
            }
            "room_members" => Ok(json!("x".repeat(server::ANSWER_CAP))),
            "relay_add" => Err(Error::new(Code::Offline, "Nobody is there")),
            _ => Ok(json!({ "method": method, "params": params })),
        }
    }

    fn subscribe(&self) -> BoxStream<'static, Event> {
        let events = self.events.subscribe();
        futures::stream::unfold(events, |mut events| async move { Some((events.recv().await.ok()?, events)) })
            .boxed()
    }
}

struct Bench {
    path: PathBuf,
    echo: Arc<Echo>,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<()>,
    _dir: tempfile::TempDir,
}

impl Bench {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let path = dir.path().join("node.sock");
        let echo = Arc::new(Echo {
            events: broadcast::channel(16).0,
            release: Notify::new(),
            under_way: AtomicUsize::new(0),
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let server = Server::bind(&path).unwrap();
        let served = tokio::spawn(server.serve(Arc::clone(&echo), async move { drop(stopped.await) }));
        Self { path, echo, stop: Some(stop), served, _dir: dir }
    }

    async fn client(&self) -> Client {
        Client::connect(&self.path).await.unwrap()
    }

    async fn raw(&self) -> BufReader<UnixStream> {
        BufReader::new(UnixStream::connect(&self.path).await.unwrap())
    }
}

async fn line(stream: &mut BufReader<UnixStream>) -> Value {
    let mut text = String::new();
    timeout(SOON, stream.read_line(&mut text)).await.unwrap().unwrap();
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn calls_are_answered_with_results_and_errors() {
    let bench = Bench::start();
    let client = bench.client().await;
    let answer = client.call("status", &json!({"a": 1})).await.unwrap();
    assert_eq!(answer, json!({ "method": "status", "params": {"a": 1} }));
    let error = client.call("relay_add", &json!({})).await.unwrap_err();
    let retry = true;
    assert_eq!(error, Error { retry, ..Error::new(Code::Offline, "Nobody is there") });
    let error = client.call("no_such_call", &json!({})).await.unwrap_err();
    assert_eq!(error.code, Code::Usage);
}

#[tokio::test]
async fn a_slow_call_does_not_hold_up_a_quick_one() {
    let bench = Bench::start();
    let client = bench.client().await;
    let quick = async {
        while bench.echo.under_way.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        client.call("status", &json!({})).await.unwrap();
        bench.echo.release.notify_one();
    };
    let nothing = json!({});
    let (slow, ()) =
        timeout(SOON, futures::future::join(client.call("net_why", &nothing), quick)).await.unwrap();
    assert_eq!(slow.unwrap(), "released");
}

#[tokio::test]
async fn events_reach_every_subscriber_and_nobody_else() {
    let bench = Bench::start();
    let (alice, bob) = (bench.client().await, bench.client().await);
    let mut events = alice.subscribe().await.unwrap();
    bob.call("status", &json!({})).await.unwrap();
    assert_eq!(bench.echo.events.receiver_count(), 1);
    bench.echo.events.send(Event::Room { room: "r1".into() }).unwrap();
    let event = timeout(SOON, events.recv()).await.unwrap().unwrap();
    assert_eq!(event, json!({ "event": "room", "room": "r1" }));
}

#[tokio::test]
async fn a_second_subscribe_does_not_double_the_events() {
    let bench = Bench::start();
    let mut stream = bench.raw().await;
    for id in [1, 2] {
        let call = json!({ "jsonrpc": "2.0", "id": id, "method": "subscribe" });
        stream.write_all(format!("{call}\n").as_bytes()).await.unwrap();
        assert_eq!(line(&mut stream).await["id"], id);
    }
    assert_eq!(bench.echo.events.receiver_count(), 1);
    bench.echo.events.send(Event::Status {}).unwrap();
    let notification = json!({ "jsonrpc": "2.0", "method": "event", "params": { "event": "status" } });
    assert_eq!(line(&mut stream).await, notification);
}

#[tokio::test]
async fn a_line_above_the_cap_ends_the_connection_and_no_other() {
    let bench = Bench::start();
    let client = bench.client().await;
    let mut stream = bench.raw().await;
    let long = vec![b'x'; server::LINE_CAP + 1];
    // The server may close before everything is written.
    let written = stream.write_all(&long).await;
    let mut rest = Vec::new();
    let read = timeout(SOON, stream.read_to_end(&mut rest)).await.unwrap();
    assert!(rest.is_empty());
    assert!(written.is_ok() || written.is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe));
    assert!(read.is_ok() || read.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset));
    client.call("status", &json!({})).await.unwrap();
    let error = client.call("status", &json!({ "a": "x".repeat(server::LINE_CAP) })).await.unwrap_err();
    assert_eq!(error.code, Code::TooLarge);
}

#[tokio::test]
async fn an_answer_above_the_cap_becomes_an_error() {
    let bench = Bench::start();
    let error = bench.client().await.call("room_members", &json!({})).await.unwrap_err();
    assert_eq!(error.code, Code::TooLarge);
}

#[tokio::test]
async fn a_client_cannot_pile_up_calls() {
    let bench = Bench::start();
    let mut stream = bench.raw().await;
    let calls: String = (0..server::CALLS_CAP * 4)
        .map(|id| format!("{}\n", json!({ "jsonrpc": "2.0", "id": id, "method": "net_why" })))
        .collect();
    stream.write_all(calls.as_bytes()).await.unwrap();
    // Another connection is served while the first one waits at its bound.
    bench.client().await.call("status", &json!({})).await.unwrap();
    while bench.echo.under_way.load(Ordering::SeqCst) < server::CALLS_CAP {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(bench.echo.under_way.load(Ordering::SeqCst), server::CALLS_CAP);
}

#[tokio::test]
async fn connections_above_the_bound_wait_for_their_turn() {
    let bench = Bench::start();
    let mut clients = Vec::new();
    for _ in 0..server::CONNECTIONS_CAP {
        let client = bench.client().await;
        client.call("status", &json!({})).await.unwrap();
        clients.push(client);
    }
    let late = bench.client().await;
    let nothing = json!({});
    let mut call = std::pin::pin!(late.call("status", &nothing));
    assert!(timeout(Duration::from_millis(200), &mut call).await.is_err());
    clients.pop();
    timeout(SOON, call).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_was_asked_before_the_end_is_answered() {
    let bench = Bench::start();
    let mut stream = bench.raw().await;
    stream.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}").await.unwrap();
    stream.get_mut().shutdown().await.unwrap();
    assert_eq!(line(&mut stream).await["id"], 1);
}

#[tokio::test]
async fn stopping_removes_the_socket_and_tells_the_clients() {
    let mut bench = Bench::start();
    let client = bench.client().await;
    let mut events = client.subscribe().await.unwrap();
    bench.stop.take().unwrap().send(()).unwrap();
    timeout(SOON, &mut bench.served).await.unwrap().unwrap();
    assert!(!bench.path.exists());
    assert!(timeout(SOON, events.recv()).await.unwrap().is_none());
    assert_eq!(client.call("status", &json!({})).await.unwrap_err().code, Code::NotRunning);
    assert_eq!(Client::connect(&bench.path).await.unwrap_err().code, Code::NotRunning);
}

#[tokio::test]
async fn a_socket_without_a_server_means_not_running() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert_eq!(Client::connect(&path).await.unwrap_err().code, Code::NotRunning);
}
