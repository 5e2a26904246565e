//! Sending, listing, finding and following messages.

use madang_api::messages;

use crate::{
    args,
    attach::Attached,
    failure::Failure,
    friends::Names,
    moment,
    output::Output,
    secret,
    table::Text,
    words::{Language, keys::Key, notices::Notice, reasons, states},
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
    out.list(&answer, Notice::NothingFound, |messages| table(messages, out.language))
}

pub(crate) async fn one(node: &Attached, out: Output, verb: args::Message) -> Result<(), Failure> {
    let args::Message::Why { message } = verb;
    let answer = node.call("message_why", &messages::MessageRef { message }).await?;
    let names = Names::of(node, out).await?;
    out.answer(&answer, |why: messages::Why| {
        let row = |device: messages::DeviceDelivery| {
            let at = if device.at == 0 { String::new() } else { moment::ago(out.language, device.at) };
            let state = states::device(out.language, device.state).to_owned();
            let reason = device.reason.map(|said| reasons::message(out.language, &said)).unwrap_or_default();
            vec![names.name(device.account), device.device, state, at, reason]
        };
        let head = &[Key::Account, Key::Device, Key::State, Key::Age, Key::Reason];
        Text::Table(head, why.devices.into_iter().map(row).collect())
    })
}

fn table(messages: Vec<messages::Message>, language: Language) -> Text {
    let row = |message: messages::Message| {
        let state = message.state.map(|state| states::message(language, state)).unwrap_or_default();
        let text = message.text.unwrap_or_else(|| Notice::Deleted.say(language).to_owned());
        vec![moment::ago(language, message.at), message.sender_name, text, state.to_owned(), message.message]
    };
    let head = &[Key::Age, Key::From, Key::Text, Key::State, Key::Message];
    Text::Table(head, messages.into_iter().map(row).collect())
}

/// The word that the contract gives a state.
pub(crate) fn word<T: serde::Serialize>(state: &T) -> String {
    serde_json::to_value(state).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}
