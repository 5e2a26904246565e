//! The engine thread: the only writer. Each turn takes what has arrived, runs it through the core
//! inside one transaction, commits, and only then performs the effects.
//!
//! Invariants: nothing is sent, answered or announced before its commit; when a commit fails the
//! core is loaded anew from the store, so memory never runs ahead of the disk.

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
/// Longest sleep of an idle engine: so soon it notices that the machine has slept.
const IDLE: Duration = Duration::from_secs(3);
/// The wall clock has moved so much more than the monotonic one: the machine was asleep, and connections
/// that look alive are not.
const SLEPT_MS: u64 = 5_000;

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
            let start = self.turn(Vec::new(), vec![Input::Start]);
            if let Err(error) = start {
                tracing::error!(%error, "first turn failed");
            }
            let mut commands = Vec::with_capacity(COMMANDS_PER_TURN);
            let mut inputs = Vec::with_capacity(INPUTS_PER_TURN);
            loop {
                let sleep = self.sleep();
                tokio::select! {
                    biased;
                    () = self.stop.notified() => break,
                    n = self.commands.recv_many(&mut commands, COMMANDS_PER_TURN) => if n == 0 { break },
                    n = self.inputs.recv_many(&mut inputs, INPUTS_PER_TURN) => if n == 0 { break },
                    () = tokio::time::sleep(sleep) => {}
                }
                if self.has_slept() {
                    inputs.push(Input::Woke);
                }
                // What else is there already joins this turn: one commit for all of it.
                while commands.len() < COMMANDS_PER_TURN {
                    let Ok(command) = self.commands.try_recv() else { break };
                    commands.push(command);
                }
                while inputs.len() < INPUTS_PER_TURN {
                    let Ok(input) = self.inputs.try_recv() else { break };
                    inputs.push(input);
                }
                if let Err(error) = self.turn(std::mem::take(&mut commands), std::mem::take(&mut inputs)) {
                    tracing::error!(%error, "a turn was rolled back");
                }
            }
        });
        if let Err(error) = self.writer.checkpoint() {
            tracing::warn!(%error, "checkpoint at the end failed; the next start does it");
        }
    }

    fn has_slept(&mut self) -> bool {
        let now = Now { wall: self.clock.wall_ms(), mono: self.clock.mono_ms() };
        let before = std::mem::replace(&mut self.seen, now);
        let passed = now.mono.saturating_sub(before.mono);
        before != Now::default() && now.wall.saturating_sub(before.wall) > passed.saturating_add(SLEPT_MS)
    }

    fn sleep(&self) -> Duration {
        let now = self.clock.mono_ms();
        self.core.next_due().map_or(IDLE, |due| Duration::from_millis(due.saturating_sub(now)).min(IDLE))
    }

    /// One transaction. On failure every command of the turn is told why, the inputs count as never
    /// received (nobody was sent an acknowledgement), and the core starts again from the store.
    fn turn(&mut self, commands: Vec<Command>, inputs: Vec<Input>) -> Result<(), Error> {
        let now = Now { wall: self.clock.wall_ms(), mono: self.clock.mono_ms() };
        let mut fx = Effects::default();
        let result = run_turn(&mut self.writer, &mut self.core, now, commands, inputs, &mut fx);
        match result {
            Ok(()) => {
                self.network.perform(fx);
                Ok(())
            }
            Err(error) => {
                for answer in fx.answers {
                    answer(Some(error.clone()));
                }
                self.core.reload(self.writer.conn(), now)?;
                Err(error)
            }
        }
    }
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
    let tx = writer.begin()?;
    let mut turn = Turn::new(&tx, now);
    let outcome = core.run(&mut turn, commands, inputs);
    fx.append(turn.into_effects());
    outcome?;
    tx.commit()?;
    Ok(())
}
