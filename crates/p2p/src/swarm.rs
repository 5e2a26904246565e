//! The task that owns the libp2p swarm.
//!
//! Owns: the select loop, and the dispatch of everything that may wake it.
//! Must not know: messages, rooms, friends.
//! Invariant: nothing is awaited here but the select itself; whoever may wait (stream readers, the askers of streams,
//! name look-ups) runs as a task of its own.

mod apply;
mod network;
#[cfg(test)]
mod tests;

use crate::{
    behaviour::Behaviour,
    config::{Config, Timing},
    contact::{Gate, KNOWN_EXCHANGES, STRANGER_EXCHANGES},
    error::StartError,
    event::{EVENTS, Event, Events},
    handle::{COMMANDS, Command, Handle, Shared},
    listen::{Listening, choose_ports},
    open::{Opens, Wanted},
    peers::Peers,
    relay_client::Plan,
    session::Notice,
    sessions::Sessions,
    transport::{self, Transports},
};
use futures::StreamExt as _;
use libp2p::{Multiaddr, PeerId, Swarm, TransportError, swarm::ConnectionId};
use std::{collections::BTreeMap, io, sync::Arc, time::Duration};
use tokio::{
    sync::{Semaphore, mpsc, oneshot, watch},
    task::{JoinHandle, JoinSet},
    time::Instant,
};

/// Notices of sessions that may wait; they come one or two per stream.
const NOTICES: usize = 256;
/// Requests of relay keepers and resolvers that may wait.
const REQUESTS: usize = 256;
/// Name look-ups at once; a peer above it is tried again later.
const LOOKUPS: usize = 32;
/// Time for sessions and keepers to send what is queued at shutdown.
const DRAIN: Duration = Duration::from_secs(1);
/// Time for the connections to close at shutdown.
const CLOSE: Duration = Duration::from_millis(500);

/// Addresses of a known peer with their names resolved.
#[derive(Debug)]
struct Resolved {
    peer: PeerId,
    addrs: Vec<Multiaddr>,
}

struct KeptRelay {
    plan: watch::Sender<Plan>,
    task: JoinHandle<()>,
}

/// State of the swarm task.
struct Task {
    swarm: Swarm<Behaviour>,
    transports: Transports,
    shared: Arc<Shared>,
    events: mpsc::Sender<Event>,
    commands: mpsc::Receiver<Command>,
    notices: mpsc::Receiver<Notice>,
    notify: mpsc::Sender<Notice>,
    requests: mpsc::Receiver<Wanted>,
    request: mpsc::Sender<Wanted>,
    resolved: mpsc::Receiver<Resolved>,
    resolve: mpsc::Sender<Resolved>,
    /// Look-ups and contact exchanges; they end with the swarm.
    errands: JoinSet<()>,
    lookups: Arc<Semaphore>,
    exchanges_stranger: Arc<Semaphore>,
    exchanges_known: Arc<Semaphore>,
    gate: Gate,
    linking: bool,
    listening: Listening,
    peers: Peers,
    sessions: Sessions,
    opens: Opens,
    relays: BTreeMap<PeerId, KeptRelay>,
    /// Dials under way for known peers.
    dials: BTreeMap<ConnectionId, PeerId>,
}

/// Starts a swarm. It runs until [`Handle::shutdown`], or until the handle with all its clones or the events are
/// dropped. Must be called inside a tokio runtime.
///
/// # Errors
/// [`StartError`]; a port asked for by its number must be free. When otherwise only some of the listen addresses fail, the swarm starts with the others.
pub async fn spawn(config: Config) -> Result<(Handle, Events), StartError> {
    spawn_timed(config, Timing::default())
}

pub(crate) fn spawn_timed(config: Config, timing: Timing) -> Result<(Handle, Events), StartError> {
    let (task, handle, events) = build(config, timing)?;
    tokio::spawn(task.run());
    Ok((handle, events))
}

fn build(mut config: Config, timing: Timing) -> Result<(Task, Handle, Events), StartError> {
    let transports = config.transports();
    let keypair = transport::keypair(&mut config.secret)?;
    let local = keypair.public().to_peer_id();
    let mut swarm = Swarm::new(
        transport::transport(&keypair, transports)?,
        Behaviour::new(&config, &keypair)?,
        local,
        transport::swarm_config().with_idle_connection_timeout(timing.idle),
    );
    for address in config.listen.iter().filter(|address| transports.carry(address)) {
        transport::unshared(address)
            .map_err(|source| StartError::InUse { address: address.clone(), source })?;
    }
    let chosen = choose_ports(&config.listen, config.port, transports);
    let mut listening = Listening::new(local, chosen, Instant::now());
    listen_first(&mut swarm, &mut listening)?;

    let shared = Arc::new(Shared::new(local, config.hello.clone()));
    let (events, receiver) = mpsc::channel(EVENTS);
    let (sender, commands) = mpsc::channel(COMMANDS);
    let (notify, notices) = mpsc::channel(NOTICES);
    let (request, requests) = mpsc::channel(REQUESTS);
    let (resolve, resolved) = mpsc::channel(LOOKUPS);
    let task = Task {
        swarm,
        transports,
        shared: Arc::clone(&shared),
        events,
        commands,
        notices,
        notify,
        requests,
        request,
        resolved,
        resolve,
        errands: JoinSet::new(),
        lookups: Arc::new(Semaphore::new(LOOKUPS)),
        exchanges_stranger: Arc::new(Semaphore::new(STRANGER_EXCHANGES)),
        exchanges_known: Arc::new(Semaphore::new(KNOWN_EXCHANGES)),
        gate: Gate::default(),
        linking: false,
        listening,
        peers: Peers::new(local),
        sessions: Sessions::new(local, timing.grace, timing.settled),
        opens: Opens::default(),
        relays: BTreeMap::new(),
        dials: BTreeMap::new(),
    };
    Ok((task, Handle { shared, commands: sender }, receiver))
}

/// Listens for the first time: when no address at all can be listened on, that is an error of the start.
fn listen_first(swarm: &mut Swarm<Behaviour>, listening: &mut Listening) -> Result<(), StartError> {
    let now = Instant::now();
    let addrs = listening.take_due(now);
    let mut failures = Vec::new();
    for address in &addrs {
        if let Err(error) = listen(swarm, listening, address, now) {
            let reason = transport::refusal(&error);
            tracing::warn!(%address, reason, "cannot listen");
            failures.push(StartError::Listen { address: address.clone(), reason });
        }
    }
    if failures.len() < addrs.len() {
        return Ok(());
    }
    failures.into_iter().next().map_or(Ok(()), Err)
}

fn listen(
    swarm: &mut Swarm<Behaviour>,
    listening: &mut Listening,
    addr: &Multiaddr,
    now: Instant,
) -> Result<(), TransportError<io::Error>> {
    match swarm.listen_on(addr.clone()) {
        Ok(listener) => {
            listening.opened(addr, listener);
            Ok(())
        }
        Err(error) => {
            listening.failed(addr, now);
            Err(error)
        }
    }
}

impl Task {
    async fn run(mut self) {
        let done = self.serve().await;
        self.close().await;
        if done.is_some_and(|done| done.send(()).is_err()) {
            tracing::trace!("nobody waited for the shutdown");
        }
    }

    /// Runs until shutdown; returns who waits for it.
    async fn serve(&mut self) -> Option<oneshot::Sender<()>> {
        loop {
            let due = self.next_due();
            tokio::select! {
                () = self.shared.wake.notified() => self.apply_intent(),
                command = self.commands.recv() => match command {
                    Some(Command::Shutdown(done)) => return Some(done),
                    Some(command) => self.on_command(command),
                    None => return None,
                },
                Some(notice) = self.notices.recv() => self.on_notice(notice),
                Some(wanted) = self.requests.recv() => self.open(wanted),
                Some(resolved) = self.resolved.recv() => self.dial(resolved.peer, resolved.addrs),
                Some(errand) = self.errands.join_next() => {
                    if let Err(error) = errand {
                        tracing::warn!(%error, "an errand panicked");
                    }
                }
                () = until(due) => self.on_time(),
                () = self.events.closed() => return None,
                event = self.swarm.select_next_some() => self.on_swarm(event),
            }
        }
    }

    fn next_due(&self) -> Option<Instant> {
        [self.peers.next_due(), self.sessions.next_due(), self.listening.next_due()]
            .into_iter()
            .flatten()
            .min()
    }

    fn on_time(&mut self) {
        let now = Instant::now();
        for peer in self.peers.take_due(now) {
            self.start_dial(peer);
        }
        for peer in self.sessions.take_due(now) {
            self.open_session(peer);
        }
        for addr in self.listening.take_due(now) {
            if let Err(error) = listen(&mut self.swarm, &mut self.listening, &addr, now) {
                tracing::debug!(%addr, %error, "cannot listen yet");
            }
        }
        if let Some(addrs) = self.listening.take_report(now)
            && self.events.try_send(Event::Listening { addrs }).is_err()
        {
            self.listening.changed(now);
        }
    }

    /// Sends an event that the owner can do without.
    fn offer(&self, event: Event) {
        if self.events.try_send(event).is_err() {
            self.shared.counters.event_dropped();
        }
    }

    /// Ends sessions and keepers in good order, then the connections.
    async fn close(mut self) {
        let mut tasks = self.sessions.stop_all();
        // Dropping the sender of the plan ends a keeper.
        tasks.extend(std::mem::take(&mut self.relays).into_values().map(|relay| relay.task));
        self.errands.abort_all();
        let aborts: Vec<_> = tasks.iter().map(JoinHandle::abort_handle).collect();
        // Sessions report their end; nobody reads it any more.
        self.notices.close();
        let ended = futures::future::join_all(tasks);
        let drained = self.drive(DRAIN, ended).await;
        if !drained {
            tracing::debug!("some streams were not drained in time");
        }
        aborts.iter().for_each(tokio::task::AbortHandle::abort);
        for peer in self.swarm.connected_peers().copied().collect::<Vec<_>>() {
            if self.swarm.disconnect_peer_id(peer).is_err() {
                tracing::trace!(%peer, "was disconnected already");
            }
        }
        let deadline = tokio::time::sleep(CLOSE);
        tokio::pin!(deadline);
        while self.swarm.network_info().num_peers() > 0 {
            tokio::select! {
                () = &mut deadline => break,
                _ = self.swarm.select_next_some() => {}
            }
        }
        self.shared.peers().clear();
        self.shared.relays().clear();
    }

    /// Keeps the swarm going until `end` resolves; returns whether it did in time.
    async fn drive<T>(&mut self, time: Duration, end: impl Future<Output = T>) -> bool {
        let deadline = tokio::time::sleep(time);
        tokio::pin!(deadline, end);
        loop {
            tokio::select! {
                _ = &mut end => return true,
                () = &mut deadline => return false,
                _ = self.swarm.select_next_some() => {}
            }
        }
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
