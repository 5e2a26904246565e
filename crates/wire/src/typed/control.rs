//! Bodies of control ops.
//!
//! Owns their translation. Invariant: a mirror or a join stands in the typed value only if the
//! caller accepted its proof.

use super::{TypedError, bytes, id, ids, read};
use crate::shape::{Field, Shape};
use crate::{self as wire, Bounded, ControlBody, SignedOp, limits};
use madang_model::control::{Change, Control, Cut, Entry, Genesis, History, JoinRule, Policy, RoomKind};
use madang_model::{AccountOp, Kind, Role};
use prost::Message;

/// The only suite of algorithms so far: a room of another one is not entered, nothing in it would be understood.
const SUITE: u32 = 1;

/// Reads the content of a control op.
///
/// `mirrored` verifies a signed account op and returns it typed. A `Join` is proven by the join key
/// of an open room, which `joined` checks.
///
/// # Errors
/// [`TypedError`]; [`TypedError::Kind`] if the body is not of the kind in the header.
pub fn read_control(
    kind: Kind,
    content: &[u8],
    mirrored: impl Fn(&SignedOp) -> Option<AccountOp>,
    joined: impl Fn(&wire::Join) -> bool,
) -> Result<Control, TypedError> {
    let body: wire::Control = read(content)?;
    let proof = |op: Option<SignedOp>| {
        mirrored(&op.ok_or(TypedError::Missing("account_op"))?).ok_or(TypedError::Proof)
    };
    let change = match body.body.ok_or(TypedError::Missing("body"))? {
        ControlBody::Genesis(genesis) => Change::Genesis(read_genesis(genesis)?),
        ControlBody::Add(add) => {
            Change::AddMany(add.entries.iter().map(Entry::try_from).collect::<Result<_, _>>()?)
        }
        ControlBody::Remove(remove) => Change::Remove {
            account: id(&remove.account)?,
            cuts: remove.cuts.iter().map(Cut::try_from).collect::<Result<_, _>>()?,
        },
        ControlBody::DeviceAdded(mirror) => Change::DeviceAdded(proof(mirror.account_op)?),
        ControlBody::DeviceRemoved(mirror) => Change::DeviceRemoved(proof(mirror.account_op)?),
        ControlBody::Role(grant) => Change::Role { account: id(&grant.account)?, role: role(grant.role)? },
        ControlBody::Transfer(transfer) => Change::Transfer { account: id(&transfer.account)? },
        ControlBody::Leave(leave) => Change::Leave { quiet: leave.quiet },
        ControlBody::Title(title) => Change::Title { title: title.title, picture: title.picture },
        ControlBody::Relays(relays) => Change::Relays(relays.relays),
        ControlBody::Join(join) => {
            if !joined(&join) {
                return Err(TypedError::Proof);
            }
            Change::Join(Entry::try_from(&join.entry.ok_or(TypedError::Missing("entry"))?)?)
        }
        ControlBody::Policy(policy) => Change::Policy(Policy::try_from(&policy)?),
        ControlBody::Greet(greet) => {
            Change::Greet { generation: greet.generation, greet_id: greet.greet_id, greeters: greet.greeters }
        }
        ControlBody::Timer(timer) => Change::Timer { ttl_s: timer.ttl_s },
    };
    if control_kind(&change) != Some(kind) {
        return Err(TypedError::Kind(kind.number()));
    }
    let control = Control { ctl_deps: ids(&body.ctl_deps)?, change };
    control.check()?;
    Ok(control)
}

/// The past of a control op whose body is of a later version or does not read: `ctl_deps` alone.
#[derive(Clone, PartialEq, Eq, prost::Message)]
struct ControlPast {
    #[prost(bytes = "vec", repeated, tag = "1")]
    ctl_deps: Vec<Vec<u8>>,
}

impl Bounded for ControlPast {
    const MAX_BYTES: usize = limits::OP_PAYLOAD_BYTES;
    const SHAPE: &'static Shape = &Shape(&[Field::many_bytes(1, limits::CONTROL_HEADS, 32)]);
}

/// Reads what every control op has in common: it closes the log whatever it does (protocol sections 0 and 5.1).
///
/// # Errors
/// [`TypedError`]; such an op cannot stand in any log.
pub fn read_control_past(content: &[u8]) -> Result<Control, TypedError> {
    let past: ControlPast = read(content)?;
    Ok(Control { ctl_deps: ids(&past.ctl_deps)?, change: Change::Unknown })
}

/// Kind of a change; none for one that this version does not know.
pub fn control_kind(change: &Change) -> Option<Kind> {
    Some(match change {
        Change::Genesis(_) => Kind::Genesis,
        Change::AddMany(_) => Kind::AddMany,
        Change::Remove { .. } => Kind::Remove,
        Change::DeviceAdded(_) => Kind::DeviceAdded,
        Change::DeviceRemoved(_) => Kind::DeviceRemoved,
        Change::Role { .. } => Kind::Role,
        Change::Transfer { .. } => Kind::Transfer,
        Change::Leave { .. } => Kind::Leave,
        Change::Title { .. } => Kind::Title,
        Change::Relays(_) => Kind::Relays,
        Change::Join(_) => Kind::Join,
        Change::Policy(_) => Kind::Policy,
        Change::Greet { .. } => Kind::Greet,
        Change::Timer { .. } => Kind::Timer,
        Change::Unknown => return None,
    })
}

/// What a control op carries beside its typed change.
#[derive(Clone, Debug, Default)]
pub struct ControlExtra {
    /// Salt of a genesis, 16 random bytes.
    pub salt: Vec<u8>,
    /// The signed account op that a mirror repeats.
    pub account_op: Option<SignedOp>,
    /// Signature of a join.
    pub join_sig: Vec<u8>,
}

/// Content of a control op.
///
/// # Errors
/// [`TypedError::Missing`] if `extra` lacks what the change needs, [`TypedError::Control`] above a
/// limit, [`TypedError::Kind`] for an unknown change.
pub fn control_bytes(control: &Control, extra: ControlExtra) -> Result<Vec<u8>, TypedError> {
    control.check()?;
    let mirror = || extra.account_op.clone().ok_or(TypedError::Missing("account_op")).map(Some);
    let body = match &control.change {
        Change::Genesis(genesis) => {
            if extra.salt.is_empty() {
                return Err(TypedError::Missing("salt"));
            }
            ControlBody::Genesis(write_genesis(genesis, extra.salt))
        }
        Change::AddMany(entries) => {
            ControlBody::Add(wire::AddMany { entries: entries.iter().map(wire::Entry::from).collect() })
        }
        Change::Remove { account, cuts } => ControlBody::Remove(wire::Remove {
            account: account.as_ref().to_vec(),
            cuts: cuts.iter().map(wire::Cut::from).collect(),
        }),
        Change::DeviceAdded(_) => ControlBody::DeviceAdded(wire::DeviceAdded { account_op: mirror()? }),
        Change::DeviceRemoved(_) => ControlBody::DeviceRemoved(wire::DeviceRemoved { account_op: mirror()? }),
        Change::Role { account, role } => {
            ControlBody::Role(wire::Role { account: account.as_ref().to_vec(), role: role.number() })
        }
        Change::Transfer { account } => {
            ControlBody::Transfer(wire::Transfer { account: account.as_ref().to_vec() })
        }
        Change::Leave { quiet } => ControlBody::Leave(wire::Leave { quiet: *quiet }),
        Change::Title { title, picture } => {
            ControlBody::Title(wire::Title { title: title.clone(), picture: picture.clone() })
        }
        Change::Relays(relays) => ControlBody::Relays(wire::Relays { relays: relays.clone() }),
        Change::Join(entry) => {
            if extra.join_sig.is_empty() {
                return Err(TypedError::Missing("join_sig"));
            }
            ControlBody::Join(wire::Join { entry: Some(entry.into()), sig: extra.join_sig })
        }
        Change::Policy(policy) => ControlBody::Policy(policy.into()),
        Change::Greet { generation, greet_id, greeters } => ControlBody::Greet(wire::Greet {
            generation: *generation,
            greet_id: greet_id.clone(),
            greeters: greeters.clone(),
        }),
        Change::Timer { ttl_s } => ControlBody::Timer(wire::Timer { ttl_s: *ttl_s }),
        Change::Unknown => return Err(TypedError::Kind(0)),
    };
    Ok(wire::Control { ctl_deps: bytes(&control.ctl_deps), body: Some(body) }.encode_to_vec())
}

fn role(number: u32) -> Result<Role, TypedError> {
    Role::from_number(number).ok_or(TypedError::Number { field: "role", value: number })
}

fn join_rule(number: u32) -> Result<JoinRule, TypedError> {
    match number {
        1 => Ok(JoinRule::Invite),
        2 => Ok(JoinRule::Approve),
        3 => Ok(JoinRule::Open),
        value => Err(TypedError::Number { field: "join", value }),
    }
}

const fn join_number(rule: JoinRule) -> u32 {
    match rule {
        JoinRule::Invite => 1,
        JoinRule::Approve => 2,
        JoinRule::Open => 3,
    }
}

fn read_genesis(genesis: wire::Genesis) -> Result<Genesis, TypedError> {
    if genesis.v != 1 {
        return Err(TypedError::Number { field: "v", value: genesis.v });
    }
    Ok(Genesis {
        kind: match genesis.kind {
            1 => RoomKind::Group,
            2 => RoomKind::Open,
            value => return Err(TypedError::Number { field: "kind", value }),
        },
        suite: match genesis.suite {
            SUITE => SUITE,
            value => return Err(TypedError::Number { field: "suite", value }),
        },
        owner: id(&genesis.owner)?,
        owner_heads: ids(&genesis.owner_heads)?,
        title: genesis.title,
        history: match genesis.history {
            1 => History::All,
            2 => History::Days(genesis.days),
            3 => History::Now,
            4 => History::None,
            value => return Err(TypedError::Number { field: "history", value }),
        },
        direct: genesis.direct,
        relays: genesis.relays,
        join: join_rule(genesis.join)?,
        member_limit: genesis.member_limit,
    })
}

fn write_genesis(genesis: &Genesis, salt: Vec<u8>) -> wire::Genesis {
    let (history, days) = match genesis.history {
        History::All => (1, 0),
        History::Days(days) => (2, days),
        History::Now => (3, 0),
        History::None => (4, 0),
    };
    wire::Genesis {
        v: 1,
        suite: genesis.suite,
        kind: match genesis.kind {
            RoomKind::Group => 1,
            RoomKind::Open => 2,
        },
        owner: genesis.owner.as_ref().to_vec(),
        owner_heads: bytes(&genesis.owner_heads),
        salt,
        title: genesis.title.clone(),
        history,
        days,
        direct: genesis.direct,
        relays: genesis.relays.clone(),
        join: join_number(genesis.join),
        member_limit: genesis.member_limit,
    }
}

impl TryFrom<&wire::Entry> for Entry {
    type Error = TypedError;
    fn try_from(entry: &wire::Entry) -> Result<Self, TypedError> {
        Ok(Self {
            account: id(&entry.account)?,
            role: role(entry.role)?,
            account_heads: ids(&entry.account_heads)?,
        })
    }
}

impl From<&Entry> for wire::Entry {
    fn from(entry: &Entry) -> Self {
        Self {
            account: entry.account.as_ref().to_vec(),
            role: entry.role.number(),
            account_heads: bytes(&entry.account_heads),
        }
    }
}

impl TryFrom<&wire::Cut> for Cut {
    type Error = TypedError;
    fn try_from(cut: &wire::Cut) -> Result<Self, TypedError> {
        Ok(Self { device: id(&cut.device)?, seq: cut.seq })
    }
}

impl From<&Cut> for wire::Cut {
    fn from(cut: &Cut) -> Self {
        Self { device: cut.device.as_ref().to_vec(), seq: cut.seq }
    }
}

impl TryFrom<&wire::Policy> for Policy {
    type Error = TypedError;
    fn try_from(policy: &wire::Policy) -> Result<Self, TypedError> {
        Ok(Self {
            join: join_rule(policy.join)?,
            slow_mode_s: policy.slow_mode_s,
            member_limit: policy.member_limit,
            direct: policy.direct,
            basic_profile_only: policy.basic_profile_only,
        })
    }
}

impl From<&Policy> for wire::Policy {
    fn from(policy: &Policy) -> Self {
        Self {
            join: join_number(policy.join),
            slow_mode_s: policy.slow_mode_s,
            member_limit: policy.member_limit,
            direct: policy.direct,
            basic_profile_only: policy.basic_profile_only,
        }
    }
}
