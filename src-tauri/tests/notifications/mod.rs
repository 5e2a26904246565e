//! A notification server on the session bus of the test, which keeps what it is shown and clicks on demand.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context as _, Result};
use madang_testkit::{Screen, wait_until};
use tokio::runtime::Runtime;
use zbus::{Connection, OwnedVariant, connection, interface, object_server::SignalEmitter};

const PATH: &str = "/org/freedesktop/Notifications";
const NAME: &str = "org.freedesktop.Notifications";
const PATIENCE: Duration = Duration::from_secs(30);

/// What was asked to be shown.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    /// Number by which it is clicked and closed.
    pub(crate) id: u32,
    /// First line.
    pub(crate) summary: String,
    /// Text.
    pub(crate) body: String,
    /// Names of actions, each followed by its label.
    pub(crate) actions: Vec<String>,
}

type Kept = Arc<Mutex<BTreeMap<u32, Shown>>>;
/// Every text that was ever shown, in order.
type Heard = Arc<Mutex<Vec<String>>>;

struct Interface {
    kept: Kept,
    heard: Heard,
    last: u32,
}

#[interface(name = "org.freedesktop.Notifications")]
impl Interface {
    #[allow(clippy::too_many_arguments, reason = "the parameters that the specification names")]
    async fn notify(
        &mut self,
        _app_name: String,
        replaces: u32,
        _app_icon: String,
        summary: String,
        body: String,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedVariant>,
        _expire_timeout: i32,
    ) -> u32 {
        let id = if replaces == 0 { self.last + 1 } else { replaces };
        self.last = self.last.max(id);
        self.heard.lock().unwrap().push(body.clone());
        self.kept.lock().unwrap().insert(id, Shown { id, summary, body, actions });
        id
    }

    async fn close_notification(
        &mut self,
        id: u32,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> zbus::fdo::Result<()> {
        self.kept.lock().unwrap().remove(&id);
        // 3: closed by a call.
        Ok(Self::notification_closed(&emitter, id, 3).await?)
    }

    async fn get_capabilities(&self) -> Vec<String> {
        ["actions", "body", "body-markup"].map(str::to_owned).to_vec()
    }

    async fn get_server_information(&self) -> (String, String, String, String) {
        ("test".to_owned(), "Madang".to_owned(), "1".to_owned(), "1.2".to_owned())
    }

    #[zbus(signal)]
    async fn action_invoked(emitter: &SignalEmitter<'_>, id: u32, action: &str) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn notification_closed(emitter: &SignalEmitter<'_>, id: u32, reason: u32) -> zbus::Result<()>;
}

/// The server.
pub(crate) struct Notifications {
    runtime: Runtime,
    connection: Connection,
    kept: Kept,
    heard: Heard,
}

impl Notifications {
    /// Starts it on the bus of `screen`.
    pub(crate) fn start(screen: &Screen) -> Result<Self> {
        let runtime = Runtime::new()?;
        let kept = Kept::default();
        let heard = Heard::default();
        let interface = Interface { kept: Arc::clone(&kept), heard: Arc::clone(&heard), last: 0 };
        let connection = runtime.block_on(async {
            connection::Builder::address(screen.bus()).name(NAME).serve_at(PATH, interface).build().await
        })?;
        Ok(Self { runtime, connection, kept, heard })
    }

    /// Waits for one that carries this text.
    pub(crate) fn wait(&self, body: &str) -> Result<Shown> {
        let wanted = || self.kept.lock().unwrap().values().find(|shown| shown.body == body).cloned();
        wait_until(&format!("a notification says {body:?}"), PATIENCE, || Ok(wanted()))
            .with_context(|| format!("shown: {:?}", self.all()))
    }

    /// Every text that was ever shown.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// Everything that is shown now.
    pub(crate) fn all(&self) -> Vec<Shown> {
        self.kept.lock().unwrap().values().cloned().collect()
    }

    /// Clicks one: the server tells so and takes it away.
    pub(crate) fn click(&self, shown: &Shown) -> Result<()> {
        self.kept.lock().unwrap().remove(&shown.id);
        self.runtime.block_on(async {
            let emitter = SignalEmitter::new(&self.connection, PATH)?;
            Interface::action_invoked(&emitter, shown.id, "default").await?;
            Interface::notification_closed(&emitter, shown.id, 2).await?;
            anyhow::Ok(())
        })
    }
}
