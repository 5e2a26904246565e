//! `madang status`, `madang net why` and `madang relay …`

use madang_api::network;
use serde_json::json;

use crate::{
    args,
    attach::Attached,
    failure::Failure,
    messages::word,
    output::Output,
    table::Text,
    words::{Language, notices, reasons},
};

pub(crate) async fn status(node: &Attached, out: Output) -> Result<(), Failure> {
    let answer = node.call("status", &json!({})).await?;
    out.answer(&answer, |status: network::Status| {
        let mut fields = vec![
            ("account", status.account),
            ("device", status.device),
            ("outbox", status.outbox.to_string()),
            ("repaired", status.repaired.to_string()),
        ];
        fields.extend(status.clock_offset_ms.map(|ms| ("clock", notices::clock_corrected(out.language, ms))));
        fields.extend(status.addrs.into_iter().map(|addr| ("listens", addr)));
        fields.extend(status.relays.into_iter().map(|relay| ("relay", relay_line(&relay, out.language))));
        fields.extend(status.peers.into_iter().map(|peer| {
            let rtt = peer.rtt_ms.map(|ms| format!(" {ms} ms")).unwrap_or_default();
            ("peer", format!("{} {} {}{rtt}", peer.account, peer.device, peer.path))
        }));
        Text::Fields(fields)
    })
}

pub(crate) async fn net(node: &Attached, out: Output, verb: args::Net) -> Result<(), Failure> {
    let args::Net::Why = verb;
    let answer = node.call("net_why", &json!({})).await?;
    out.answer(&answer, |paths: Vec<network::DevicePath>| {
        let row = |path: network::DevicePath| {
            let reason = reasons::path(out.language, &path.reason);
            vec![path.account, path.device, path.path, reason]
        };
        Text::Table(&["account", "device", "path", "reason"], paths.into_iter().map(row).collect())
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
    out.answer(&answer, |relays: Vec<network::Relay>| {
        let row = |relay: network::Relay| {
            let reason = relay.reason.map(|said| reasons::relay(out.language, &said)).unwrap_or_default();
            vec![relay.addr, word(&relay.state), reason]
        };
        Text::Table(&["addr", "state", "reason"], relays.into_iter().map(row).collect())
    })
}

fn relay_line(relay: &network::Relay, language: Language) -> String {
    let reason = relay.reason.as_deref().map(|said| format!(": {}", reasons::relay(language, said)));
    let reason = reason.unwrap_or_default();
    format!("{} {}{reason}", relay.addr, word(&relay.state))
}
