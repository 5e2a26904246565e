//! Notifications through `org.freedesktop.Notifications`.
//!
//! Owns the handles. Invariant: text of others is never read as markup.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use madang_api::{Error, Event, Session, account::Setting, messages::Message, rooms::Room};
use madang_terminal::Language;
use notify_rust::{Notification, NotificationHandle, NotificationResponse};
use serde_json::{Value, json};
use tauri::{AppHandle, Manager as _};
use tokio::task::JoinHandle;

use super::rules::{self, MUTE, PRIVACY, Privacy, QUIET};
use crate::{
    home::Home,
    window,
    words::{self, Word},
};

/// Rooms with a notification at the same time; one more takes the place of any other.
const SHOWN_MAX: usize = 50;
/// Longest text that is shown, in characters; the rest is read in the window.
const BODY_MAX: usize = 240;
/// The action that the system invokes when the notification itself is clicked.
const CLICK: &str = "default";
/// The setting in which the page keeps the language that was chosen.
const LANGUAGE: &str = "ui.language";

/// Shows messages of others from now on, until the session ends.
pub(crate) fn hear(app: &AppHandle, session: &Arc<Session>) {
    let mut events = session.subscribe();
    let mut notices = Notices { app: app.clone(), session: Arc::clone(session), shown: BTreeMap::new() };
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            match event {
                Event::Message(message) => notices.message(&message).await,
                Event::Room { room } | Event::Receipt { room, .. } => notices.close_if_read(&room).await,
                _ => {}
            }
        }
    });
}

struct Notices {
    app: AppHandle,
    session: Arc<Session>,
    shown: BTreeMap<String, Shown>,
}

/// A notification and whoever waits for its click.
struct Shown {
    handle: Arc<NotificationHandle>,
    waiting: JoinHandle<()>,
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.waiting.abort();
    }
}

impl Notices {
    async fn message(&mut self, message: &Message) {
        let (None, Some(text)) = (message.state, &message.text) else { return };
        if window::shows_room(&self.app, &message.room) || self.silent(&message.room).await {
            return;
        }
        let replaced = self.shown.remove(&message.room);
        if replaced.is_none()
            && self.shown.len() >= SHOWN_MAX
            && let Some((_, other)) = self.shown.pop_first()
        {
            other.handle.close_async().await;
        }
        let language = words::language(self.setting(LANGUAGE).await.ok().flatten().as_deref());
        // Who cannot be asked may have wished for silence, so that the least is said.
        let privacy = self.setting(PRIVACY).await;
        let privacy = privacy.map_or(Privacy::Nothing, |kept| Privacy::read(kept.as_deref()));
        let (summary, text) = privacy.lines(&message.sender_name, text, language);
        let mut notification = notification(&summary, &body(&text, reads_markup().await), language);
        if let Some(replaced) = &replaced {
            notification.id(replaced.handle.id());
        }
        match notification.show_async().await {
            Ok(handle) => {
                let shown = self.wait(Arc::new(handle), message);
                self.shown.insert(message.room.clone(), shown);
            }
            // Without a notification server the window's title still tells.
            Err(error) => tracing::debug!(%error, "no notification could be shown"),
        }
    }

    /// Opens the message when its notification is clicked.
    fn wait(&self, handle: Arc<NotificationHandle>, message: &Message) -> Shown {
        let open = Event::Open { room: message.room.clone(), message: Some(message.message.clone()) };
        let (app, clicked) = (self.app.clone(), Arc::clone(&handle));
        let waiting = tokio::spawn(async move {
            let mut open = Some(open);
            let mut wanted = None;
            clicked
                .wait_for_action_async(|response| {
                    if matches!(response, NotificationResponse::Default) {
                        wanted = open.take();
                    }
                })
                .await;
            if let Some(event) = wanted {
                window::show(&app);
                app.state::<Home>().announce(&app, event).await;
            }
        });
        Shown { handle, waiting }
    }

    async fn close_if_read(&mut self, room: &str) {
        if !self.shown.contains_key(room) {
            return;
        }
        match Box::pin(self.unread(room)).await {
            Ok(0) => {
                if let Some(shown) = self.shown.remove(room) {
                    shown.handle.close_async().await;
                }
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the rooms could not be listed"),
        }
    }

    /// Whether the person wants to be told nothing, or nothing of this room.
    async fn silent(&self, room: &str) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        for key in [QUIET, &format!("{MUTE}{room}")] {
            if self.setting(key).await.is_ok_and(|until| rules::holds(until.as_deref(), now)) {
                return true;
            }
        }
        false
    }

    /// What the page keeps in a setting.
    async fn setting(&self, key: &str) -> Result<Option<String>, Error> {
        // The future of a call is large, and these are many.
        let answer = Box::pin(self.session.call("setting_get", json!({ "key": key }))).await;
        let kept = answer.map(|setting| serde_json::from_value::<Setting>(setting).ok()?.value);
        kept.inspect_err(|error| tracing::warn!(%error, key, "a setting could not be asked"))
    }

    async fn unread(&self, room: &str) -> Result<u32, Error> {
        let rooms = self.session.call("room_list", Value::Null).await?;
        let rooms: Vec<Room> = serde_json::from_value(rooms)
            .map_err(|error| Error::new(madang_api::Code::Internal, error.to_string()))?;
        Ok(rooms.iter().find(|found| found.room == room).map_or(0, |found| found.unread))
    }
}

/// What is shown, before it is known whether it takes the place of another one.
fn notification(sender: &str, body: &str, language: Language) -> Notification {
    let mut notification = Notification::new();
    notification
        .appname(Word::Product.say(language))
        .icon("madang-desktop")
        .summary(sender)
        .body(body)
        .action(CLICK, Word::Open.say(language));
    notification
}

/// Whether the server of this system reads markup in a body.
async fn reads_markup() -> bool {
    // The library asks in a way that blocks.
    let asked = tokio::task::spawn_blocking(notify_rust::get_capabilities).await;
    match asked {
        Ok(Ok(all)) => all.iter().any(|one| one == "body-markup"),
        Ok(Err(_)) | Err(_) => true,
    }
}

/// The text as it is shown: short, and without anything that a server would read as markup.
fn body(text: &str, markup: bool) -> String {
    let mut short: String = text.chars().take(BODY_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    if markup { short.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;") } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_action_is_in_the_language_of_the_page() {
        let action = |language| notification("민수", "안녕", language).actions;
        assert_eq!(action(Language::Korean), [CLICK, "열기"]);
        assert_eq!(action(Language::English), [CLICK, "Open"]);
    }

    #[test]
    fn text_of_others_is_no_markup() {
        assert_eq!(body("<b>1 & 2</b>", true), "&lt;b&gt;1 &amp; 2&lt;/b&gt;");
        assert_eq!(body("<b>1 & 2</b>", false), "<b>1 & 2</b>");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let long = "가".repeat(BODY_MAX + 1);
        assert_eq!(body(&long, false), format!("{}…", "가".repeat(BODY_MAX)));
        assert_eq!(body(&"가".repeat(BODY_MAX), false), "가".repeat(BODY_MAX));
    }
}
