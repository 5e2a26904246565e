//! From a frame to the code that carries it out.
//!
//! Owns the list of frames a client may send. Invariant: every frame gets an answer, except Credit.

use madang_wire::RelayBody;

use super::parts::{self, Asked};
use super::stream::{Cause, Session};
use crate::answer::Code;

impl Session {
    /// Carries out a frame of the client.
    pub(super) async fn request(&mut self, id: u64, body: RelayBody) -> Result<(), Cause> {
        if !self.greeted && !matches!(body, RelayBody::Hello(_)) {
            return self.refuse_parts(parts::of(id, &body), Code::Version.into()).await;
        }
        match body {
            RelayBody::Hello(hello) => self.hello(id, &hello).await,
            RelayBody::Auth(auth) => self.auth(id, &auth).await,
            RelayBody::InboxCreate(create) => self.inbox_create(id, create).await,
            RelayBody::LogCreate(create) => self.log_create(id, create).await,
            RelayBody::Revoke(revoke) => self.revoke(id, &revoke).await,
            RelayBody::Put(put) => self.put(id, put).await,
            RelayBody::PutMany(puts) => self.put_many(id, puts).await,
            RelayBody::Fetch(fetch) => self.fetch(id, fetch).await,
            RelayBody::Subscribe(subscribe) => self.subscribe(id, subscribe).await,
            RelayBody::Credit(credit) => {
                self.subscriptions.add_credit(credit.n);
                self.read_more().await
            }
            RelayBody::Ack(ack) => self.ack(id, ack).await,
            RelayBody::Drop(drop) => self.drop_item(id, &drop).await,
            RelayBody::SlotPut(put) => self.slot_put(id, put).await,
            RelayBody::SlotGet(get) => self.slot_get(id, &get).await,
            RelayBody::SlotDelete(delete) => self.slot_delete(id, delete).await,
            // Wake-up and open rooms are not among the features told in the hello.
            RelayBody::PushSet(_)
            | RelayBody::PushClear(_)
            | RelayBody::GreetReg(_)
            | RelayBody::GreetSet(_)
            | RelayBody::Login1(_)
            | RelayBody::Login2(_) => self.refuse(id, Code::Version.into()).await,
            // Frames that only a relay sends.
            RelayBody::HelloOk(_)
            | RelayBody::Created(_)
            | RelayBody::Stored(_)
            | RelayBody::Items(_)
            | RelayBody::Slot(_)
            | RelayBody::Login1Ok(_)
            | RelayBody::Ok(_)
            | RelayBody::Err(_) => self.strike(Asked { id, parts: 1 }, Code::BadFrame).await,
        }
    }
}
