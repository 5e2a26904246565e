//! The key ring: what is needed to recognise and open sealed frames, shared between the engine and
//! the pool that opens them.
//!
//! The engine is the only writer. After a rollback it may hold a key too many until the engine has
//! loaded again, which opens nothing that its holder may not read.

use std::{collections::BTreeMap, sync::Arc};

use madang_crypto::{Route, SealKey};
use madang_model::KeyId;
use madang_p2p::PeerId;
use madang_store::RoomRow;
use madang_wire::Sealed;
use parking_lot::RwLock;

/// Name of a conversation on one stream.
pub(crate) type Tag = [u8; 16];
/// Id of a box at a relay.
pub(crate) type BoxId = [u8; 16];

/// Keys and routes of one room.
#[derive(Debug, Default, Clone)]
pub(crate) struct RoomSeals {
    /// The conversation, which every opened object must name.
    pub(crate) conv: [u8; 32],
    /// Every key held.
    pub(crate) keys: BTreeMap<KeyId, Arc<SealKey>>,
    /// Every route followed.
    pub(crate) routes: Vec<Arc<Route>>,
}

impl RoomSeals {
    /// Whether the outer authenticator fits one of the routes.
    pub(crate) fn admits(&self, sealed: &Sealed) -> bool {
        self.routes.iter().any(|route| route.check_rmac(sealed))
    }
}

#[derive(Debug, Default)]
struct Names {
    rooms: BTreeMap<RoomRow, Arc<RoomSeals>>,
    topics: BTreeMap<String, RoomRow>,
    logs: BTreeMap<BoxId, RoomRow>,
    tags: BTreeMap<(PeerId, Tag), RoomRow>,
}

/// The ring.
#[derive(Debug, Default)]
pub(crate) struct Ring(RwLock<Names>);

impl Ring {
    /// Sets keys and routes of a room; its topics and logs are named from them.
    pub(crate) fn set_room(&self, row: RoomRow, seals: RoomSeals) {
        let mut names = self.0.write();
        names.topics.retain(|_, room| *room != row);
        names.logs.retain(|_, room| *room != row);
        for route in &seals.routes {
            names.topics.insert(route.topic().to_owned(), row);
            names.logs.insert(route.log_id(), row);
        }
        names.rooms.insert(row, Arc::new(seals));
    }

    /// Names a room on the stream with a peer.
    pub(crate) fn add_tag(&self, peer: PeerId, tag: Tag, room: RoomRow) {
        self.0.write().tags.insert((peer, tag), room);
    }

    /// Forgets the names used on the stream with a peer.
    pub(crate) fn forget_peer(&self, peer: &PeerId) {
        self.0.write().tags.retain(|(p, _), _| p != peer);
    }

    fn seals(&self, find: impl FnOnce(&Names) -> Option<RoomRow>) -> Option<(RoomRow, Arc<RoomSeals>)> {
        let names = self.0.read();
        let row = find(&names)?;
        Some((row, Arc::clone(names.rooms.get(&row)?)))
    }

    /// The room of a gossip topic.
    pub(crate) fn by_topic(&self, topic: &str) -> Option<(RoomRow, Arc<RoomSeals>)> {
        self.seals(|names| names.topics.get(topic).copied())
    }

    /// The room of a tag.
    pub(crate) fn by_tag(&self, peer: PeerId, tag: &[u8]) -> Option<(RoomRow, Arc<RoomSeals>)> {
        let tag = Tag::try_from(tag).ok()?;
        self.seals(|names| names.tags.get(&(peer, tag)).copied())
    }

    /// The room of a relay log.
    pub(crate) fn by_log(&self, log: &[u8]) -> Option<(RoomRow, Arc<RoomSeals>)> {
        let log = BoxId::try_from(log).ok()?;
        self.seals(|names| names.logs.get(&log).copied())
    }

    /// A room by its row.
    pub(crate) fn by_row(&self, row: RoomRow) -> Option<Arc<RoomSeals>> {
        self.0.read().rooms.get(&row).cloned()
    }
}
