//! The listening side, held by whoever holds the home's lock.

use std::{
    fs,
    future::Future,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustix::process::geteuid;
use tokio::{
    net::{UnixListener, UnixStream},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{Calls, PlaceError, connection::serve_stream, place};

/// Longest line that is read from a client, in bytes: a text of 60 KiB, escaped in the worst way, fits.
pub const LINE_CAP: usize = 1 << 20;
/// Longest line that is written to a client, in bytes: 1,000 messages of ordinary size fit many times.
pub const ANSWER_CAP: usize = 64 << 20;
/// Connections at one time; each is a program of the same person.
pub const CONNECTIONS_CAP: usize = 32;
/// Calls of one connection under way at one time; more wait unread.
pub const CALLS_CAP: usize = 32;
/// Answers and events of one connection that wait to be written.
pub(crate) const OUT_CAP: usize = 64;
/// How long connections may still answer when the server ends.
const GRACE: Duration = Duration::from_secs(2);
/// Pause after the system could give no connection, for example for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound socket.
#[derive(Debug)]
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
}

impl Server {
    /// Makes the socket `path`. The caller holds the lock of the home, therefore a socket that lies there is
    /// stale and is replaced. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the directory can be entered by others, when something else lies at the path, or when the system
    /// refuses.
    pub fn bind(path: &Path) -> Result<Self, PlaceError> {
        place::prepare(path)?;
        let io = |source| PlaceError::Io { path: path.to_owned(), source };
        let listener = UnixListener::bind(path).map_err(io)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(io)?;
        Ok(Self { listener, path: path.to_owned() })
    }

    /// Serves `calls` until `shutdown` is done; then the socket is removed, and connections have two seconds
    /// to end. Must be done before the home's lock is released.
    pub async fn serve<C: Calls>(self, calls: Arc<C>, shutdown: impl Future<Output = ()>) {
        let mut connections = JoinSet::new();
        let (stop, stopped) = watch::channel(());
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let full = connections.len() >= CONNECTIONS_CAP;
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some(_) = connections.join_next() => {}
                accepted = self.listener.accept(), if !full => match accepted {
                    Ok((stream, _)) => {
                        if is_ours(&stream) {
                            connections.spawn(serve_connection(Arc::clone(&calls), stream, stopped.clone()));
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "no connection could be accepted");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(stop);
        let Self { listener, path } = self;
        drop(listener);
        if let Err(error) = fs::remove_file(&path) {
            tracing::warn!(%error, path = %path.display(), "the socket could not be removed");
        }
        drop(timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await);
        connections.shutdown().await;
    }
}

async fn serve_connection<C: Calls>(calls: Arc<C>, stream: UnixStream, mut stopped: watch::Receiver<()>) {
    let (read, write) = stream.into_split();
    // Nothing is ever sent: the channel closes when the server ends.
    let stop = async move { while stopped.changed().await.is_ok() {} };
    if let Err(error) = serve_stream(calls, read, write, stop).await {
        tracing::debug!(%error, "a connection of the socket ended");
    }
}

/// The directory keeps others out already; this also holds where a system ignores its mode.
fn is_ours(stream: &UnixStream) -> bool {
    match stream.peer_cred() {
        Ok(peer) if peer.uid() == geteuid().as_raw() => true,
        Ok(peer) => {
            tracing::warn!(uid = peer.uid(), "a connection of another user was refused");
            false
        }
        Err(error) => {
            tracing::warn!(%error, "a connection of an unknown user was refused");
            false
        }
    }
}
