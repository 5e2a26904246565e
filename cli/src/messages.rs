//! Sending, listing, finding and following messages.

use madang_api::{Code, Error, messages, rooms};
use serde_json::Value;

use crate::{
    args,
    attach::Attached,
    failure::Failure,
    moment,
    output::Output,
    secret,
    table::Text,
    words::{Language, notices::Notice, reasons},
};

pub(crate) async fn send(node: &Attached, out: Output, send: args::Send) -> Result<(), Failure> {
    let text = secret::or_stdin(send.text)?;
    let params = messages::Send { room: send.room, text, count: send.count, reply: send.reply };
    // Durable on this machine is all it waits for; many messages take as long as they take.
    let answer = node.call_patiently("message_send", &params).await?;
    out.answer(&answer, |sent: messages::Sent| Text::Lines(sent.message))
}

pub(crate) async fn list(node: &Attached, out: Output, list: args::List) -> Result<(), Failure> {
    let params =
        messages::List { room: list.room, limit: list.limit, before: list.before, after: list.after };
    let answer = node.call("message_list", &params).await?;
    out.answer(&answer, |messages| table(messages, out.language))
}

pub(crate) async fn search(node: &Attached, out: Output, search: args::Search) -> Result<(), Failure> {
    let params =
        messages::Search { text: search.text, room: search.room, from: search.from, limit: search.limit };
    let answer = node.call("search", &params).await?;
    out.answer(&answer, |messages| table(messages, out.language))
}

pub(crate) async fn one(node: &Attached, out: Output, verb: args::Message) -> Result<(), Failure> {
    let args::Message::Why { message } = verb;
    let answer = node.call("message_why", &messages::MessageRef { message }).await?;
    out.answer(&answer, |why: messages::Why| {
        let row = |device: messages::DeviceDelivery| {
            let at = if device.at == 0 { String::new() } else { moment::ago(device.at) };
            let state = word(&device.state);
            let reason = device.reason.map(|said| reasons::message(out.language, &said)).unwrap_or_default();
            vec![device.account, device.device, state, at, reason]
        };
        Text::Table(
            &["account", "device", "state", "age", "reason"],
            why.devices.into_iter().map(row).collect(),
        )
    })
}

/// Prints events until the node stops or the person interrupts.
pub(crate) async fn tail(node: &Attached, out: Output, tail: args::Tail) -> Result<(), Failure> {
    if let Some(room) = &tail.room {
        // A room that does not exist would be waited for in vain.
        node.call("room_history", &rooms::RoomRef { room: room.clone() }).await?;
    }
    let mut events = node.events().await?;
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        let event = tokio::select! {
            biased;
            _ = &mut interrupted => return Err(Failure::Interrupted),
            event = events.recv() => event,
        };
        let Some(event) = event else {
            return Err(Error::new(Code::NotRunning, "The node has stopped").into());
        };
        let other_room = tail.room.as_deref().is_some_and(|room| event["room"] != room);
        if other_room && event["event"] != "resync" {
            continue;
        }
        if out.json {
            out.line(&event.to_string())?
        } else {
            out.text(&Text::Lines(event_line(&event, out.language)))?
        }
    }
}

fn event_line(event: &Value, language: Language) -> String {
    let field = |name: &str| event[name].as_str().unwrap_or_default();
    match field("event") {
        "message" => {
            let text = event["text"].as_str().unwrap_or(Notice::Deleted.say(language));
            format!("{}: {text}", field("sender_name")).replace('\n', " ")
        }
        kind => {
            let subject = ["room", "account", "message"].map(field).into_iter().find(|id| !id.is_empty());
            format!("[{kind}] {}", subject.unwrap_or_default())
        }
    }
}

fn table(messages: Vec<messages::Message>, language: Language) -> Text {
    let row = |message: messages::Message| {
        let state = message.state.map(|state| word(&state)).unwrap_or_default();
        let text = message.text.unwrap_or_else(|| Notice::Deleted.say(language).to_owned());
        vec![moment::ago(message.at), message.sender_name, text, state, message.message]
    };
    Text::Table(&["age", "from", "text", "state", "message"], messages.into_iter().map(row).collect())
}

/// The word that the contract gives a state.
pub(crate) fn word<T: serde::Serialize>(state: &T) -> String {
    serde_json::to_value(state).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}
