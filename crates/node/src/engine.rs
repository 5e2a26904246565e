//! The engine thread: the only writer. Each turn takes what has arrived, runs it through the core
//! inside one transaction, commits, and only then performs the effects.
//!
//! Invariants: nothing is sent, answered or announced before its commit; after a turn that failed the node
//! is as after a start, so neither memory nor a stream runs ahead of the disk.

use std::{sync::Arc, time::Duration};

use madang_store::Writer;
use tokio::sync::{Notify, mpsc};

use crate::{
    clock::Clock,
    command::Command,
    core::Core,
    effect::Effects,
    error::Error,
    input::Input,
    network::Network,
    turn::{Now, Turn},
};

/// At most so many commands run in one turn, then the network has its pass: a burst of local sends
/// must not starve acknowledgements.
const COMMANDS_PER_TURN: usize = 64;
/// At most so many inputs of the network run in one turn, which bounds the length of a commit.
const INPUTS_PER_TURN: usize = 256;
/// What is told again anyway waits so long for a turn that runs for something else: a commit for acknowledgements alone
/// would only delay the next message.
const TOLD_AGAIN_WAIT: Duration = Duration::from_millis(1);
/// Longest sleep of an idle engine: so soon it notices that the machine has slept.
const IDLE: Duration = Duration::from_secs(3);
/// After a failed turn the engine rests so long, then twice as long, and so on: a full disk does not get
/// emptier by trying.
const REST: Duration = Duration::from_millis(50);
/// Longest rest after a failed turn.
const REST_MAX: Duration = Duration::from_secs(2);
/// The wall clock has moved so much more than the monotonic one: the machine was asleep, and connections
/// that look alive are not.
const SLEPT_MS: u64 = 5_000;
/// The wall clock was set back when it lags so far behind the monotonic one.
const SET_BACK_MS: u64 = 1_000;

/// What the engine thread owns.
pub(crate) struct Engine {
    pub(crate) writer: Writer,
    pub(crate) core: Core,
    pub(crate) network: Network,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) inputs: mpsc::Receiver<Input>,
    pub(crate) stop: Arc<Notify>,
    /// When the engine last looked at the clocks.
    pub(crate) seen: Now,
    /// Turns that failed, one after the other.
    pub(crate) failed: u32,
    /// The core has to be begun anew before it runs again.
    pub(crate) undone: bool,
}

impl Engine {
    /// Runs until stopped, then checkpoints the store and gives it back to be closed.
    pub(crate) fn run(mut self) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                tracing::error!(%error, "the engine has no runtime");
                return;
            }
        };
        runtime.block_on(async {
            if let Err(error) = self.turn(Vec::new(), vec![Input::Start]) {
                tracing::error!(%error, "first turn failed");
            }
            let mut commands = Vec::with_capacity(COMMANDS_PER_TURN);
            let mut inputs = Vec::with_capacity(INPUTS_PER_TURN);
            loop {
                tokio::select! {
                    biased;
                    () = self.stop.notified() => break,
                    () = tokio::time::sleep(self.rest()), if self.failed > 0 => {}
                    () = std::future::ready(()), if self.failed == 0 => {}
                }
                let sleep = self.sleep();
                tokio::select! {
                    biased;
                    () = self.stop.notified() => break,
                    n = self.commands.recv_many(&mut commands, COMMANDS_PER_TURN) => if n == 0 { break },
                    n = self.inputs.recv_many(&mut inputs, INPUTS_PER_TURN) => if n == 0 { break },
                    () = tokio::time::sleep(sleep) => {}
                }
                self.join(&mut commands, &mut inputs);
                if is_told_again(&commands, &inputs) {
                    self.wait_for_more(&mut commands, &mut inputs).await;
                }
                if let Err(error) = self.turn(std::mem::take(&mut commands), std::mem::take(&mut inputs)) {
                    tracing::error!(%error, "a turn was rolled back");
                }
            }
        });
        if let Err(error) = self.turn(Vec::new(), vec![Input::Stopping]) {
            tracing::warn!(%error, "the last turn failed; the next start does what it left");
        }
        if let Err(error) = self.writer.checkpoint() {
            tracing::warn!(%error, "checkpoint at the end failed; the next start does it");
        }
    }

    /// What else is there already joins this turn: one commit for all of it.
    fn join(&mut self, commands: &mut Vec<Command>, inputs: &mut Vec<Input>) {
        while commands.len() < COMMANDS_PER_TURN {
            let Ok(command) = self.commands.try_recv() else { break };
            commands.push(command);
        }
        while inputs.len() < INPUTS_PER_TURN {
            let Ok(input) = self.inputs.try_recv() else { break };
            inputs.push(input);
        }
    }

    /// Waits a moment for something that cannot wait.
    async fn wait_for_more(&mut self, commands: &mut Vec<Command>, inputs: &mut Vec<Input>) {
        let deadline = tokio::time::sleep(TOLD_AGAIN_WAIT);
        tokio::pin!(deadline);
        while is_told_again(commands, inputs) && inputs.len() < INPUTS_PER_TURN {
            tokio::select! {
                biased;
                () = &mut deadline => break,
                n = self.commands.recv_many(commands, COMMANDS_PER_TURN) => if n == 0 { break },
                n = self.inputs.recv_many(inputs, INPUTS_PER_TURN) => if n == 0 { break },
            }
        }
        self.join(commands, inputs);
    }

    fn rest(&self) -> Duration {
        REST.saturating_mul(1_u32.checked_shl(self.failed.saturating_sub(1)).unwrap_or(u32::MAX))
            .min(REST_MAX)
    }

    /// Compares the two clocks with what they showed at the last turn.
    fn clock_jump(&mut self, now: Now) -> Option<Input> {
        let before = std::mem::replace(&mut self.seen, now);
        if before == Now::default() {
            return None;
        }
        let expected = before.wall.saturating_add(now.mono.saturating_sub(before.mono));
        let ahead = now.wall.saturating_sub(expected);
        if ahead > SLEPT_MS {
            return Some(Input::Woke(ahead));
        }
        let back = expected.saturating_sub(now.wall);
        (back >= SET_BACK_MS).then_some(Input::SetBack(back))
    }

    fn sleep(&self) -> Duration {
        let now = self.clock.mono_ms();
        self.core.next_due().map_or(IDLE, |due| Duration::from_millis(due.saturating_sub(now)).min(IDLE))
    }

    /// One transaction. On failure every command of the turn is told why, the inputs count as never
    /// received (nobody was sent an acknowledgement), and the node begins anew from the store.
    fn turn(&mut self, commands: Vec<Command>, mut inputs: Vec<Input>) -> Result<(), Error> {
        let now = Now { wall: self.clock.wall_ms(), mono: self.clock.mono_ms() };
        inputs.extend(self.clock_jump(now));
        let begun = if self.undone { self.begin_anew(now) } else { Ok(()) };
        if let Err(error) = begun {
            commands.into_iter().for_each(|command| command.refuse(&error));
            self.failed = self.failed.saturating_add(1);
            return Err(error);
        }
        let mut fx = Effects::default();
        let result = run_turn(&mut self.writer, &mut self.core, now, commands, inputs, &mut fx);
        match result {
            Ok(()) => {
                self.failed = 0;
                self.network.perform(fx);
                Ok(())
            }
            Err(error) => {
                for answer in fx.answers {
                    answer(Some(error.clone()));
                }
                self.failed = self.failed.saturating_add(1);
                self.undone = true;
                Err(error)
            }
        }
    }

    /// What a start does, and every stream begun again: what the failed turn took from them was not kept.
    fn begin_anew(&mut self, now: Now) -> Result<(), Error> {
        self.core.forget_connections(self.writer.conn(), now)?;
        let mut fx = Effects::default();
        run_turn(&mut self.writer, &mut self.core, now, Vec::new(), vec![Input::Start], &mut fx)?;
        self.undone = false;
        self.network.perform(fx);
        self.network.begin_anew();
        Ok(())
    }
}

/// Whether a turn has nothing but what the network tells again.
fn is_told_again(commands: &[Command], inputs: &[Input]) -> bool {
    commands.is_empty() && !inputs.is_empty() && inputs.iter().all(Input::is_told_again)
}

/// Runs the core once inside one transaction and commits; `fx` is what is to be performed then.
pub(crate) fn run_turn(
    writer: &mut Writer,
    core: &mut Core,
    now: Now,
    commands: Vec<Command>,
    inputs: Vec<Input>,
    fx: &mut Effects,
) -> Result<(), Error> {
    let told_again = is_told_again(&commands, &inputs);
    let tx = if told_again { writer.begin_relaxed()? } else { writer.begin()? };
    let mut turn = Turn::new(&tx, now);
    let outcome = core.run(&mut turn, commands, inputs);
    fx.append(turn.into_effects());
    outcome?;
    tx.commit()?;
    if told_again && !fx.sends.is_empty() {
        // Whatever was said may rest on what was written.
        writer.sync()?;
    }
    Ok(())
}
