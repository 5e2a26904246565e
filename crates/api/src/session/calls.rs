//! The calls that a running node answers, one function each under the name in the table.

use std::{collections::VecDeque, str::FromStr};

use madang_node::{FriendChange, Queued};
use qrcode::{QrCode, render::svg};

use super::Session;
use crate::{Code, Error, account, account::Empty, friends, messages, network, rooms};

/// Life of an invite when none is asked for: a week.
const INVITE_HOURS: u32 = 7 * 24;
/// Most messages of one `message_send`.
const SEND_COUNT_MAX: u32 = 1_000_000;
/// Messages of one `message_send` under way at one time, so that many share one commit.
const SEND_WINDOW: usize = 128;
/// Most messages of one `message_list` or `search`.
const LIST_MAX: u32 = 1_000;
/// Longest link that is drawn as a picture, in bytes; the largest picture holds little more.
const QR_LINK_MAX: usize = 2_000;

/// An id from its text. What is no id at all names nothing either.
fn id<T: FromStr>(text: &str, noun: &str) -> Result<T, Error> {
    text.trim().parse().map_err(|_| Error::new(Code::NotFound, format!("No such {noun}: {text:.80}")))
}

fn optional<T: FromStr>(text: Option<&str>, noun: &str) -> Result<Option<T>, Error> {
    text.map(|text| id(text, noun)).transpose()
}

fn limit(asked: Option<u32>) -> Result<Option<usize>, Error> {
    match asked {
        None => Ok(None),
        Some(asked @ 1..=LIST_MAX) => Ok(usize::try_from(asked).ok()),
        Some(_) => Err(Error::new(Code::Usage, format!("A limit is between 1 and {LIST_MAX}"))),
    }
}

fn each<A, B: From<A>>(all: Vec<A>) -> Vec<B> {
    all.into_iter().map(Into::into).collect()
}

impl Session {
    pub(super) async fn account_show(&self, _: Empty) -> Result<account::Account, Error> {
        Ok(self.node()?.account_show().await?.into())
    }

    pub(super) async fn setting_get(&self, key: account::SettingKey) -> Result<account::Setting, Error> {
        let value = self.node()?.setting(key.key.clone()).await?;
        Ok(account::Setting { key: key.key, value })
    }

    pub(super) async fn setting_set(&self, setting: account::Setting) -> Result<account::Setting, Error> {
        self.node()?.set_setting(setting.key.clone(), setting.value.clone()).await?;
        Ok(setting)
    }

    pub(super) async fn status(&self, _: Empty) -> Result<network::Status, Error> {
        Ok(self.node()?.status().await?.into())
    }

    pub(super) async fn net_why(&self, _: Empty) -> Result<Vec<network::DevicePath>, Error> {
        Ok(each(self.node()?.net_why().await?))
    }

    pub(super) async fn relay_add(&self, relay: network::RelayRef) -> Result<Vec<network::Relay>, Error> {
        Ok(each(self.node()?.add_relay(relay.addr, relay.code).await?))
    }

    pub(super) async fn relay_remove(&self, relay: network::RelayRef) -> Result<Vec<network::Relay>, Error> {
        Ok(each(self.node()?.remove_relay(relay.addr).await?))
    }

    pub(super) async fn relay_list(&self, _: Empty) -> Result<Vec<network::Relay>, Error> {
        Ok(each(self.node()?.relays().await?))
    }

    pub(super) async fn invite_create(
        &self,
        create: friends::CreateInvite,
    ) -> Result<friends::CreatedInvite, Error> {
        let hours = create.expires_hours.unwrap_or(INVITE_HOURS);
        let (link, invite) = self.node()?.create_invite(create.once, hours).await?;
        let qr = picture(&link)?;
        Ok(friends::CreatedInvite { link, invite: invite.invite.to_string(), qr })
    }

    pub(super) async fn invite_list(&self, _: Empty) -> Result<Vec<friends::Invite>, Error> {
        Ok(each(self.node()?.invites().await?))
    }

    pub(super) async fn invite_revoke(&self, invite: friends::InviteId) -> Result<friends::Invite, Error> {
        Ok(self.node()?.revoke_invite(id(&invite.invite, "invite")?).await?.into())
    }

    pub(super) async fn invite_show(&self, link: friends::Link) -> Result<friends::InviteInfo, Error> {
        Ok(self.node()?.show_invite(link.link).await?.into())
    }

    pub(super) async fn friend_add(&self, add: friends::Add) -> Result<friends::Added, Error> {
        let greeting = add.greeting.unwrap_or_default();
        let (friend, state) = self.node()?.add_friend(add.link, greeting).await?;
        Ok(friends::Added { friend: friend.to_string(), state: state.into() })
    }

    pub(super) async fn friend_requests(&self, _: Empty) -> Result<Vec<friends::Request>, Error> {
        Ok(each(self.node()?.requests().await?))
    }

    pub(super) async fn friend_accept(
        &self,
        request: friends::RequestId,
    ) -> Result<friends::Answered, Error> {
        let (friend, room) = self.node()?.accept_request(id(&request.request, "request")?).await?;
        Ok(friends::Answered { friend: friend.to_string(), room: Some(room.to_string()) })
    }

    pub(super) async fn friend_decline(
        &self,
        request: friends::RequestId,
    ) -> Result<friends::Answered, Error> {
        let friend = self.node()?.decline_request(id(&request.request, "request")?).await?;
        Ok(friends::Answered { friend: friend.to_string(), room: None })
    }

    pub(super) async fn friend_remove(&self, friend: friends::AccountRef) -> Result<friends::Friend, Error> {
        Ok(self.node()?.remove_friend(id(&friend.account, "friend")?).await?.into())
    }

    pub(super) async fn friend_list(&self, _: Empty) -> Result<Vec<friends::Friend>, Error> {
        Ok(each(self.node()?.friends().await?))
    }

    pub(super) async fn friend_set(&self, set: friends::Set) -> Result<friends::Friend, Error> {
        let change = FriendChange {
            favourite: set.favourite,
            hidden: set.hidden,
            blocked: set.blocked,
            alias: set.alias,
        };
        Ok(self.node()?.set_friend(id(&set.account, "friend")?, change).await?.into())
    }

    pub(super) async fn room_list(&self, _: Empty) -> Result<Vec<rooms::Room>, Error> {
        Ok(each(self.node()?.rooms().await?))
    }

    pub(super) async fn room_direct(&self, friend: friends::AccountRef) -> Result<rooms::RoomRef, Error> {
        let room = self.node()?.direct_room(id(&friend.account, "friend")?).await?;
        Ok(rooms::RoomRef { room: room.to_string() })
    }

    pub(super) async fn room_history(&self, room: rooms::RoomRef) -> Result<rooms::History, Error> {
        Ok(self.node()?.history(id(&room.room, "room")?).await?.into())
    }

    pub(super) async fn room_members(&self, room: rooms::RoomRef) -> Result<Vec<rooms::Member>, Error> {
        Ok(each(self.node()?.members(id(&room.room, "room")?).await?))
    }

    pub(super) async fn room_read(&self, read: rooms::Read) -> Result<rooms::RoomRef, Error> {
        let message = optional(read.message.as_deref(), "message")?;
        let room = self.node()?.mark_read(id(&read.room, "room")?, message).await?;
        Ok(rooms::RoomRef { room: room.to_string() })
    }

    pub(super) async fn room_gaps(&self, room: rooms::RoomRef) -> Result<Vec<rooms::Gap>, Error> {
        Ok(each(self.node()?.gaps(id(&room.room, "room")?).await?))
    }

    pub(super) async fn message_send(&self, send: messages::Send) -> Result<messages::Sent, Error> {
        let node = self.node()?;
        let (room, reply) = (id(&send.room, "room")?, optional(send.reply.as_deref(), "message")?);
        let count = match send.count {
            None => return Ok(node.send_text(room, send.text, reply).await?.into()),
            // The number behind it does not make a text of nothing.
            Some(_) if send.text.trim().is_empty() => {
                return Err(Error::new(Code::Usage, "The text is empty"));
            }
            Some(count @ 1..=SEND_COUNT_MAX) => count,
            Some(_) => {
                return Err(Error::new(Code::Usage, format!("A count is between 1 and {SEND_COUNT_MAX}")));
            }
        };
        // Put in line one by one, so that they keep their order; the node commits what waits together.
        let (mut waiting, mut last) = (VecDeque::new(), None);
        for number in 1..=count {
            if waiting.len() >= SEND_WINDOW
                && let Some(queued) = waiting.pop_front()
            {
                last = Some(Queued::sent(queued).await?);
            }
            waiting.push_back(node.queue_text(room, format!("{} #{number}", send.text), reply).await?);
        }
        for queued in waiting {
            last = Some(queued.sent().await?);
        }
        last.map(Into::into).ok_or_else(|| Error::new(Code::Internal, "Nothing was sent"))
    }

    pub(super) async fn message_list(&self, list: messages::List) -> Result<Vec<messages::Message>, Error> {
        let before = optional(list.before.as_deref(), "message")?;
        let after = optional(list.after.as_deref(), "message")?;
        let room = id(&list.room, "room")?;
        Ok(each(self.node()?.messages(room, limit(list.limit)?, before, after).await?))
    }

    pub(super) async fn message_why(&self, message: messages::MessageRef) -> Result<messages::Why, Error> {
        let devices = self.node()?.why(id(&message.message, "message")?).await?;
        Ok(messages::Why { message: message.message, devices: each(devices) })
    }

    pub(super) async fn search(&self, search: messages::Search) -> Result<Vec<messages::Message>, Error> {
        let room = optional(search.room.as_deref(), "room")?;
        let from = optional(search.from.as_deref(), "friend")?;
        Ok(each(self.node()?.search(search.text, room, from, limit(search.limit)?).await?))
    }
}

/// A link as an SVG document.
fn picture(link: &str) -> Result<String, Error> {
    if link.len() > QR_LINK_MAX {
        return Err(Error::new(Code::Internal, "The link is too long for a picture"));
    }
    let code = QrCode::new(link)
        .map_err(|error| Error::new(Code::Internal, format!("The link has no picture: {error}")))?;
    Ok(code.render::<svg::Color<'_>>().quiet_zone(true).build())
}
