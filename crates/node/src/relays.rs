//! Relays.

use madang_model::{AccountId, DeviceId, InviteId};
use madang_p2p::PeerId;
use madang_store::{RoomRow, invites};
use madang_wire::{DeviceBundle, Envelope, InboxRef, InviteLink, Token};

use crate::{contacts::Person, core::Core, error::Error, ring::BoxId, turn::Turn, view};

/// State of connections to relays.
#[derive(Debug, Default)]
pub(crate) struct Relays {}

impl Core {
    pub(crate) fn relay_up(&mut self, _t: &mut Turn<'_>, _relay: PeerId) -> Result<(), Error> {
        Ok(())
    }
    pub(crate) fn relay_down(
        &mut self,
        _t: &mut Turn<'_>,
        _relay: PeerId,
        _reason: String,
    ) -> Result<(), Error> {
        Ok(())
    }
    pub(crate) fn relay_frame(
        &mut self,
        _t: &mut Turn<'_>,
        _relay: PeerId,
        _frame: &[u8],
    ) -> Result<(), Error> {
        Ok(())
    }
    pub(crate) fn relay_log_read(
        &mut self,
        _t: &mut Turn<'_>,
        _relay: PeerId,
        _log: BoxId,
        _epoch: &[u8],
        _upto: u64,
        _head: u64,
    ) -> Result<(), Error> {
        Ok(())
    }
    pub(crate) fn relay_due(&mut self, _t: &mut Turn<'_>, _room: RoomRow) -> Result<(), Error> {
        Ok(())
    }
    pub(crate) fn relays_due(&mut self, _t: &mut Turn<'_>) -> Result<(), Error> {
        Ok(())
    }
    pub(crate) fn follow_relays(&mut self, _t: &mut Turn<'_>) -> Result<(), Error> {
        Ok(())
    }
    pub(crate) fn route_is_new(&mut self, _t: &mut Turn<'_>, _room: RoomRow) {}
    pub(crate) fn relays_of_room(&self, _room: RoomRow) -> Vec<String> {
        Vec::new()
    }
    pub(crate) fn own_relay_addresses(&self) -> Vec<String> {
        Vec::new()
    }
    pub(crate) fn own_inboxes(&mut self, _t: &Turn<'_>) -> Result<Vec<InboxRef>, Error> {
        Ok(Vec::new())
    }
    pub(crate) fn inbox_put(
        &mut self,
        _t: &mut Turn<'_>,
        _device: DeviceId,
        _e: &Envelope,
    ) -> Result<(), Error> {
        Ok(())
    }
    pub(crate) fn put_with_tokens(
        &mut self,
        _t: &mut Turn<'_>,
        _b: &DeviceBundle,
        _tokens: &[Token],
        _e: &Envelope,
    ) -> Result<(), Error> {
        Ok(())
    }
    pub(crate) fn relay_register(
        &mut self,
        _t: &mut Turn<'_>,
        _room: RoomRow,
        _name: &str,
        _bytes: Vec<u8>,
    ) -> Result<(), Error> {
        Ok(())
    }
    pub(crate) fn fetch_slot(&mut self, _t: &mut Turn<'_>, _fetch: u64, _link: &InviteLink) -> u32 {
        0
    }
    pub(crate) fn invite_slot(&mut self) -> Result<(Vec<String>, Option<Vec<u8>>, Vec<u8>), Error> {
        Ok((Vec::new(), None, Vec::new()))
    }
    pub(crate) fn put_invite_slot(&mut self, _t: &mut Turn<'_>, _id: &InviteId) -> Result<(), Error> {
        Ok(())
    }
    pub(crate) fn drop_invite_slot(&mut self, _t: &mut Turn<'_>, _i: &invites::Invite) -> Result<(), Error> {
        Ok(())
    }
    pub(crate) fn invite_token_slot(
        &mut self,
        _t: &mut Turn<'_>,
        _id: &InviteId,
        _expires: u64,
    ) -> Result<u32, Error> {
        Ok(0)
    }
    pub(crate) fn invite_tokens(
        &mut self,
        _t: &mut Turn<'_>,
        _i: &invites::Invite,
    ) -> Result<Vec<Token>, Error> {
        Ok(Vec::new())
    }
    pub(crate) fn friend_tokens(&mut self, _t: &mut Turn<'_>, _a: &AccountId) -> Result<Vec<Token>, Error> {
        Ok(Vec::new())
    }
    pub(crate) fn revoke_friend_tokens(&mut self, _t: &mut Turn<'_>, _a: &AccountId) -> Result<(), Error> {
        Ok(())
    }
    pub(crate) fn take_tokens(
        &mut self,
        _t: &mut Turn<'_>,
        _p: &Person,
        _tokens: &[Token],
    ) -> Result<(), Error> {
        Ok(())
    }
    pub(crate) fn relay_list(&mut self, _t: &Turn<'_>) -> Result<Vec<view::Relay>, Error> {
        Ok(Vec::new())
    }
    pub(crate) fn add_relay(
        &mut self,
        _t: &mut Turn<'_>,
        _addr: &str,
        _code: Option<String>,
    ) -> Result<Vec<view::Relay>, Error> {
        Ok(Vec::new())
    }
    pub(crate) fn remove_relay(&mut self, _t: &mut Turn<'_>, _addr: &str) -> Result<Vec<view::Relay>, Error> {
        Ok(Vec::new())
    }
}
