//! gossipsub as we use it.
//!
//! Owns: its settings, the filter for subscriptions, and message ids.
//! Must not know: which topic belongs to what.
//! Invariant: these settings are the same on every node. The defaults have two silent cliffs: from 101 topics on a
//! peer appears to follow none, and a burst of messages above 57,344 bytes leaves a connection deaf for good.

use crate::error::StartError;
use libp2p::gossipsub::{
    self, Behaviour, ConfigBuilder, IdentityTransform, MaxCountSubscriptionFilter, Message,
    MessageAuthenticity, MessageId, TopicHash, TopicSubscriptionFilter, ValidationMode,
};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// Topics one peer may follow, and so tell in its first message. Above it gossipsub ignores the whole list; with
/// 32-byte names this is what fits into [`TRANSMIT_BYTES`] anyway.
const TOPICS_PER_PEER: usize = 16_384;
/// Longest topic name that is remembered for a peer, bytes.
const TOPIC_BYTES: usize = 128;
/// Receive limit. It is compared with the whole read buffer, so it must stay far above our own cap of 32 KiB.
const TRANSMIT_BYTES: usize = 1024 * 1024;
/// Limit of control data in one message, which includes the list of all topics.
const CONTROL_BYTES: usize = 4 * 1024 * 1024;

/// gossipsub with our filter.
pub(crate) type Gossip = Behaviour<IdentityTransform, MaxCountSubscriptionFilter<TopicNames>>;

/// Copies of a message within this time are not delivered. A later copy is: the owner finds it by its id.
const REMEMBERED: Duration = Duration::from_secs(60);

/// Builds gossipsub with the limits of every node in the network (protocol section 9.5).
pub(crate) fn gossip() -> Result<Gossip, StartError> {
    gossip_remembering(REMEMBERED)
}

/// The same with another time for copies.
pub(crate) fn gossip_remembering(time: Duration) -> Result<Gossip, StartError> {
    let config = config(time).map_err(|error| StartError::Gossip(error.to_string()))?;
    let filter = MaxCountSubscriptionFilter {
        filter: TopicNames,
        max_subscribed_topics: TOPICS_PER_PEER,
        max_subscriptions_per_request: TOPICS_PER_PEER,
    };
    Behaviour::new_with_subscription_filter(MessageAuthenticity::Anonymous, config, filter)
        .map_err(|error| StartError::Gossip(error.to_owned()))
}

fn config(remembered: Duration) -> Result<gossipsub::Config, gossipsub::ConfigBuilderError> {
    ConfigBuilder::default()
        .validation_mode(ValidationMode::Anonymous)
        .validate_messages()
        .flood_publish(false)
        .duplicate_cache_time(remembered)
        .max_transmit_size(TRANSMIT_BYTES)
        .max_control_message_size(CONTROL_BYTES)
        .message_id_fn(|message: &Message| MessageId::new(&message_hash(&message.data)))
        .build()
}

/// `SHA-256(data)[..16]`: equal on every node, and not to be pre-empted by junk under the same id.
pub(crate) fn message_hash(data: &[u8]) -> [u8; 16] {
    let digest: [u8; 32] = Sha256::digest(data).into();
    let mut hash = [0; 16];
    hash.copy_from_slice(digest.split_at(16).0);
    hash
}

/// Filter for the names of topics; [`MaxCountSubscriptionFilter`] around it bounds their number.
#[derive(Clone, Debug, Default)]
pub(crate) struct TopicNames;

impl TopicSubscriptionFilter for TopicNames {
    fn can_subscribe(&mut self, topic: &TopicHash) -> bool {
        topic.as_str().len() <= TOPIC_BYTES
    }
}
