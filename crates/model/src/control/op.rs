//! Control ops.
//!
//! Owns their typed bodies. Must not know encodings or signatures: the signature of a Join and the ops inside
//! mirrors were verified before. Invariant: `ctl_deps` names all control heads of the author's view, so that the
//! control log is closed by itself.

use crate::account::AccountOp;
use crate::hlc::Hlc;
use crate::ids::{AccountId, ConvId, DeviceId, OpId};
use crate::limits::{ADD_ENTRIES_MAX, CTL_DEPS_MAX, CUTS_MAX, RELAYS_MAX};
use crate::op::Op;

/// Role of a member. Greater values are stronger: `Owner > Admin > Moderator > Member > Reader`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads only.
    Reader,
    /// Writes.
    Member,
    /// Removes, purges and pins.
    Moderator,
    /// Adds, grants roles, changes settings.
    Admin,
    /// The one who cannot be removed.
    Owner,
}

impl Role {
    /// The number in an op: 1 owner, 2 admin, 3 moderator, 4 member, 5 reader.
    pub const fn number(self) -> u32 {
        match self {
            Role::Owner => 1,
            Role::Admin => 2,
            Role::Moderator => 3,
            Role::Member => 4,
            Role::Reader => 5,
        }
    }

    /// The role with this number.
    pub const fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Role::Owner),
            2 => Some(Role::Admin),
            3 => Some(Role::Moderator),
            4 => Some(Role::Member),
            5 => Some(Role::Reader),
            _ => None,
        }
    }

    /// Whether this role may write content (protocol section 5.2 rule 2).
    pub fn may_write(self) -> bool {
        self > Role::Reader
    }

    /// Whether this role may remove people, purge messages and pin them.
    pub fn may_moderate(self) -> bool {
        self >= Role::Moderator
    }

    /// Whether this role may add people, grant roles and change settings.
    pub fn may_administer(self) -> bool {
        self >= Role::Admin
    }
}

/// Group or open room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RoomKind {
    /// Members are added by people who hold their account logs.
    Group,
    /// People join by a link.
    Open,
}

/// What newcomers may read (protocol section 3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum History {
    /// Everything.
    All,
    /// What is younger than the Add by at most this many days.
    Days(u32),
    /// What was written after the Add.
    Now,
    /// As `Now`, and a device restored from the phrase only what came after itself.
    None,
}

/// How people become members of an open room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JoinRule {
    /// Only by being added.
    Invite,
    /// A Join is a knock until an admin adds.
    Approve,
    /// A Join is effective at once.
    Open,
}

/// First op of a group or open room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genesis {
    /// Group or open room.
    pub kind: RoomKind,
    /// Suite of algorithms.
    pub suite: u32,
    /// The owner.
    pub owner: AccountId,
    /// Heads of the owner's account log.
    pub owner_heads: Vec<OpId>,
    /// Title, at most 60 characters.
    pub title: String,
    /// History policy, fixed for ever.
    pub history: History,
    /// Whether members dial each other directly.
    pub direct: bool,
    /// Relays, at most 3.
    pub relays: Vec<String>,
    /// How people join.
    pub join: JoinRule,
    /// Most members; 0 for no limit.
    pub member_limit: u32,
}

/// A person to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The person.
    pub account: AccountId,
    /// The role given.
    pub role: Role,
    /// Heads of the person's account log as the adder knows it.
    pub account_heads: Vec<OpId>,
}

/// Last number of a device that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The device.
    pub device: DeviceId,
    /// Its last number the remover has seen.
    pub seq: u64,
}

/// Rules for joining and writing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How people join.
    pub join: JoinRule,
    /// Least time between two messages of a person, seconds; 0 for none.
    pub slow_mode_s: u32,
    /// Most members; 0 for no limit.
    pub member_limit: u32,
    /// Whether members dial each other directly.
    pub direct: bool,
    /// Whether cards show only name and photo.
    pub basic_profile_only: bool,
}

/// What a control op changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// First op of a group or open room.
    Genesis(Genesis),
    /// Adds members, at most 750 at once.
    AddMany(Vec<Entry>),
    /// Removes a member.
    Remove {
        /// The person.
        account: AccountId,
        /// For each of his devices the last number that counts; 0 for devices not named.
        cuts: Vec<Cut>,
    },
    /// Mirror of an op of an account log that adds a device (protocol section 5.3).
    DeviceAdded(AccountOp),
    /// Mirror of an op of an account log that removes devices.
    DeviceRemoved(AccountOp),
    /// Changes a role.
    Role {
        /// The person.
        account: AccountId,
        /// The new role.
        role: Role,
    },
    /// Hands the ownership over; the old owner becomes admin.
    Transfer {
        /// The new owner.
        account: AccountId,
    },
    /// The author's account leaves.
    Leave {
        /// Without a line in the room.
        quiet: bool,
    },
    /// Title and picture.
    Title {
        /// The title, at most 60 characters.
        title: String,
        /// Encoded picture reference, may be empty.
        picture: Vec<u8>,
    },
    /// Relays of the conversation.
    Relays(Vec<String>),
    /// The author's account joins an open room; the signature by the join key was verified.
    Join(Entry),
    /// Rules for joining and writing.
    Policy(Policy),
    /// New link generation of an open room.
    Greet {
        /// Counts link generations.
        generation: u32,
        /// Where the greeting record is.
        greet_id: Vec<u8>,
        /// Addresses of greeters.
        greeters: Vec<String>,
    },
    /// Lifetime of new messages in seconds, 0 for none.
    Timer {
        /// Seconds.
        ttl_s: u32,
    },
    /// A change this version does not know: kept and without effect.
    Unknown,
}

/// The body of a control op.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// All control heads of the author's view, at most 64.
    pub ctl_deps: Vec<OpId>,
    /// What changes.
    pub change: Change,
}

impl Control {
    /// Checks the counts of protocol section 5.1.
    pub fn check(&self) -> Result<(), ControlError> {
        let bounded = |found: usize, max: usize| found <= max;
        let ok = bounded(self.ctl_deps.len(), CTL_DEPS_MAX)
            && match &self.change {
                Change::AddMany(entries) => bounded(entries.len(), ADD_ENTRIES_MAX),
                Change::Remove { cuts, .. } => bounded(cuts.len(), CUTS_MAX),
                Change::Relays(relays) => bounded(relays.len(), RELAYS_MAX),
                Change::Genesis(genesis) => bounded(genesis.relays.len(), RELAYS_MAX),
                _ => true,
            };
        if ok { Ok(()) } else { Err(ControlError::TooMany) }
    }
}

/// Why a control body is refused before it reaches the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// A list is longer than the protocol allows.
    #[error("a list of the control op is too long")]
    TooMany,
}

/// A control op, reduced to what the rules need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlOp {
    /// Id of the op.
    pub id: OpId,
    /// The conversation; for a genesis the id of the op itself.
    pub conv: ConvId,
    /// Device that signed it.
    pub author: DeviceId,
    /// Number in the author's log of this conversation.
    pub seq: u64,
    /// Timestamp.
    pub hlc: Hlc,
    /// All control heads of the author's view.
    pub ctl_deps: Vec<OpId>,
    /// What it changes.
    pub change: Change,
}

impl ControlOp {
    /// Reads a control op from a verified op; none if its body is of another kind.
    pub fn from_op(op: &Op) -> Option<Self> {
        let control = op.control()?;
        Some(Self {
            id: op.id,
            conv: match control.change {
                Change::Genesis(_) => ConvId::from_bytes(op.id.to_bytes()),
                _ => op.header.conv,
            },
            author: op.header.author,
            seq: op.header.seq,
            hlc: op.header.hlc,
            ctl_deps: control.ctl_deps.clone(),
            change: control.change.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_ordered_by_strength_and_numbered_as_on_the_wire() {
        let all = [Role::Reader, Role::Member, Role::Moderator, Role::Admin, Role::Owner];
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        for role in all {
            assert_eq!(Role::from_number(role.number()), Some(role));
        }
        assert_eq!(Role::from_number(0), None);
        assert_eq!(Role::from_number(6), None);
    }

    #[test]
    fn rights_follow_the_roles() {
        assert!(!Role::Reader.may_write() && Role::Member.may_write());
        assert!(!Role::Member.may_moderate() && Role::Moderator.may_moderate());
        assert!(!Role::Moderator.may_administer() && Role::Admin.may_administer());
    }
}
