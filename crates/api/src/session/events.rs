//! The events of a session, for one reader.

use tokio::sync::broadcast::{self, error::RecvError};

use crate::{Event, convert};

/// Events for one reader. One that is too slow finds [`Event::Resync`] in the place of what it missed.
#[derive(Debug)]
pub struct Events {
    receiver: broadcast::Receiver<Event>,
}

impl Events {
    pub(super) fn new(receiver: broadcast::Receiver<Event>) -> Self {
        Self { receiver }
    }

    /// The next event; `None` when the session is gone.
    pub async fn next(&mut self) -> Option<Event> {
        match self.receiver.recv().await {
            Ok(event) => Some(event),
            Err(RecvError::Lagged(missed)) => Some(Event::Resync { missed }),
            Err(RecvError::Closed) => None,
        }
    }
}

/// Carries the events of the node to the readers of the session.
pub(super) async fn pump(mut from: broadcast::Receiver<madang_node::Event>, to: broadcast::Sender<Event>) {
    loop {
        let event = match from.recv().await {
            Ok(event) => convert::event(event),
            Err(RecvError::Lagged(missed)) => Some(Event::Resync { missed }),
            Err(RecvError::Closed) => return,
        };
        if let Some(event) = event {
            // Without a reader there is nobody to tell.
            drop(to.send(event));
        }
    }
}
