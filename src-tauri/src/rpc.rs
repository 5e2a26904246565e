//! The two commands of the data path: a call of the contract and the subscription to its events.
//!
//! Owns the channels of the page. It must not know what a call means. Invariant: an answer is either
//! what the contract says or one of its errors.

use std::sync::{Mutex, PoisonError};

use madang_api::{Error, Event};
use serde_json::Value;
use tauri::{AppHandle, State, ipc::Channel};

use crate::home::Home;

/// Channels kept at the same time: one per window, and a few of pages that were reloaded.
const CHANNELS_CAP: usize = 8;
/// Events kept until the page has subscribed, for example the link that started the program.
const PENDING_CAP: usize = 16;

/// The pages that listen.
#[derive(Default)]
pub(crate) struct Subscribers(Mutex<Listeners>);

#[derive(Default)]
struct Listeners {
    channels: Vec<Channel<Event>>,
    pending: Vec<Event>,
}

impl Subscribers {
    /// Tells every page; when there is none yet, keeps for the first one what asks for the
    /// person's attention.
    pub(crate) fn tell(&self, event: &Event) {
        let mut listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.channels.retain(|channel| channel.send(event.clone()).is_ok());
        // The page asks for everything else when it starts.
        let asks = matches!(event, Event::Link { .. } | Event::Open { .. });
        if asks && listeners.channels.is_empty() && listeners.pending.len() < PENDING_CAP {
            listeners.pending.push(event.clone());
        }
    }

    /// Adds a page and gives it what was kept.
    fn add(&self, channel: Channel<Event>) {
        let mut listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for event in std::mem::take(&mut listeners.pending) {
            if channel.send(event).is_err() {
                return;
            }
        }
        if listeners.channels.len() >= CHANNELS_CAP {
            listeners.channels.remove(0);
        }
        listeners.channels.push(channel);
    }
}

/// Answers one call of the contract.
#[tauri::command]
pub(crate) async fn rpc(
    app: AppHandle,
    home: State<'_, Home>,
    method: String,
    params: Option<Value>,
) -> Result<Value, Error> {
    home.call(&app, &method, params).await
}

/// Starts the stream of events on a channel of the page.
#[tauri::command]
pub(crate) fn subscribe(channel: Channel<Event>, subscribers: State<'_, Subscribers>) {
    subscribers.add(channel);
}
