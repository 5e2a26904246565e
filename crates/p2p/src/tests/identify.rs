//! What identify tells to anybody.

use super::{
    LIMIT,
    gossip::{drive, listen, swarm},
    tcp,
};
use crate::{
    behaviour::{Behaviour, BehaviourEvent},
    transport,
};
use futures::future::Either as Side;
use libp2p::{identify, swarm::SwarmEvent};

/// libp2p refuses a longer message of identify, bytes.
const LONGEST: usize = 4_096;
/// A field with its tag and length, bytes.
const FRAMING: usize = 4;

#[tokio::test]
async fn no_address_is_told_and_the_message_stays_far_below_its_limit() {
    let behaviour = |seed| Behaviour::new(&tcp(seed), &transport::keypair(&mut [seed; 32]).unwrap()).unwrap();
    let (mut alice, mut bob) = (swarm(1, behaviour(1)), swarm(2, behaviour(2)));
    // Alice has many addresses, and believes some of them to be reachable.
    let mut addr = None;
    for port in 4_001..4_040 {
        addr = Some(listen(&mut alice).await);
        alice.add_external_address(format!("/ip4/192.0.2.1/tcp/{port}").parse().unwrap());
    }
    bob.dial(addr.unwrap()).unwrap();
    let mut info = None;
    let told = drive(LIMIT, &mut alice, &mut bob, |event| {
        if let Side::Right(SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received {
            info: received,
            ..
        }))) = event
        {
            info = Some(received);
        }
        info.is_some()
    });
    assert!(told.await, "identify did not come");
    let info = info.unwrap();
    let hidden = info.listen_addrs.iter().filter(|addr| addr.to_string().contains("127.0.0.1")).count();
    assert_eq!(hidden, 0, "{:?}", info.listen_addrs);
    let texts = info.protocols.iter().map(|protocol| protocol.as_ref().len());
    let texts = texts.chain([info.protocol_version.len(), info.agent_version.len()]);
    let addrs = info.listen_addrs.iter().chain([&info.observed_addr]).map(|addr| addr.to_vec().len());
    let len: usize = texts.chain(addrs).map(|len| len + FRAMING).sum();
    assert!(len < LONGEST / 2, "{len} bytes, {info:?}");
}
