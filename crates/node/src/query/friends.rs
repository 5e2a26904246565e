//! Friends, requests and invites as the shells see them.

use madang_crypto::direct_conv;
use madang_model::{AccountId, ConvId, InviteId};
use madang_store::{
    Conn,
    friends::{self, FriendState},
    invites, requests,
};

use crate::{error::Error, view};

fn friend(me: &AccountId, friend: friends::Friend) -> view::Friend {
    view::Friend {
        room: ConvId::from_bytes(direct_conv(me.as_bytes(), friend.account.as_bytes())),
        account: friend.account,
        name: friend.name,
        alias: friend.alias,
        favourite: friend.favourite,
        hidden: friend.hidden,
        blocked: friend.blocked,
    }
}

/// One friend.
pub(crate) fn get(db: &Conn, me: &AccountId, account: &AccountId) -> Result<Option<view::Friend>, Error> {
    Ok(friends::get(db, account)?.map(|found| friend(me, found)))
}

/// All friends, by name.
pub(crate) fn list(db: &Conn, me: &AccountId) -> Result<Vec<view::Friend>, Error> {
    Ok(friends::list(db, FriendState::Friend)?.into_iter().map(|found| friend(me, found)).collect())
}

/// Name to show for an account.
pub(crate) fn name_of(db: &Conn, account: &AccountId) -> Result<String, Error> {
    Ok(friends::get(db, account)?
        .map(|friend| friend.alias.filter(|alias| !alias.is_empty()).unwrap_or(friend.name))
        .unwrap_or_default())
}

/// Contact requests that wait for an answer.
pub(crate) fn requests(db: &Conn) -> Result<Vec<view::Request>, Error> {
    Ok(requests::incoming_open(db)?
        .into_iter()
        .map(|request| view::Request {
            request: InviteId::from_bytes(request.id),
            account: request.account,
            name: request.name,
            greeting: request.greeting,
            at: request.at,
        })
        .collect())
}

/// Invites of this account, newest first.
pub(crate) fn invites(db: &Conn) -> Result<Vec<view::Invite>, Error> {
    Ok(invites::list(db)?.into_iter().map(|invite| view_of(&invite)).collect())
}

/// An invite as shells see it.
pub(crate) fn view_of(invite: &invites::Invite) -> view::Invite {
    view::Invite {
        invite: invite.id,
        once: invite.once,
        expires: invite.expires,
        used: u32::try_from(invite.used).unwrap_or(u32::MAX),
        revoked: invite.revoked,
    }
}
