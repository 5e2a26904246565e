//! A session: one home and the calls on it, from the empty home to the running node.
//!
//! It owns the home's lock from the first call to the last. It must not know who calls: the page of the desktop,
//! the socket, a test. Invariant: the lock is released only after the node has ended.

mod calls;
mod dispatch;
mod events;
mod home;

#[cfg(test)]
mod tests;

use std::{path::Path, sync::Arc};

use madang_node::{Config, Handle, home as node_home};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::{
    sync::{Mutex as AsyncMutex, broadcast},
    task::JoinHandle,
};
use zeroize::Zeroizing;

pub use events::Events;

use crate::{Code, Error, Event, account::HomeState};

/// Events kept for a slow reader before it is told to ask again.
const EVENTS_CAP: usize = 4096;

/// The calls on one home.
pub struct Session {
    held: Arc<Mutex<Option<Arc<node_home::Held>>>>,
    config: Config,
    stage: Mutex<Stage>,
    /// Making and opening an account exclude each other and themselves.
    changing: AsyncMutex<()>,
    events: broadcast::Sender<Event>,
}

/// How far the home has come.
enum Stage {
    Empty,
    Locked(Error),
    Running { node: Handle, pump: JoinHandle<()> },
    Ended,
}

impl Session {
    /// Takes the home, and starts its node if it has an account that opens: with `passphrase`, else with a key of
    /// this machine. Without the secret it needs, the session is locked.
    ///
    /// # Errors
    /// `in_use` naming the process, `wrong_secret`, `newer_home`, `damaged`, `disk_full`, `usage` for an address
    /// that cannot be listened on.
    pub async fn open(
        home: &Path,
        config: Config,
        passphrase: Option<Zeroizing<String>>,
    ) -> Result<Arc<Self>, Error> {
        let dir = home.to_owned();
        let held = Arc::new(blocking(move || node_home::hold(&dir)).await??);
        let has_account = node_home::has_account(held.paths().dir())?;
        let session = Arc::new(Self {
            held: Arc::new(Mutex::new(Some(held))),
            config,
            stage: Mutex::new(Stage::Empty),
            changing: AsyncMutex::new(()),
            events: broadcast::channel(EVENTS_CAP).0,
        });
        if has_account {
            match session.unlock(passphrase).await {
                Err(error) if error.code == Code::Locked => {
                    *session.stage.lock() = Stage::Locked(error);
                }
                opened => opened?,
            }
        }
        Ok(session)
    }

    /// State of the home.
    pub fn state(&self) -> HomeState {
        match &*self.stage.lock() {
            Stage::Empty => HomeState::Empty,
            Stage::Locked(_) => HomeState::Locked,
            Stage::Running { .. } | Stage::Ended => HomeState::Running,
        }
    }

    /// The running node.
    ///
    /// # Errors
    /// `no_account`, `locked` with the reason, `not_running` after [`Session::shutdown`].
    pub fn node(&self) -> Result<Handle, Error> {
        match &*self.stage.lock() {
            Stage::Running { node, .. } => Ok(node.clone()),
            Stage::Empty => Err(Error::new(Code::NoAccount, "This home has no account")),
            Stage::Locked(error) => Err(error.clone()),
            Stage::Ended => Err(Error::new(Code::NotRunning, "The node has ended")),
        }
    }

    /// Answers one call of [`crate::METHODS`]; `params` is an object, or null for a call without parameters.
    ///
    /// # Errors
    /// `usage` for an unknown method or parameters that do not fit, else the error of the call.
    pub async fn call(&self, method: &str, params: Value) -> Result<Value, Error> {
        dispatch::call(self, method, params).await
    }

    /// Events from now on, also while the home is empty or locked.
    pub fn subscribe(&self) -> Events {
        Events::new(self.events.subscribe())
    }

    /// Announces something that a shell knows and the node does not, such as a link that was clicked.
    pub fn announce(&self, event: Event) {
        // Without a reader there is nobody to tell.
        drop(self.events.send(event));
    }

    /// Ends the node and releases the home.
    pub async fn shutdown(&self) {
        let _changing = self.changing.lock().await;
        let stage = std::mem::replace(&mut *self.stage.lock(), Stage::Ended);
        if let Stage::Running { node, pump } = stage {
            node.shutdown().await;
            pump.abort();
        }
        self.held.lock().take();
    }

    fn held(&self) -> Result<Arc<node_home::Held>, Error> {
        self.held.lock().clone().ok_or_else(|| Error::new(Code::NotRunning, "The node has ended"))
    }
}

/// Work on files and passphrases, away from the threads that must stay quick.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::new(Code::Internal, error.to_string()))
}
