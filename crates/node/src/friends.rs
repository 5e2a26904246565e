//! Friends and the 1:1 room with each.
//!
//! Invariant: the 1:1 room of two accounts is the same on every machine and every time it is asked for.

use madang_crypto::direct_conv;
use madang_model::{AccountId, ConvId, Kind, Op, text::check_alias};
use madang_store::{
    RoomRow,
    friends::{self, FriendState},
    rooms,
};
use madang_wire::{FriendSet, Message as _};

use crate::{
    command::FriendChange, contacts::Person, conversation::Conversation, core::Core, effect::Send,
    error::Error, event::Event, timer::Due, turn::Turn, view,
};

/// The answer to a contact request has so long on the connection it came by.
const KNOW_AFTER_MS: u64 = 1_000;

impl Core {
    /// Id of the 1:1 conversation with an account.
    pub(crate) fn direct_conv(&self, account: &AccountId) -> ConvId {
        ConvId::from_bytes(direct_conv(self.me.account.as_bytes(), account.as_bytes()))
    }

    pub(crate) fn direct_row(&self, account: &AccountId) -> Option<RoomRow> {
        self.by_conv.get(&self.direct_conv(account)).copied()
    }

    pub(crate) fn is_friend(&self, account: &AccountId) -> bool {
        self.friends.contains(account)
    }

    /// Makes somebody a friend: state, 1:1 room, known peers.
    pub(crate) fn befriend(&mut self, turn: &mut Turn<'_>, person: &Person) -> Result<ConvId, Error> {
        friends::know(turn.db, &person.account, &person.name, turn.now.wall)?;
        friends::set_state(turn.db, &person.account, FriendState::Friend)?;
        self.friends.insert(person.account);
        let room = self.open_direct(turn, &person.account)?;
        friends::set_room(turn.db, &person.account, room)?;
        self.timers.set(Due::Know(person.account), turn.now.mono.saturating_add(KNOW_AFTER_MS));
        self.relays_changed = true;
        self.post_friend(turn, &person.account)?;
        turn.emit(Event::Friend { account: person.account });
        turn.changed_rooms.insert(room);
        Ok(self.direct_conv(&person.account))
    }

    /// Makes the machines of a friend known to the network. That closes the connection over which they
    /// came as strangers, so it waits until the answer to their request has had its way.
    pub(crate) fn know_account(&mut self, turn: &mut Turn<'_>, account: &AccountId) -> Result<(), Error> {
        for device in self.directory.of_account(account) {
            self.know_peer(turn, &device, None)?;
        }
        Ok(())
    }

    /// The row of the 1:1 room, made when it is new.
    pub(crate) fn open_direct(&mut self, turn: &mut Turn<'_>, account: &AccountId) -> Result<RoomRow, Error> {
        if let Some(room) = self.direct_row(account) {
            return Ok(room);
        }
        let conv = self.direct_conv(account);
        self.open_room_of(turn, rooms::RoomKind::Direct, conv, Some(*account))
    }

    /// Makes a room with fixed members.
    pub(crate) fn open_room_of(
        &mut self,
        turn: &mut Turn<'_>,
        kind: rooms::RoomKind,
        conv: ConvId,
        peer: Option<AccountId>,
    ) -> Result<RoomRow, Error> {
        let new = rooms::NewRoom {
            conv,
            kind,
            title: String::new(),
            peer,
            // Everything is visible to both accounts (protocol section 3.5).
            history: 1,
            days: 0,
            created_at: turn.now.wall,
        };
        let row = rooms::insert(turn.db, &new)?;
        let room = rooms::get(turn.db, row)?.ok_or(Error::NotFound("room"))?;
        let control = self.load_control(turn.db, &room)?;
        let conversation = Conversation::load(turn.db, &room, &self.me.device, control)?;
        self.ring.set_room(row, conversation.seals());
        self.by_conv.insert(conv, row);
        self.rooms.insert(row, conversation);
        self.refresh_registers_of(turn, row)?;
        Ok(row)
    }

    /// The 1:1 room with a friend.
    pub(crate) fn direct_room(&mut self, account: AccountId) -> Result<ConvId, Error> {
        if account == self.me.account {
            return Ok(self.self_conv());
        }
        if !self.is_friend(&account) {
            return Err(Error::NotFound("friend"));
        }
        Ok(self.direct_conv(&account))
    }

    /// Ends a friendship on this side: no streams, no presence, and nothing more comes into the 1:1 by any way; what
    /// was said stays.
    pub(crate) fn remove_friend(
        &mut self,
        turn: &mut Turn<'_>,
        account: AccountId,
    ) -> Result<view::Friend, Error> {
        let asked_or_friend = friends::get(turn.db, &account)?
            .is_some_and(|friend| matches!(friend.state, FriendState::Friend | FriendState::Requested));
        if !asked_or_friend {
            return Err(Error::NotFound("friend"));
        }
        let friend = self.friend(turn, &account)?;
        friends::set_state(turn.db, &account, FriendState::Removed)?;
        self.close_friend(turn, &account)?;
        // A stranger again: an old request or invite admits nobody, and nothing waits for them any more.
        self.request_over(turn, &account)?;
        madang_store::requests::forget(turn.db, &account)?;
        for device in self.directory.of_account(&account) {
            let row = self.directory.row(turn.db, &device, None)?;
            madang_store::lanes::clear(turn.db, row)?;
        }
        self.post_friend(turn, &account)?;
        turn.emit(Event::Friend { account });
        Ok(friend)
    }

    /// Strangers again for the network, and no way into the inboxes (protocol section 6.5).
    fn close_friend(&mut self, turn: &mut Turn<'_>, account: &AccountId) -> Result<(), Error> {
        self.friends.remove(account);
        // The log of the 1:1 is not read any more.
        self.relays_changed = true;
        for peer in self.directory.peers_of(account) {
            turn.send(Send::ForgetPeer(peer));
            self.peer_down(turn, peer)?;
        }
        self.revoke_friend_tokens(turn, account)
    }

    pub(crate) fn set_friend(
        &mut self,
        turn: &mut Turn<'_>,
        account: AccountId,
        change: FriendChange,
    ) -> Result<view::Friend, Error> {
        let mut friend = friends::get(turn.db, &account)?.ok_or(Error::NotFound("friend"))?;
        let alias = change.alias.as_deref().map(str::trim);
        alias.map_or(Ok(()), check_alias).map_err(Error::Alias)?;
        let was_blocked = friend.blocked;
        friend.favourite = change.favourite.unwrap_or(friend.favourite);
        friend.hidden = change.hidden.unwrap_or(friend.hidden);
        friend.blocked = change.blocked.unwrap_or(friend.blocked);
        if let Some(alias) = alias {
            friend.alias = (!alias.is_empty()).then(|| alias.to_owned());
        }
        let (blocked, state) = (friend.blocked, friend.state);
        friends::put(turn.db, &friend)?;
        if blocked && !was_blocked {
            self.close_friend(turn, &account)?;
        } else if was_blocked && !blocked && state == FriendState::Friend {
            self.friends.insert(account);
            self.relays_changed = true;
            self.know_account(turn, &account)?;
            // The tokens of before were revoked for good.
            self.update_contacts(turn)?;
            let room = self.open_direct(turn, &account)?;
            self.refresh_registers_of(turn, room)?;
        }
        self.post_friend(turn, &account)?;
        turn.emit(Event::Friend { account });
        self.friend(turn, &account)
    }

    fn friend(&self, turn: &Turn<'_>, account: &AccountId) -> Result<view::Friend, Error> {
        crate::query::friends::get(turn.db, &self.me.account, account)?.ok_or(Error::NotFound("friend"))
    }

    /// Tells the own machines (protocol section 6.1, FriendSet).
    fn post_friend(&mut self, turn: &mut Turn<'_>, account: &AccountId) -> Result<(), Error> {
        let Some(friend) = friends::get(turn.db, account)? else { return Ok(()) };
        let set = FriendSet {
            account: account.as_bytes().to_vec(),
            state: friend.state as u32,
            alias: friend.alias.unwrap_or_default(),
            favourite: friend.favourite,
            hidden: friend.hidden,
            blocked: friend.blocked,
            profile: friend.profile.unwrap_or_default(),
        };
        let own = self.by_conv.get(&self.self_conv()).copied().ok_or(Error::NotFound("room"))?;
        // Whatever the clock says: a friend can be made by what comes from outside, which must not fail for it.
        self.post_mirrors(turn, own)?;
        let key = self.usable_key(turn, own)?;
        self.write(turn, own, Kind::FriendSet, &set.encode_to_vec(), key)?;
        Ok(())
    }

    /// State that an own machine posted in self. This release has one machine per account, and what it
    /// posted itself was applied when it was posted.
    pub(crate) fn apply_own(&mut self, _turn: &mut Turn<'_>, _room: RoomRow, op: &Op) -> Result<(), Error> {
        tracing::debug!(kind = op.header.kind.number(), "state of an own machine is kept");
        Ok(())
    }
}
