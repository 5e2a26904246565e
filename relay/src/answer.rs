//! Answers of the relay: error codes and the frames made of them.
//!
//! Owns the closed list of codes of protocol section 10.2. Invariant: every refused request is answered by one.

use madang_wire::{RErr, RelayBody, RelayFrame};

use crate::rates::Exceeded;
use crate::storage::StorageError;

/// Pause told to clients when the disk is full or the database failed, ms.
const STORAGE_RETRY_MS: u32 = 5_000;

/// Error codes (protocol section 10.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Quota,
    Token,
    Pow,
    Auth,
    Admission,
    NotFound,
    /// Also: a slot version that does not rise, and frames of features that the hello does not list.
    Version,
    Busy,
    TooLarge,
    BadFrame,
}

impl Code {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Quota => "quota",
            Self::Token => "token",
            Self::Pow => "pow",
            Self::Auth => "auth",
            Self::Admission => "admission",
            Self::NotFound => "not_found",
            Self::Version => "version",
            Self::Busy => "busy",
            Self::TooLarge => "too_large",
            Self::BadFrame => "bad_frame",
        }
    }
}

/// A refused request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: Code,
    pub(crate) retry_ms: u32,
}

impl Refusal {
    /// The error frame; `index` names the part of a request with several.
    pub(crate) fn body(self, index: u32) -> RelayBody {
        RelayBody::Err(RErr { code: self.code.text().to_owned(), retry_ms: self.retry_ms, index })
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self { code, retry_ms: 0 }
    }
}

impl From<Exceeded> for Refusal {
    fn from(exceeded: Exceeded) -> Self {
        Self { code: Code::Busy, retry_ms: exceeded.retry_ms }
    }
}

impl From<StorageError> for Refusal {
    fn from(error: StorageError) -> Self {
        tracing::error!(%error, "a request was not carried out; the client is told to try again");
        Self { code: Code::Busy, retry_ms: STORAGE_RETRY_MS }
    }
}

/// A frame with this id and content.
pub(crate) fn frame(id: u64, body: RelayBody) -> RelayFrame {
    RelayFrame { id, body: Some(body) }
}

/// The name of a frame in traces and figures.
pub(crate) fn name(body: &RelayBody) -> &'static str {
    match body {
        RelayBody::Hello(_) => "hello",
        RelayBody::HelloOk(_) => "hello_ok",
        RelayBody::Auth(_) => "auth",
        RelayBody::InboxCreate(_) => "inbox_create",
        RelayBody::LogCreate(_) => "log_create",
        RelayBody::Created(_) => "created",
        RelayBody::Put(_) => "put",
        RelayBody::PutMany(_) => "put_many",
        RelayBody::Stored(_) => "stored",
        RelayBody::Fetch(_) => "fetch",
        RelayBody::Subscribe(_) => "subscribe",
        RelayBody::Items(_) => "items",
        RelayBody::Credit(_) => "credit",
        RelayBody::Ack(_) => "ack",
        RelayBody::Drop(_) => "drop",
        RelayBody::SlotPut(_) => "slot_put",
        RelayBody::SlotGet(_) => "slot_get",
        RelayBody::Slot(_) => "slot",
        RelayBody::SlotDelete(_) => "slot_delete",
        RelayBody::Revoke(_) => "revoke",
        RelayBody::PushSet(_) => "push_set",
        RelayBody::PushClear(_) => "push_clear",
        RelayBody::GreetSet(_) => "greet_set",
        RelayBody::Login1(_) => "login1",
        RelayBody::Login1Ok(_) => "login1_ok",
        RelayBody::Login2(_) => "login2",
        RelayBody::Ok(_) => "ok",
        RelayBody::Err(_) => "err",
        RelayBody::GreetReg(_) => "greet_reg",
    }
}
