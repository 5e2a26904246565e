//! `madang room …` and `madang read`.

use madang_api::{friends, rooms};
use serde_json::json;

use crate::{
    args,
    attach::Attached,
    failure::Failure,
    moment,
    output::Output,
    table::Text,
    words::{Language, keys::Key, notices::Notice, states},
};

pub(crate) async fn run(node: &Attached, out: Output, verb: args::Room) -> Result<(), Failure> {
    match verb {
        args::Room::List => {
            let answer = node.call("room_list", &json!({})).await?;
            out.answer(&answer, |rooms| table(rooms, out.language))
        }
        args::Room::Direct { account } => {
            let answer = node.call("room_direct", &friends::AccountRef { account }).await?;
            out.answer(&answer, |room: rooms::RoomRef| Text::Lines(room.room))
        }
        args::Room::History { room } => {
            let answer = node.call("room_history", &rooms::RoomRef { room }).await?;
            out.answer(&answer, |history: rooms::History| {
                let language = out.language;
                let since = history.since.map_or_else(
                    || Notice::Beginning.say(language).to_owned(),
                    |since| moment::ago(language, since),
                );
                let history = states::history(language, &history.history);
                Text::Fields(vec![(Key::History, history), (Key::Since, since)])
            })
        }
        args::Room::Members { room } => {
            let answer = node.call("room_members", &rooms::RoomRef { room }).await?;
            out.answer(&answer, |members: Vec<rooms::Member>| {
                let row = |member: rooms::Member| {
                    let role = states::role(out.language, &member.role).to_owned();
                    vec![member.name, role, member.account]
                };
                Text::Table(&[Key::Name, Key::Role, Key::Account], members.into_iter().map(row).collect())
            })
        }
    }
}

pub(crate) async fn read(node: &Attached, out: Output, read: args::Read) -> Result<(), Failure> {
    let params = rooms::Read { room: read.room, message: read.message };
    let answer = node.call("room_read", &params).await?;
    out.answer(&answer, |_: rooms::RoomRef| Text::Nothing)
}

fn table(rooms: Vec<rooms::Room>, language: Language) -> Text {
    let row = |room: rooms::Room| {
        let unread = if room.unread == 0 { String::new() } else { room.unread.to_string() };
        let (age, last) = room.last.map_or_else(Default::default, |last| {
            (
                moment::ago(language, last.at),
                last.text.unwrap_or_else(|| Notice::Deleted.say(language).to_owned()),
            )
        });
        vec![room.title, unread, age, room.room, last]
    };
    let head = &[Key::Title, Key::Unread, Key::Age, Key::Room, Key::Last];
    Text::Table(head, rooms.into_iter().map(row).collect())
}
