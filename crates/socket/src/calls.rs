//! What a socket serves.

use std::future::Future;

use futures::{StreamExt as _, stream::BoxStream};
use madang_api::{Error, Event, Session};
use serde_json::Value;

/// The calls of the contract, and its events. Method names are those of [`madang_api::METHODS`].
pub trait Calls: Send + Sync + 'static {
    /// Answers one call. `params` is an object or null.
    fn call(&self, method: &str, params: Value) -> impl Future<Output = Result<Value, Error>> + Send;

    /// Events from now on. A reader that is too slow finds [`Event::Resync`] in their place.
    fn subscribe(&self) -> BoxStream<'static, Event>;
}

impl Calls for Session {
    async fn call(&self, method: &str, params: Value) -> Result<Value, Error> {
        Self::call(self, method, params).await
    }

    fn subscribe(&self) -> BoxStream<'static, Event> {
        let events = Self::subscribe(self);
        futures::stream::unfold(events, |mut events| async move { Some((events.next().await?, events)) })
            .boxed()
    }
}
