//! The home of this window: opened once, served on its socket, and given back at the end.
//!
//! It owns the session. It must not know what a call means, apart from the passphrase that the program was
//! started with. Invariant: the socket is gone before the home is given back.

use std::{mem, path::PathBuf, sync::Arc, time::Duration};

use madang_api::{Code, Error, Event, Session};
use madang_node::Config;
use serde_json::Value;
use tauri::{AppHandle, Manager as _};
use tokio::{
    sync::{Mutex, oneshot},
    task::JoinHandle,
    time::timeout,
};
use zeroize::Zeroizing;

use crate::{notice, rpc::Subscribers};

/// How long the node may take to end before it is left as it is: everything promised is on disk already.
const GRACE: Duration = Duration::from_secs(10);
/// The call by which a page starts, and with which it tries again.
const FIRST_CALL: &str = "home_state";

/// The home and how far it has come.
pub(crate) struct Home {
    dir: PathBuf,
    config: Config,
    passphrase: Option<Zeroizing<String>>,
    stage: Mutex<Stage>,
}

enum Stage {
    Closed,
    Open(Open),
    Failed(Error),
    Ended,
}

struct Open {
    session: Arc<Session>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Home {
    /// A home that is not open yet.
    pub(crate) fn new(dir: PathBuf, config: Config, passphrase: Option<Zeroizing<String>>) -> Self {
        Self { dir, config, passphrase, stage: Mutex::new(Stage::Closed) }
    }

    /// Answers one call of the page. The first one opens the home; when that failed, only the page's next
    /// start tries again.
    ///
    /// # Errors
    /// Why the home cannot be opened (`in_use`, `damaged`, …), else the error of the call.
    pub(crate) async fn call(
        &self,
        app: &AppHandle,
        method: &str,
        params: Option<Value>,
    ) -> Result<Value, Error> {
        let session = Box::pin(self.session(app, method == FIRST_CALL)).await?;
        let params = self.with_passphrase(method, params.unwrap_or(Value::Null));
        Box::pin(session.call(method, params)).await
    }

    /// Tells everybody who listens: the page, and programs on the socket.
    pub(crate) async fn announce(&self, app: &AppHandle, event: Event) {
        match &*self.stage.lock().await {
            Stage::Open(open) => open.session.announce(event),
            // A page that has not started yet hears it when it does.
            Stage::Closed | Stage::Failed(_) | Stage::Ended => app.state::<Subscribers>().tell(&event),
        }
    }

    /// Ends the node and gives the home back.
    pub(crate) async fn close(&self) {
        let Stage::Open(open) = mem::replace(&mut *self.stage.lock().await, Stage::Ended) else { return };
        drop(open.stop);
        let ended = async {
            if let Err(error) = open.served.await {
                tracing::error!(%error, "the socket ended badly");
            }
            open.session.shutdown().await;
        };
        if timeout(GRACE, ended).await.is_err() {
            tracing::warn!("the node did not end in time; nothing that was promised is lost");
        }
    }

    async fn session(&self, app: &AppHandle, again: bool) -> Result<Arc<Session>, Error> {
        let mut stage = self.stage.lock().await;
        match &*stage {
            Stage::Open(open) => return Ok(Arc::clone(&open.session)),
            Stage::Ended => return Err(Error::new(Code::NotRunning, "The program is closing")),
            Stage::Failed(error) if !again => return Err(error.clone()),
            Stage::Failed(_) | Stage::Closed => {}
        }
        match Box::pin(self.open(app)).await {
            Ok(open) => {
                let session = Arc::clone(&open.session);
                *stage = Stage::Open(open);
                Ok(session)
            }
            Err(error) => {
                tracing::error!(%error, code = ?error.code, home = %self.dir.display(), "the home does not open");
                *stage = Stage::Failed(error.clone());
                Err(error)
            }
        }
    }

    async fn open(&self, app: &AppHandle) -> Result<Open, Error> {
        let session = Session::open(&self.dir, self.config.clone(), self.passphrase.clone()).await?;
        let server = match socket(&self.dir) {
            Ok(server) => server,
            Err(error) => {
                session.shutdown().await;
                return Err(error);
            }
        };
        tell_the_page(app, &session);
        notice::hear(app, &session);
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(server.serve(Arc::clone(&session), async move { drop(stopped.await) }));
        Ok(Open { session, stop, served })
    }

    /// An account made in a program that was started with a passphrase is locked with it, so that the next
    /// start opens it; one that the person typed counts first.
    fn with_passphrase(&self, method: &str, mut params: Value) -> Value {
        if let (true, Some(passphrase), Some(fields)) =
            (method == "account_create", &self.passphrase, params.as_object_mut())
            && fields.get("passphrase").is_none_or(Value::is_null)
        {
            fields.insert("passphrase".to_owned(), Value::String(passphrase.to_string()));
        }
        params
    }
}

/// The socket of the home, on which the command line talks to this program.
fn socket(dir: &std::path::Path) -> Result<madang_socket::Server, Error> {
    let path = madang_node::home::socket_path(dir).map_err(Error::from)?;
    madang_socket::Server::bind(&path).map_err(|error| Error::new(Code::Internal, error.to_string()))
}

fn tell_the_page(app: &AppHandle, session: &Session) {
    let (app, mut events) = (app.clone(), session.subscribe());
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            app.state::<Subscribers>().tell(&event);
        }
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn home(passphrase: Option<&str>) -> Home {
        let passphrase = passphrase.map(|text| Zeroizing::new(text.to_owned()));
        Home::new(PathBuf::from("/nowhere"), Config::default(), passphrase)
    }

    #[test]
    fn the_passphrase_of_the_start_locks_a_new_account_unless_another_was_typed() {
        let started = home(Some("of the start"));
        let made = |params| started.with_passphrase("account_create", params)["passphrase"].clone();
        assert_eq!(made(json!({ "name": "Alice" })), "of the start");
        assert_eq!(made(json!({ "name": "Alice", "passphrase": null })), "of the start");
        assert_eq!(made(json!({ "name": "Alice", "passphrase": "typed" })), "typed");
    }

    #[test]
    fn no_other_call_is_given_the_passphrase() {
        let params = json!({ "key": "ui.theme" });
        assert_eq!(home(Some("secret")).with_passphrase("setting_get", params.clone()), params);
        let create = json!({ "name": "Alice" });
        assert_eq!(home(None).with_passphrase("account_create", create.clone()), create);
    }
}
