//! `madang run`: the node in the foreground, serving the socket of its home.

use std::{path::Path, sync::Arc, time::Duration};

use madang_api::{Code, Error, Session};
use madang_node::{Config, Paths, home};
use madang_socket::Server;
use serde_json::{Value, json};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
    time::{sleep, timeout},
};
use zeroize::Zeroizing;

use crate::{args, failure::Failure, output::Output, secret::Given};

/// How long the node may take to end before it is left as it is: everything promised is on disk already.
const GRACE: Duration = Duration::from_secs(10);
/// How long the first line waits for the first address; without one the node still works through relays.
const ADDRESS_PATIENCE: Duration = Duration::from_secs(2);
/// Pause between two looks at the addresses.
const ADDRESS_LOOK: Duration = Duration::from_millis(10);

pub(crate) async fn run(home: &Path, out: Output, run: args::Run, given: Given) -> Result<(), Failure> {
    // Listened to from the start, so that an impatient person is heard.
    let signal_error = |error| Error::new(Code::Internal, format!("Cannot listen to signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(signal_error)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(signal_error)?;

    let relays = run.relay.clone();
    let passphrase = given.passphrase().map(|passphrase| Zeroizing::new(passphrase.to_owned()));
    let session = Session::open(home, config(run), passphrase).await?;
    // An empty or a locked home has no node.
    session.node().map_err(|error| given.explain(error))?;
    for addr in relays {
        session.call("relay_add", json!({ "addr": addr })).await?;
    }
    let socket = home::socket_path(home).map_err(Error::from)?;
    let server = Server::bind(&socket).map_err(|error| Error::new(Code::Internal, error.to_string()))?;
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(server.serve(Arc::clone(&session), async move { drop(stopped.await) }));
    let ready = ready(&session).await;
    let announced = match ready {
        Ok(ready) => out.line(&ready.to_string()),
        Err(error) => Err(error.into()),
    };
    if announced.is_ok() {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
    drop(stop);
    let ended = async {
        drop(served.await);
        session.shutdown().await;
    };
    tokio::select! {
        ended = timeout(GRACE, ended) => if ended.is_err() {
            tracing::warn!("the node did not end in time; nothing that was promised is lost");
        },
        // Somebody who asks twice does not want to wait.
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    announced
}

fn config(run: args::Run) -> Config {
    let paths = Paths { gossip: !run.no_gossip, stream: !run.no_stream };
    Config { listen: run.listen, mdns: !run.no_mdns, tcp: !run.no_tcp, quic: !run.no_quic, paths }
}

/// The first line: commands are answered from now on.
async fn ready(session: &Session) -> Result<Value, Error> {
    let look = async {
        loop {
            let status = session.call("status", json!({})).await?;
            if status["addrs"].as_array().is_some_and(|addrs| !addrs.is_empty()) {
                return Ok::<_, Error>(status);
            }
            sleep(ADDRESS_LOOK).await;
        }
    };
    let status = match timeout(ADDRESS_PATIENCE, look).await {
        Ok(status) => status?,
        Err(_) => session.call("status", json!({})).await?,
    };
    Ok(json!({
        "event": "ready",
        "addrs": status["addrs"],
        "account": status["account"],
        "device": status["device"],
    }))
}
