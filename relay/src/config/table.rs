//! The table of options: one line of documentation, name, type and default each.
//!
//! Owns names and defaults only. Invariant: an option that is not here is refused by the loader.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// An option as the example file and the loader see it.
pub struct OptionDoc {
    /// Its key inside the section.
    pub key: &'static str,
    /// Its documentation, one line each.
    pub doc: &'static [&'static str],
}

/// A section of the configuration.
pub struct SectionDoc {
    /// Its name in the file.
    pub name: &'static str,
    /// Its documentation, one line each.
    pub doc: &'static [&'static str],
    /// Its options in the order of the file.
    pub options: &'static [OptionDoc],
}

macro_rules! sections {
    ($(
        $(#[doc = $section_doc:literal])+
        $name:ident: $type:ident {
            $($(#[doc = $doc:literal])+ $key:ident: $value:ty = $default:expr;)*
        }
    )*) => {
        /// The whole configuration.
        #[derive(Clone, Debug, Default, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Config {
            $($(#[doc = $section_doc])+ pub $name: $type,)*
        }
        $(
            $(#[doc = $section_doc])+
            #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
            #[serde(default, deny_unknown_fields)]
            pub struct $type {
                $($(#[doc = $doc])+ pub $key: $value,)*
            }

            impl Default for $type {
                fn default() -> Self {
                    Self { $($key: $default,)* }
                }
            }
        )*
        /// Every section with its options.
        pub const SECTIONS: &[SectionDoc] = &[$(SectionDoc {
            name: stringify!($name),
            doc: &[$($section_doc),+],
            options: &[$(OptionDoc { key: stringify!($key), doc: &[$($doc),+] }),*],
        }),*];
    };
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

sections! {
    /// Where clients reach the relay.
    network: NetworkConfig {
        /// Address and port for clients, over TCP and QUIC (UDP) alike. Port 0 picks a free one.
        listen: SocketAddr = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 4510));
        /// Name under which clients find this machine; part of the printed address. Empty: the listen address.
        domain: String = String::new();
        /// File with the secret key of the relay, made when missing. Empty: beside the data directory, its name with `.key`.
        /// Keep it outside the data directory, and a relay whose data was lost keeps its address.
        key_file: PathBuf = PathBuf::new();
        /// Connections held at once.
        max_connections: u32 = 10_000;
        /// Connections of one peer held at once.
        max_connections_per_peer: u32 = 4;
    }
    /// The small web server for operators and health checks.
    http: HttpConfig {
        /// Its address and port. It serves /metrics too, so keep it on the loopback interface or behind a proxy.
        listen: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 4511));
        /// Shown on the page of the relay: who runs it and how to reach them.
        operator: String = String::new();
    }
    /// Where data is kept.
    storage: StorageConfig {
        /// The data directory.
        data: PathBuf = PathBuf::from("/var/lib/madang-relay");
        /// Most bytes the database may take; a full one answers `busy`. 0: as much as the disk holds.
        max_bytes: u64 = 0;
        /// Seconds between two sweeps of expired items.
        sweep_s: u32 = 60;
    }
    /// Who may make boxes. Depositing and fetching needs only the key or token of a box.
    access: AccessConfig {
        /// Everybody may make boxes.
        open: bool = false;
        /// Invite codes; whoever knows one may make boxes.
        codes: Vec<String> = Vec::new();
        /// File with one more invite code per line.
        codes_file: PathBuf = PathBuf::new();
        /// Peer ids that may make boxes without a code.
        allow_peers: Vec<String> = Vec::new();
        /// Set to false to empty the relay before it is shut down: no new boxes, everything else goes on.
        accept_new: bool = true;
    }
    /// Sizes and times of boxes, told to clients in the hello.
    limits: LimitsConfig {
        /// Items in an inbox.
        inbox_items: u32 = 10_000;
        /// Bytes in an inbox.
        inbox_bytes: u64 = 64 * MIB;
        /// Hours an inbox item is kept when the sender names no time; 45 days at most.
        inbox_ttl_h: u32 = 30 * 24;
        /// Bytes of a log and its successors together.
        log_bytes: u64 = 256 * MIB;
        /// Hours a log item is kept at most.
        log_ttl_h: u32 = 14 * 24;
        /// Percentage of a log that one writer may fill, and all writers without admission together.
        writer_percent: u32 = 25;
        /// Hours during which an item is safe from the puts of other writers.
        protected_h: u32 = 48;
        /// Items without a token that may wait in an inbox.
        knocks: u32 = 20;
    }
    /// Rates, per second. 0 switches a rate off. A burst of ten seconds' worth is let through.
    rates: RatesConfig {
        /// Requests from one network (IPv4 address, or /48 of IPv6); every put and every subscribed box counts.
        ip_requests: u32 = 2_000;
        /// Kibibytes from one network, and of what it fetches and reads from slots.
        ip_kib: u32 = 32_768;
        /// Puts, fetches and subscriptions of one box, by those who hold its key or a token; writes of one slot, and
        /// apart from these its readings.
        box_requests: u32 = 1_000;
        /// Puts with one token.
        token_requests: u32 = 200;
        /// Puts, fetches and subscriptions of one log by one writer (admitted owner, else network). A quarter of
        /// box_requests, so that one member alone cannot make the log `busy` for the others.
        writer_requests: u32 = 250;
        /// Kibibytes into logs by one writer.
        writer_kib: u32 = 8_192;
        /// Boxes and first slots made from one network.
        ip_creations: u32 = 20;
    }
    /// Logging, always to standard error.
    log: LogConfig {
        /// Which lines: error, warn, info, debug, trace, or a filter such as `info,madang_relay=debug`.
        level: String = "info".to_owned();
        /// One JSON object per line instead of text.
        json: bool = false;
    }
}
