//! With whom a lane is open (protocol sections 1.2, 3.2 and 4): the one judgement before anything of a device is taken,
//! and before anything is written to it.
//!
//! Must not know packets. Invariant: the lane of a device is closed from the moment this node knows that its account
//! does not have it any more; that its account is welcome is not enough.

use madang_model::{AccountId, ConvId, DeviceId};
use madang_store::{
    Conn, friends,
    requests::{self, RequestState},
};

use crate::{core::Core, error::Error};

impl Core {
    /// Whether the lane with the devices of an account is open: own machines, friends, whoever was asked, and
    /// members of shared rooms other than the 1:1.
    fn admits_lane(&self, db: &Conn, account: &AccountId) -> Result<bool, Error> {
        if *account == self.me.account || self.is_friend(account) {
            return Ok(true);
        }
        let direct = self.direct_row(account);
        if self.rooms.values().any(|room| room.has_member(account) && Some(room.row) != direct) {
            return Ok(true);
        }
        let asked = requests::outgoing(db, account)?.is_some_and(|asked| asked.state == RequestState::Open);
        Ok(asked && !friends::get(db, account)?.is_some_and(|friend| friend.blocked))
    }

    /// Whether the lane with a device is open: its account has it, and is one of those above.
    pub(crate) fn lane_is_open(&mut self, db: &Conn, device: &DeviceId) -> Result<bool, Error> {
        let Some(account) = self.directory.get(device).and_then(|known| known.account) else {
            return Ok(false);
        };
        Ok(self.admits_lane(db, &account)? && self.is_active(db, device)?)
    }

    /// Whether the log of its account, as it is kept here, has a device now.
    pub(crate) fn is_active(&mut self, db: &Conn, device: &DeviceId) -> Result<bool, Error> {
        match self.directory.get(device).and_then(|known| known.account) {
            Some(account) => self.is_device_of(db, device, &account),
            None => Ok(false),
        }
    }

    /// Whether what a device says about a conversation counts.
    pub(crate) fn may_speak(&self, device: &DeviceId, conv: &[u8]) -> bool {
        let Some(room) = ConvId::try_from(conv).ok().and_then(|conv| self.by_conv.get(&conv)) else {
            return true;
        };
        let account = self.directory.get(device).and_then(|known| known.account);
        account.is_some_and(|account| self.speaks_in(&account, *room))
    }
}
