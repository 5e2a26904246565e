//! What a socket serves.

use std::future::Future;

use futures::stream::BoxStream;
use madang_api::{Error, Event};
use serde_json::Value;

/// The calls of the contract, and its events. Method names are those of [`madang_api::METHODS`].
pub trait Calls: Send + Sync + 'static {
    /// Answers one call. `params` is an object or null.
    fn call(&self, method: &str, params: Value) -> impl Future<Output = Result<Value, Error>> + Send;

    /// Events from now on. A reader that is too slow finds [`Event::Resync`] in their place.
    fn subscribe(&self) -> BoxStream<'static, Event>;
}
