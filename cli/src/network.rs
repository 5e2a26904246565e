//! `madang status`, `madang net why` and `madang relay …`

use madang_api::network;
use serde_json::json;

use crate::{
    args,
    attach::Attached,
    failure::Failure,
    friends::Names,
    moment,
    output::Output,
    table::Text,
    words::{
        keys::Key,
        notices::{self, Notice},
        reach, reasons, states,
    },
};

pub(crate) async fn status(node: &Attached, out: Output) -> Result<(), Failure> {
    let answer = node.call("status", &json!({})).await?;
    let names = Names::of(node, out).await?;
    out.answer(&answer, |status: network::Status| {
        let language = out.language;
        let mut fields = vec![
            (Key::Account, status.account),
            (Key::Device, status.device),
            (Key::Outbox, status.outbox.to_string()),
            (Key::Repaired, status.repaired.to_string()),
        ];
        fields.extend(status.clock_offset_ms.map(|ms| (Key::Clock, notices::clock_corrected(language, ms))));
        fields.extend(status.addrs.into_iter().map(|addr| (Key::Listens, addr)));
        fields.extend(status.relays.iter().map(|relay| (Key::Relay, reach::relay(language, relay))));
        fields.extend(status.peers.into_iter().map(|peer| {
            let rtt = peer.rtt_ms.map(|ms| format!(" {ms} ms")).unwrap_or_default();
            let path = states::path(language, &peer.path);
            (Key::Peer, format!("{} {} {path}{rtt}", names.name(peer.account), peer.device))
        }));
        Text::Fields(fields)
    })
}

pub(crate) async fn net(node: &Attached, out: Output, verb: args::Net) -> Result<(), Failure> {
    let args::Net::Why = verb;
    let answer = node.call("net_why", &json!({})).await?;
    let names = Names::of(node, out).await?;
    out.list(&answer, Notice::NoPaths, |paths: Vec<network::DevicePath>| {
        let row = |path: network::DevicePath| {
            let (now, reason) =
                (reach::device(out.language, &path), reasons::path(out.language, &path.reason));
            let name = states::path(out.language, &path.path).to_owned();
            vec![names.name(path.account), path.device, name, now, reason]
        };
        let head = &[Key::Account, Key::Device, Key::Path, Key::Now, Key::Reason];
        Text::Table(head, paths.into_iter().map(row).collect())
    })
}

pub(crate) async fn relay(node: &Attached, out: Output, verb: args::Relay) -> Result<(), Failure> {
    let answer = match verb {
        args::Relay::Add { addr, code } => node.call("relay_add", &network::RelayRef { addr, code }).await?,
        args::Relay::Remove { addr } => {
            node.call("relay_remove", &network::RelayRef { addr, code: None }).await?
        }
        args::Relay::List => node.call("relay_list", &json!({})).await?,
    };
    out.list(&answer, Notice::NoRelays, |relays: Vec<network::Relay>| {
        let row = |relay: network::Relay| {
            let reason = relay.reason.map(|said| reasons::relay(out.language, &said)).unwrap_or_default();
            let since = relay.since.map(|since| moment::ago(out.language, since)).unwrap_or_default();
            vec![relay.addr, states::relay(out.language, relay.state).to_owned(), since, reason]
        };
        let head = &[Key::Address, Key::State, Key::Since, Key::Reason];
        Text::Table(head, relays.into_iter().map(row).collect())
    })
}
