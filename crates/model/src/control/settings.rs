//! Settings of a conversation: title, relays, policies, timer.
//!
//! Owns which of several changes counts (protocol section 5.2 rule 7). Must not know members. Invariant: kind and
//! history policy are those of the genesis for ever.

use crate::bits::Bits;

use super::fold::latest;
use super::log::{ControlLog, Conversation};
use super::op::{Change, ControlOp, History, JoinRule, Policy, Role, RoomKind};

/// The newest link generation of an open room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// Counts link generations.
    pub generation: u32,
    /// Where the greeting record is.
    pub greet_id: Vec<u8>,
    /// Addresses of greeters.
    pub greeters: Vec<String>,
}

/// Settings of a conversation as a view defines them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Group or open room; none for 1:1 and self.
    pub kind: Option<RoomKind>,
    /// Title, empty for none.
    pub title: String,
    /// Encoded picture reference, empty for none.
    pub picture: Vec<u8>,
    /// Relays named by the log.
    pub relays: Vec<String>,
    /// What newcomers may read. `All` in 1:1 and self.
    pub history: History,
    /// Rules for joining and writing.
    pub policy: Policy,
    /// Lifetime of new messages in seconds, 0 for none.
    pub timer_s: u32,
    /// The newest link generation.
    pub greeting: Option<Greeting>,
}

impl Settings {
    /// Settings before the first op: those of 1:1 and self, and of a room whose genesis is not here yet.
    fn first(conversation: Conversation) -> Self {
        let policy = Policy {
            join: JoinRule::Invite,
            slow_mode_s: 0,
            member_limit: 0,
            direct: true,
            basic_profile_only: false,
        };
        let history = if conversation == Conversation::Room { History::None } else { History::All };
        Self {
            kind: None,
            title: String::new(),
            picture: Vec::new(),
            relays: Vec::new(),
            history,
            policy,
            timer_s: 0,
            greeting: None,
        }
    }

    pub(super) fn read(log: &ControlLog, live: &Bits) -> Self {
        let mut out = Self::first(log.conversation());
        // One list per kind of change; the position is that of `slot`.
        let mut lists: [Vec<(usize, Role)>; 5] = Default::default();
        for (index, node) in log.dag.sorted(live) {
            let Some(author) = log.facts(index).and_then(|facts| facts.author) else { continue };
            if let Change::Genesis(_) = &node.op.change {
                out.apply(&node.op);
            }
            if let Some(list) = slot(&node.op.change).and_then(|at| lists.get_mut(at)) {
                list.push((index, author.role));
            }
        }
        for winner in lists.iter().filter_map(|list| latest(log, list)) {
            if let Some(op) = log.dag.op(winner) {
                out.apply(op);
            }
        }
        out
    }

    fn apply(&mut self, op: &ControlOp) {
        match &op.change {
            Change::Genesis(genesis) => {
                self.kind = Some(genesis.kind);
                self.title.clone_from(&genesis.title);
                self.relays.clone_from(&genesis.relays);
                self.history = genesis.history;
                self.policy.join = genesis.join;
                self.policy.direct = genesis.direct;
                self.policy.member_limit = genesis.member_limit;
            }
            Change::Title { title, picture } => {
                self.title.clone_from(title);
                self.picture.clone_from(picture);
            }
            Change::Relays(relays) => self.relays.clone_from(relays),
            Change::Policy(policy) => self.policy = policy.clone(),
            Change::Greet { generation, greet_id, greeters } => {
                self.greeting = Some(Greeting {
                    generation: *generation,
                    greet_id: greet_id.clone(),
                    greeters: greeters.clone(),
                });
            }
            Change::Timer { ttl_s } => self.timer_s = *ttl_s,
            _ => {}
        }
    }
}

fn slot(change: &Change) -> Option<usize> {
    match change {
        Change::Title { .. } => Some(0),
        Change::Relays(_) => Some(1),
        Change::Policy(_) => Some(2),
        Change::Greet { .. } => Some(3),
        Change::Timer { .. } => Some(4),
        _ => None,
    }
}
