//! Another place in the network: what goes through a proxy reaches the relay from an address of its own.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket};

/// Forwards connections until it is dropped.
pub(crate) struct Proxy {
    /// Multiaddress for clients, with the peer id of the relay.
    pub(crate) addr: String,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// Forwards to the relay at `addr`, which will see `from`, an address of the loopback interface.
    pub(crate) async fn start(addr: &str, from: Ipv4Addr) -> Self {
        let port = addr.split('/').nth(4).unwrap();
        let relay: SocketAddr = format!("127.0.0.1:{port}").parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let addr = addr.replacen(&format!("/tcp/{port}/"), &format!("/tcp/{own}/"), 1);
        let task = tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let socket = TcpSocket::new_v4().unwrap();
                socket.bind((from, 0).into()).unwrap();
                let mut relay = socket.connect(relay).await.unwrap();
                tokio::spawn(async move {
                    // An end is an end, in order or not.
                    let _ = copy_bidirectional(&mut client, &mut relay).await;
                });
            }
        });
        Self { addr, task }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}
