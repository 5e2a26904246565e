//! Calls to the running node of a home.

use std::{
    future::Future,
    path::{Path, PathBuf},
    time::Duration,
};

use madang_api::{Code, Error};
use madang_socket::Client;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::timeout;

/// How long a call may take. The node gives up on the network well before; a node that is stopped or hangs is
/// told from one that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// An attached node.
pub(crate) struct Attached {
    client: Client,
    home: PathBuf,
}

impl Attached {
    /// Attaches to the node of `home`.
    ///
    /// # Errors
    /// `not_running` when there is none.
    pub(crate) async fn to(home: &Path) -> Result<Self, Error> {
        let socket = madang_node::home::socket_path(home).map_err(madang_api::Error::from)?;
        Ok(Self { client: in_time(Client::connect(&socket)).await?, home: home.to_owned() })
    }

    /// Calls and waits at most a minute.
    ///
    /// # Errors
    /// The error of the call; `offline` when the node does not answer in time.
    pub(crate) async fn call<P: Serialize>(&self, method: &str, params: &P) -> Result<Value, Error> {
        in_time(self.client.call(method, &json!(params))).await.map_err(|error| self.explain(error))
    }

    /// Calls and waits for as long as it takes.
    ///
    /// # Errors
    /// The error of the call.
    pub(crate) async fn call_patiently<P: Serialize>(
        &self,
        method: &str,
        params: &P,
    ) -> Result<Value, Error> {
        self.client.call(method, &json!(params)).await.map_err(|error| self.explain(error))
    }

    /// Events from now on.
    ///
    /// # Errors
    /// As [`Attached::call`].
    pub(crate) async fn events(&self) -> Result<tokio::sync::mpsc::Receiver<Value>, Error> {
        in_time(self.client.subscribe()).await
    }

    /// A home is unlocked where it is held: no passphrase given to this command would help.
    fn explain(&self, error: Error) -> Error {
        if error.code != Code::Locked {
            return error;
        }
        let message = match madang_node::home::holder(&self.home) {
            Some(pid) => format!("The window that has this home is locked, unlock it there: process {pid}"),
            None => "The window that has this home is locked. Unlock it there".to_owned(),
        };
        Error::new(Code::Locked, message).because("held")
    }
}

async fn in_time<T>(call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    timeout(PATIENCE, call)
        .await
        .unwrap_or_else(|_| Err(Error::new(Code::Offline, "The node has not answered within a minute")))
}
