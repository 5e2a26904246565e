//! Who may make boxes (protocol section 10.3).
//!
//! Owns the operator's policy. It must not know boxes. Invariant: depositing and fetching never ask here.

use std::collections::BTreeSet;

use libp2p::PeerId;
use subtle::ConstantTimeEq;

use crate::config::AccessConfig;

/// The policy in force.
pub(crate) struct Admission {
    open: bool,
    codes: Vec<String>,
    peers: BTreeSet<PeerId>,
    accept_new: bool,
}

impl Admission {
    /// The policy of a configuration.
    ///
    /// # Errors
    /// The text that is not a peer id.
    pub(crate) fn new(config: &AccessConfig) -> Result<Self, String> {
        let peers = config
            .allow_peers
            .iter()
            .map(|text| text.parse().map_err(|_| text.clone()))
            .collect::<Result<_, _>>()?;
        Ok(Self { open: config.open, codes: config.codes.clone(), peers, accept_new: config.accept_new })
    }

    /// Whether a peer that shows this code may make a box.
    pub(crate) fn admits(&self, peer: &PeerId, code: &str) -> bool {
        self.accept_new && (self.open || self.peers.contains(peer) || self.knows(code))
    }

    /// Whether boxes are made at all; a relay that is being emptied makes none.
    pub(crate) fn accepts_new(&self) -> bool {
        self.accept_new
    }

    /// The policy in a word, for the hello.
    pub(crate) fn policy(&self) -> &'static str {
        match (self.accept_new, self.open) {
            (false, _) => "closed",
            (true, true) => "open",
            (true, false) => "code",
        }
    }

    fn knows(&self, code: &str) -> bool {
        // Every code is compared, so that the time tells nothing about which one was nearly right.
        let hits =
            self.codes.iter().filter(|known| bool::from(known.as_bytes().ct_eq(code.as_bytes()))).count();
        hits > 0 && !code.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_allow_list_open_and_closed() {
        let (alice, bob) = (PeerId::random(), PeerId::random());
        let config = AccessConfig {
            codes: vec!["acorn".into(), String::new()],
            allow_peers: vec![alice.to_string()],
            ..AccessConfig::default()
        };
        let policy = Admission::new(&config).unwrap();
        assert!(policy.admits(&bob, "acorn") && policy.admits(&alice, ""));
        assert!(!policy.admits(&bob, "acor") && !policy.admits(&bob, ""));
        assert_eq!(policy.policy(), "code");
        let open = Admission::new(&AccessConfig { open: true, ..AccessConfig::default() }).unwrap();
        assert!(open.admits(&bob, ""));
        let closed = Admission::new(&AccessConfig { accept_new: false, open: true, ..config }).unwrap();
        assert!(!closed.admits(&alice, "acorn"));
        assert_eq!(closed.policy(), "closed");
    }

    #[test]
    fn a_damaged_peer_id_is_named() {
        let config = AccessConfig { allow_peers: vec!["nobody".into()], ..AccessConfig::default() };
        assert_eq!(Admission::new(&config).err().as_deref(), Some("nobody"));
    }
}
