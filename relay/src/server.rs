//! The relay as a whole: start, ready, drain, end.
//!
//! Owns the order of these. It must not know what a frame or a flag is. Invariant: the ready line is printed when
//! clients are served, and after the last answer the database is closed in order.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use ed25519_dalek::SigningKey;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use crate::clock::Clock;
use crate::config::Config;
use crate::data_dir::{DataDir, Running};
use crate::drain;
use crate::failure::Failure;
use crate::http::{self, Site};
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::peers::Peers;
use crate::state::State;
use crate::storage::{self, Access, SqliteStorage, StorageThread};
use crate::swarm;
use crate::terms::{InForce, Terms};
use crate::trace::Trace;
use crate::writer::WriterKey;

/// Time the database has to finish and close at the end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Time the web server has to answer what was asked.
const WEB_TIMEOUT: Duration = Duration::from_millis(500);

/// Rows deleted in one call of a sweep, so that deposits get their turn in between.
const SWEEP_ROWS: u32 = 1_000;

/// What is not in the configuration.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Knocks need no proof of work.
    pub dev: bool,
    /// Decoded frames are written to this file.
    pub trace_frames: Option<PathBuf>,
}

/// Where a relay that is ready is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Multiaddress for clients, with the peer id.
    pub addr: String,
    /// Address and port of the web server.
    pub http: String,
}

/// Runs a relay until `shutdown` completes, then drains it. `ready` is called when clients are served; what comes by
/// `reloads` is put in force as far as it can be while the relay runs.
///
/// # Errors
/// When it cannot start: data directory in use, address not free, database of a newer relay.
pub async fn run(
    config: Config,
    options: Options,
    clock: Clock,
    ready: impl FnOnce(&Ready) -> std::io::Result<()>,
    reloads: mpsc::Receiver<Config>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let mut data = DataDir::open(&config.storage.data)?;
    let mut secret = data.key(&config.network.key_file)?;
    let (state, thread) = start_storage(&config, &options, clock, &data, &secret)?;
    let listening = listen(&config, &mut secret).await;
    drop(secret);
    let ended = match listening {
        Ok(listening) => serve(config, &mut data, state, listening, ready, reloads, shutdown).await,
        Err(failure) => {
            drop(state);
            Err(failure)
        }
    };
    close(thread).await;
    // Only now may another relay take the directory.
    drop(data);
    tracing::info!("ended");
    ended
}

/// Takes the addresses for clients and for the web server.
async fn listen(config: &Config, secret: &mut [u8; 32]) -> Result<(swarm::Listening, TcpListener), Failure> {
    let clients = swarm::listen(secret, &config.network).await?;
    let address = config.http.listen;
    let web = TcpListener::bind(address).await.map_err(|source| Failure::Web { address, source })?;
    Ok((clients, web))
}

/// Serves until `shutdown` completes and everyone has the last answer.
async fn serve(
    config: Config,
    data: &mut DataDir,
    state: Arc<State>,
    (listening, web): (swarm::Listening, TcpListener),
    ready: impl FnOnce(&Ready) -> std::io::Result<()>,
    reloads: mpsc::Receiver<Config>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let address = config.http.listen;
    let http = web.local_addr().map_err(|source| Failure::Web { address, source })?.to_string();
    let told = Ready { addr: listening.addr.to_string(), http };
    let peers = Arc::new(Peers::default());
    let (drain, draining) = watch::channel(false);
    let (close_web, closing) = watch::channel(false);
    let site = Site {
        state: Arc::clone(&state),
        peers: Arc::clone(&peers),
        operator: config.http.operator.clone(),
        addr: told.addr.clone(),
    };
    // Both addresses take connections already. What may still fail comes before the tasks, which would hold the database.
    data.announce(&Running {
        pid: std::process::id(),
        http: Some(told.http.clone()),
        addr: Some(told.addr.clone()),
    })?;
    tracing::info!(addr = %told.addr, http = %told.http, "ready");
    ready(&told).map_err(Failure::Output)?;
    let mut web = tokio::spawn(http::serve(web, site, closing));
    let sweeping = tokio::spawn(sweep(Arc::clone(&state), config.storage.sweep_s, draining.clone()));
    let reloading = tokio::spawn(reload(Arc::clone(&state), config, reloads));
    let serving = tokio::spawn(listening.serve(Arc::clone(&state), peers, draining));
    notify(sd_notify::NotifyState::Ready);

    shutdown.await;
    tracing::info!("draining");
    notify(sd_notify::NotifyState::Stopping);
    state.draining.store(true, Ordering::SeqCst);
    drain.send_replace(true);
    serving.await.context("The swarm ended by a panic")?;
    sweeping.await.context("The sweep ended by a panic")?;
    // The web server goes last: until here it says that the relay is draining.
    close_web.send_replace(true);
    if timeout(WEB_TIMEOUT, &mut web).await.is_err() {
        web.abort();
    }
    reloading.abort();
    if reloading.await.is_err_and(|ended| ended.is_panic()) {
        tracing::error!("the task that reloads the configuration ended by a panic");
    }
    Ok(())
}

fn start_storage(
    config: &Config,
    options: &Options,
    clock: Clock,
    data: &DataDir,
    secret: &[u8; 32],
) -> Result<(Arc<State>, StorageThread), Failure> {
    let path = data.database();
    let database = SqliteStorage::open(&path, config.storage.max_bytes)
        .map_err(|source| Failure::Storage { path, source })?;
    let metrics = Arc::new(Metrics::new());
    let batch = metrics.batch();
    let in_force = InForce::new(Terms::new(config, None)?);
    let trace = options
        .trace_frames
        .as_deref()
        .map(|path| Trace::create(path).map_err(|source| Failure::Trace { path: path.to_owned(), source }))
        .transpose()?;
    let (handle, thread) = storage::spawn(Box::new(database), move |calls| {
        batch.observe(f64::from(u32::try_from(calls).unwrap_or(u32::MAX)));
    })
    .context("Cannot start the storage thread")?;
    let state = State {
        in_force,
        relay_key: SigningKey::from_bytes(secret).verifying_key().to_bytes(),
        writer_key: WriterKey::derive(secret),
        storage: handle,
        hub: Hub::default(),
        metrics,
        clock,
        trace,
        dev: options.dev,
        draining: AtomicBool::new(false),
    };
    Ok((Arc::new(state), thread))
}

/// Puts what the operator has changed in force, again and again. The addresses, the data and the format of the log stay
/// until a restart.
async fn reload(state: Arc<State>, mut running: Config, mut reloads: mpsc::Receiver<Config>) {
    while let Some(config) = reloads.recv().await {
        if let Err(error) = state.in_force.replace(&config) {
            tracing::error!(%error, "the configuration was not reloaded");
            continue;
        }
        let later = [
            ("network", config.network != running.network),
            ("http", config.http != running.http),
            ("storage", config.storage != running.storage),
            ("log.json", config.log.json != running.log.json),
        ];
        for (name, _) in later.into_iter().filter(|(_, changed)| *changed) {
            tracing::warn!(name, "this change of the configuration needs a restart");
        }
        (running.limits, running.access, running.rates) = (config.limits, config.access, config.rates);
        tracing::info!("the configuration was reloaded");
    }
}

/// Deletes what has expired, again and again.
async fn sweep(state: Arc<State>, every_s: u32, mut draining: watch::Receiver<bool>) {
    let pause = Duration::from_secs(every_s.into());
    loop {
        if let Err(error) = sweep_once(&state).await {
            tracing::error!(%error, "the sweep failed and is tried again later");
        }
        tokio::select! {
            () = sleep(pause) => {}
            () = drain::requested(&mut draining) => return,
        }
    }
}

async fn sweep_once(state: &State) -> Result<(), storage::StorageError> {
    loop {
        let now = state.clock.now();
        let swept = state.storage.call(Access::Write, move |storage| storage.sweep(now, SWEEP_ROWS)).await?;
        state.metrics.swept(&swept);
        let most = swept.items.max(swept.discarded);
        if most < u64::from(SWEEP_ROWS) || state.is_draining() {
            break;
        }
    }
    // Dropped and expired bodies must leave the write-ahead log too.
    state.storage.call(Access::Apart, |storage| storage.checkpoint()).await?;
    let counts = state.storage.call(Access::Read, |storage| storage.counts()).await?;
    state.metrics.counts(&counts);
    state.terms().rates.forget_idle();
    Ok(())
}

async fn close(thread: StorageThread) {
    let closing = tokio::task::spawn_blocking(move || thread.join());
    if timeout(CLOSE_TIMEOUT, closing).await.is_err() {
        tracing::warn!("the database was not closed in time; nothing acknowledged is lost");
    }
}

/// Tells systemd; without it this does nothing.
fn notify(state: sd_notify::NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "systemd could not be told");
    }
}
