//! The handle of a running node: one function per command or question, without logic.

use std::{sync::Arc, thread::JoinHandle};

use madang_model::{AccountId, ConvId, InviteId, OpId};
use madang_store::{Conn, Readers};
use tokio::sync::{Notify, broadcast, mpsc, oneshot};

use crate::{
    clock::Clock,
    command::{Command, FriendChange, Reply, Sent},
    error::Error,
    event::Event,
    query, view,
};

/// Lines of a search or page when the caller names none.
pub(crate) const PAGE: usize = 50;

/// A running node. Cheap to clone; the node stops with [`Handle::shutdown`].
#[derive(Clone)]
pub struct Handle {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) readers: Readers,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) account: view::Account,
    pub(crate) network: madang_p2p::Handle,
    pub(crate) stop: Arc<Notify>,
    pub(crate) engine: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

/// A text in line. Dropping it leaves the text in line.
#[derive(Debug)]
pub struct Queued(oneshot::Receiver<Result<Sent, Error>>);

impl Queued {
    /// Waits until the text is durable here.
    ///
    /// # Errors
    /// As [`Handle::send_text`].
    pub async fn sent(self) -> Result<Sent, Error> {
        self.0.await.map_err(|_| Error::Closed)?
    }
}

impl Handle {
    async fn call<T: Send + 'static>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, Error> {
        self.queue(command).await?.await.map_err(|_| Error::Closed)?
    }

    /// Puts a command in line; its answer may be awaited beside those of others.
    async fn queue<T: Send + 'static>(
        &self,
        command: impl FnOnce(Reply<T>) -> Command,
    ) -> Result<oneshot::Receiver<Result<T, Error>>, Error> {
        let (reply, answer) = Reply::pair();
        self.inner.commands.send(command(reply)).await.map_err(|_| Error::Closed)?;
        Ok(answer)
    }

    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Conn) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || inner.readers.read(query))
            .await
            .map_err(|error| Error::Internal(error.to_string()))?
    }

    fn now(&self) -> u64 {
        self.inner.clock.wall_ms()
    }

    /// Announcements from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.inner.events.subscribe()
    }

    /// The own account.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn account_show(&self) -> Result<view::Account, Error> {
        let relays = self.relays().await?;
        let relays = relays.into_iter().map(|relay| relay.addr).collect();
        Ok(view::Account { relays, ..self.inner.account.clone() })
    }

    /// State of the node.
    ///
    /// # Errors
    /// [`Error::Closed`], those of the store.
    pub async fn status(&self) -> Result<view::Status, Error> {
        self.call(Command::Status).await
    }

    /// Path by which the last message reached each device.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn net_why(&self) -> Result<Vec<view::DevicePath>, Error> {
        self.call(Command::NetWhy).await
    }

    /// Relays of the account with their states.
    ///
    /// # Errors
    /// [`Error::Closed`], those of the store.
    pub async fn relays(&self) -> Result<Vec<view::Relay>, Error> {
        self.call(Command::Relays).await
    }

    /// Adds a relay; answers all.
    ///
    /// # Errors
    /// [`Error::Usage`] for an address without `/p2p/`, those of the store.
    pub async fn add_relay(&self, addr: String, code: Option<String>) -> Result<Vec<view::Relay>, Error> {
        self.call(|reply| Command::AddRelay { addr, code, reply }).await
    }

    /// Removes a relay; answers all.
    ///
    /// # Errors
    /// [`Error::NotFound`], those of the store.
    pub async fn remove_relay(&self, addr: String) -> Result<Vec<view::Relay>, Error> {
        self.call(|reply| Command::RemoveRelay { addr, reply }).await
    }

    /// Makes an invite; answers link and invite.
    ///
    /// # Errors
    /// [`Error::Usage`], those of the store.
    pub async fn create_invite(&self, once: bool, hours: u32) -> Result<(String, view::Invite), Error> {
        self.call(|reply| Command::CreateInvite { once, hours, reply }).await
    }

    /// Invites of this account.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn invites(&self) -> Result<Vec<view::Invite>, Error> {
        self.read(query::friends::invites).await
    }

    /// Withdraws an invite.
    ///
    /// # Errors
    /// [`Error::NotFound`], those of the store.
    pub async fn revoke_invite(&self, invite: InviteId) -> Result<view::Invite, Error> {
        self.call(|reply| Command::RevokeInvite { invite, reply }).await
    }

    /// Looks at an invite link; accepts nothing.
    ///
    /// # Errors
    /// [`Error::BadLink`], [`Error::InviteExpired`], [`Error::InviteRevoked`], [`Error::InviteUsed`],
    /// [`Error::Offline`].
    pub async fn show_invite(&self, link: String) -> Result<view::InviteInfo, Error> {
        self.call(|reply| Command::ShowInvite { link, reply }).await
    }

    /// Asks the inviter of a link.
    ///
    /// # Errors
    /// As [`Handle::show_invite`].
    pub async fn add_friend(
        &self,
        link: String,
        greeting: String,
    ) -> Result<(AccountId, view::FriendState), Error> {
        self.call(|reply| Command::AddFriend { link, greeting, reply }).await
    }

    /// Contact requests that wait for an answer.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn requests(&self) -> Result<Vec<view::Request>, Error> {
        self.read(query::friends::requests).await
    }

    /// Accepts a request; answers whom, and the 1:1 room.
    ///
    /// # Errors
    /// [`Error::NotFound`], those of the store.
    pub async fn accept_request(&self, request: InviteId) -> Result<(AccountId, ConvId), Error> {
        self.call(|reply| Command::AcceptRequest { request, reply }).await
    }

    /// Declines a request; answers whom.
    ///
    /// # Errors
    /// [`Error::NotFound`], those of the store.
    pub async fn decline_request(&self, request: InviteId) -> Result<AccountId, Error> {
        self.call(|reply| Command::DeclineRequest { request, reply }).await
    }

    /// Ends a friendship on this side.
    ///
    /// # Errors
    /// [`Error::NotFound`], those of the store.
    pub async fn remove_friend(&self, account: AccountId) -> Result<view::Friend, Error> {
        self.call(|reply| Command::RemoveFriend { account, reply }).await
    }

    /// Friends by name.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn friends(&self) -> Result<Vec<view::Friend>, Error> {
        let me = self.inner.account.account;
        self.read(move |db| query::friends::list(db, &me)).await
    }

    /// Changes what is kept about a friend.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::TooLarge`] for the own name, those of the store.
    pub async fn set_friend(&self, account: AccountId, change: FriendChange) -> Result<view::Friend, Error> {
        self.call(|reply| Command::SetFriend { account, change, reply }).await
    }

    /// Rooms, latest first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn rooms(&self) -> Result<Vec<view::Room>, Error> {
        let (account, now) = (self.inner.account.clone(), self.now());
        self.read(move |db| query::rooms::list(db, &account.account, &account.name, now)).await
    }

    /// The 1:1 room with an account; with the own account the note to self.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn direct_room(&self, account: AccountId) -> Result<ConvId, Error> {
        self.call(|reply| Command::DirectRoom { account, reply }).await
    }

    /// The people in a room.
    ///
    /// # Errors
    /// [`Error::NotFound`], those of the store.
    pub async fn members(&self, room: ConvId) -> Result<Vec<view::Member>, Error> {
        let account = self.inner.account.clone();
        self.read(move |db| query::rooms::members(db, &account.account, &account.name, &room)).await
    }

    /// What newcomers of a room see: in self and 1:1 everything.
    ///
    /// # Errors
    /// [`Error::NotFound`], those of the store.
    pub async fn history(&self, room: ConvId) -> Result<madang_model::control::History, Error> {
        self.read(move |db| query::rooms::exists(db, &room)).await?;
        Ok(madang_model::control::History::All)
    }

    /// Gaps of a room.
    ///
    /// # Errors
    /// [`Error::NotFound`], those of the store.
    pub async fn gaps(&self, room: ConvId) -> Result<Vec<view::Gap>, Error> {
        self.read(move |db| query::rooms::gaps(db, &room)).await
    }

    /// Marks a room read up to a message, or to the newest.
    ///
    /// # Errors
    /// [`Error::NotFound`], those of the store.
    pub async fn mark_read(&self, room: ConvId, message: Option<OpId>) -> Result<ConvId, Error> {
        self.call(|reply| Command::MarkRead { room, message, reply }).await
    }

    /// Sends a text; answers once it is durable here.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::TooLarge`], [`Error::Clock`], [`Error::NotMember`],
    /// [`Error::DiskFull`].
    pub async fn send_text(&self, room: ConvId, text: String, answers: Option<OpId>) -> Result<Sent, Error> {
        self.queue_text(room, text, answers).await?.sent().await
    }

    /// Puts a text in line behind those queued before, and answers what [`Handle::send_text`] waits for. Several texts
    /// keep their order only when each was queued before the next one is: futures that wait beside each other do not.
    ///
    /// # Errors
    /// [`Error::Closed`] when the node has ended; the rest as [`Handle::send_text`].
    pub async fn queue_text(
        &self,
        room: ConvId,
        text: String,
        answers: Option<OpId>,
    ) -> Result<Queued, Error> {
        self.queue(|reply| Command::SendText { room, text, answers, reply }).await.map(Queued)
    }

    /// A page of a room, oldest first.
    ///
    /// # Errors
    /// [`Error::NotFound`], those of the store.
    pub async fn messages(
        &self,
        room: ConvId,
        limit: Option<usize>,
        before: Option<OpId>,
        after: Option<OpId>,
    ) -> Result<Vec<view::Message>, Error> {
        let (me, now) = (self.inner.account.account, self.now());
        let limit = limit.unwrap_or(PAGE);
        self.read(move |db| query::messages::list(db, &me, &room, limit, (before, after), now)).await
    }

    /// Where a message is, device by device.
    ///
    /// # Errors
    /// [`Error::NotFound`], those of the store.
    pub async fn why(&self, message: OpId) -> Result<Vec<view::DeviceDelivery>, Error> {
        let me = self.inner.account.account;
        self.read(move |db| query::messages::why(db, &me, &message)).await
    }

    /// Messages that contain a text, newest first.
    ///
    /// # Errors
    /// [`Error::NotFound`], those of the store.
    pub async fn search(
        &self,
        text: String,
        room: Option<ConvId>,
        from: Option<AccountId>,
        limit: Option<usize>,
    ) -> Result<Vec<view::Message>, Error> {
        let (me, now) = (self.inner.account.account, self.now());
        let limit = limit.unwrap_or(PAGE);
        self.read(move |db| query::messages::search(db, &me, &text, (room, from), limit, now)).await
    }

    /// A setting of the shells.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn setting(&self, key: String) -> Result<Option<String>, Error> {
        self.read(move |db| {
            Ok(madang_store::settings::get(db, &key)?.map(|s| s.value).filter(|v| !v.is_empty()))
        })
        .await
    }

    /// Changes a setting of the shells.
    ///
    /// # Errors
    /// [`Error::DiskFull`], those of the store.
    pub async fn set_setting(&self, key: String, value: Option<String>) -> Result<(), Error> {
        self.call(|reply| Command::SetSetting { key, value, reply }).await
    }

    /// Dials everybody now: the network changed or the machine woke up.
    pub async fn redial(&self) {
        drop(self.inner.commands.send(Command::Redial).await);
    }

    /// Stops the node: no more commands, a last turn whose frames still go out, write-ahead log folded into the store,
    /// connections closed.
    pub async fn shutdown(&self) {
        self.inner.stop.notify_one();
        if let Some(engine) = self.inner.engine.lock().await.take() {
            // The thread itself has to be gone: the process may end next, and what its libraries keep per thread must
            // not be cleared away while it is in use. An engine that has panicked is gone as well.
            drop(tokio::task::spawn_blocking(|| engine.join()).await);
        }
        self.inner.network.clone().shutdown().await;
    }
}
