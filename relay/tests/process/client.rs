//! A small client of `/madang/relay/1`.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use ed25519_dalek::{Signer, SigningKey};
use futures::io::{ReadHalf, WriteHalf};
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use hmac::{Hmac, KeyInit, Mac};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, Stream, Swarm};
use madang_p2p::{frame, protocol, streams, transport};
use madang_wire::relay_sign::auth_bytes;
use madang_wire::*;
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use crate::relay::PATIENCE;

pub(crate) const K_TOKEN: [u8; 32] = [77; 32];

/// A client with one stream.
pub(crate) struct Client {
    reader: ReadHalf<Stream>,
    pub(crate) writer: WriteHalf<Stream>,
    pub(crate) hello: HelloOk,
    /// Its own libp2p id.
    pub(crate) peer: PeerId,
    next_id: u64,
    swarm: tokio::task::JoinHandle<()>,
}

impl std::ops::Drop for Client {
    fn drop(&mut self) {
        self.swarm.abort();
    }
}

pub(crate) fn key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

pub(crate) fn public(n: u8) -> Vec<u8> {
    key(n).verifying_key().to_bytes().to_vec()
}

pub(crate) fn short_hash(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes)[..16].to_vec()
}

pub(crate) fn box_id(n: u8) -> Vec<u8> {
    short_hash(&public(n))
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

/// A delivery token that expires so many hours from now.
pub(crate) fn token(key: &[u8; 32], slot: u32, hours: i64) -> Vec<u8> {
    let expiry = u32::try_from(now() as i64 / 3_600_000 + hours).unwrap();
    let head = [slot.to_be_bytes(), expiry.to_be_bytes()].concat();
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(&head);
    [&head[..], &mac.finalize().into_bytes()[..16]].concat()
}

/// A put into the inbox of `owner` with the token of contact 17.
pub(crate) fn inbox_put(owner: u8, body: &[u8]) -> Put {
    Put { auth: Some(PutAuth::Token(token(&K_TOKEN, 17, 24))), ..log_put(owner, body) }
}

pub(crate) fn log_put(owner: u8, body: &[u8]) -> Put {
    Put { box_id: box_id(owner), body: body.to_vec(), ..Put::default() }
}

pub(crate) fn fetch(owner: u8, epoch: &[u8], after_seq: u64) -> Fetch {
    Fetch { box_id: box_id(owner), epoch: epoch.to_vec(), after_seq, max: 0 }
}

pub(crate) fn bodies(items: &Items) -> Vec<Vec<u8>> {
    items.items.iter().map(|item| item.body.clone()).collect()
}

async fn open(addr: &str) -> (Stream, PeerId, tokio::task::JoinHandle<()>) {
    let addr: Multiaddr = addr.parse().unwrap();
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).unwrap();
    let keypair = transport::keypair(&mut secret).unwrap();
    let built = transport::transport(&keypair, transport::Transports { tcp: true, quic: true }).unwrap();
    let behaviour = streams::Behaviour::new(Vec::new(), Vec::new());
    let peer = keypair.public().to_peer_id();
    let mut swarm = Swarm::new(built, behaviour, peer, transport::swarm_config());
    swarm.dial(addr).unwrap();
    let stream = loop {
        match swarm.select_next_some().await {
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, .. } => {
                swarm.behaviour_mut().open(peer_id, connection_id, protocol::RELAY);
            }
            SwarmEvent::Behaviour(streams::Event::Outbound { result, .. }) => break result.unwrap(),
            SwarmEvent::OutgoingConnectionError { error, .. } => panic!("{error}"),
            _ => {}
        }
    };
    let task = tokio::spawn(async move {
        loop {
            swarm.select_next_some().await;
        }
    });
    (stream, peer, task)
}

impl Client {
    /// Connects and says hello.
    pub(crate) async fn connect(addr: &str) -> Self {
        let mut client = Self::connect_silently(addr).await;
        let hello = RelayBody::Hello(RHello { v: 1, features: Vec::new() });
        match client.ask(hello).await {
            RelayBody::HelloOk(hello) => client.hello = hello,
            other => panic!("{other:?}"),
        }
        client
    }

    pub(crate) async fn connect_silently(addr: &str) -> Self {
        let (stream, peer, swarm) = timeout(PATIENCE, open(addr)).await.unwrap();
        let (reader, writer) = stream.split();
        Self { reader, writer, hello: HelloOk::default(), peer, next_id: 1, swarm }
    }

    /// Sends without waiting; returns the id.
    pub(crate) async fn send(&mut self, body: RelayBody) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.send_bytes(&RelayFrame { id, body: Some(body) }.encode_to_vec()).await;
        id
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        frame::write_frame(&mut self.writer, bytes, protocol::RELAY_FRAME).await.unwrap();
        self.writer.flush().await.unwrap();
    }

    /// The next frame; `None` when the relay has closed the stream.
    pub(crate) async fn next(&mut self) -> Option<(u64, RelayBody)> {
        let read = timeout(PATIENCE, frame::read_frame(&mut self.reader, protocol::RELAY_FRAME)).await;
        let bytes = read.expect("no frame came").ok()??;
        let frame: RelayFrame = decode(&bytes).unwrap();
        Some((frame.id, frame.body.unwrap()))
    }

    /// Sends and returns the frame that answers it, leaving out pushes.
    pub(crate) async fn ask(&mut self, body: RelayBody) -> RelayBody {
        let id = self.send(body).await;
        loop {
            let (answered, body) = self.next().await.expect("the stream was closed");
            if answered == id {
                return body;
            }
        }
    }

    pub(crate) async fn error(&mut self, body: RelayBody) -> String {
        self.refused(body).await.code
    }

    pub(crate) async fn refused(&mut self, body: RelayBody) -> RErr {
        match self.ask(body).await {
            RelayBody::Err(error) => error,
            other => panic!("not refused: {other:?}"),
        }
    }

    /// What the parts of the request `id` were answered, by index: the code of an error, or `stored`.
    pub(crate) async fn parts(&mut self, id: u64, n: usize) -> Vec<String> {
        let mut answers = BTreeMap::new();
        for _ in 0..n {
            let (answered, body) = self.next().await.expect("the stream was closed");
            assert_eq!(answered, id, "{body:?}");
            let (index, text) = match body {
                RelayBody::Stored(stored) => (stored.index, "stored".to_owned()),
                RelayBody::Err(error) => (error.index, error.code),
                other => panic!("{other:?}"),
            };
            assert!(answers.insert(index, text).is_none(), "{index} was answered twice");
        }
        assert!(answers.keys().copied().eq(0..n as u32), "{answers:?}");
        answers.into_values().collect()
    }

    pub(crate) async fn ok(&mut self, body: RelayBody) {
        assert_eq!(self.ask(body).await, RelayBody::Ok(ROk {}));
    }

    pub(crate) fn relay_key(&self) -> [u8; 32] {
        self.hello.relay_key.clone().try_into().unwrap()
    }

    pub(crate) fn proof(&self, n: u8) -> RAuth {
        self.proof_by(&key(n))
    }

    pub(crate) fn proof_by(&self, key: &SigningKey) -> RAuth {
        let challenge = self.hello.challenge.clone().try_into().unwrap();
        let public = key.verifying_key().to_bytes();
        let signed = auth_bytes(&self.relay_key(), &challenge, &public);
        RAuth { cap_pub: public.to_vec(), sig: key.sign(&signed).to_bytes().to_vec() }
    }

    pub(crate) async fn auth(&mut self, n: u8) {
        let proof = self.proof(n);
        self.ok(RelayBody::Auth(proof)).await;
    }

    /// Proves the key and makes the inbox; returns its epoch.
    pub(crate) async fn make_inbox(&mut self, n: u8) -> Vec<u8> {
        self.make_inbox_with(n, "").await
    }

    pub(crate) async fn make_inbox_with(&mut self, n: u8, code: &str) -> Vec<u8> {
        self.auth(n).await;
        match self.ask(inbox_create(n, code)).await {
            RelayBody::Created(created) => {
                assert_eq!(created.box_id, box_id(n));
                created.epoch
            }
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn make_log(&mut self, n: u8) -> Vec<u8> {
        self.make_log_with(n, "").await
    }

    pub(crate) async fn make_log_with(&mut self, n: u8, code: &str) -> Vec<u8> {
        self.auth(n).await;
        match self.ask(log_create(n, code, &[])).await {
            RelayBody::Created(created) => created.epoch,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn put(&mut self, put: Put) -> Stored {
        match self.ask(RelayBody::Put(put)).await {
            RelayBody::Stored(stored) => stored,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn fetch(&mut self, fetch: Fetch) -> Items {
        match self.ask(RelayBody::Fetch(fetch)).await {
            RelayBody::Items(items) => items,
            other => panic!("{other:?}"),
        }
    }

    /// All bodies of a box, page by page, and the highest `truncated_before` told.
    pub(crate) async fn fetch_all(&mut self, owner: u8) -> (Vec<Vec<u8>>, u64) {
        let (mut all, mut after, mut truncated) = (Vec::new(), 0, 0);
        loop {
            let items = self.fetch(fetch(owner, &[], after)).await;
            truncated = truncated.max(items.truncated_before);
            all.extend(bodies(&items));
            match items.items.last() {
                Some(last) if last.seq < items.head => after = last.seq,
                _ => return (all, truncated),
            }
        }
    }

    /// The next pushed items.
    pub(crate) async fn pushed(&mut self) -> Items {
        match self.next().await {
            Some((_, RelayBody::Items(items))) => items,
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn inbox_create(n: u8, admission: &str) -> RelayBody {
    RelayBody::InboxCreate(InboxCreate {
        owner_pub: public(n),
        k_token: K_TOKEN.to_vec(),
        admission: admission.to_owned(),
    })
}

pub(crate) fn log_create(n: u8, admission: &str, prev: &[u8]) -> RelayBody {
    RelayBody::LogCreate(LogCreate {
        log_pub: public(n),
        ttl_h: 0,
        admission: admission.to_owned(),
        prev: prev.to_vec(),
    })
}
