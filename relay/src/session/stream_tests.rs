use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll};

use ed25519_dalek::{Signer, SigningKey};
use futures::{AsyncRead, AsyncWrite, AsyncWriteExt};
use madang_p2p::frame::{read_frame, write_frame};
use madang_wire::relay_sign::auth_bytes;
use madang_wire::{
    Fetch, Message, PushClear, RAuth, RHello, ROk, RelayBody, RelayFrame, SlotGet, Subscribe, decode,
};
use tokio::io::{AsyncRead as _, AsyncWrite as _, DuplexStream, ReadBuf};
use tokio::sync::watch;

use crate::bare::{self, OFF};
use crate::session;
use crate::state::{FRAME_BYTES, State};
use crate::storage::BoxId;

/// An end of a stream in memory.
struct Pipe(DuplexStream);

impl AsyncRead for Pipe {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut read = ReadBuf::new(buf);
        Pin::new(&mut self.0).poll_read(cx, &mut read).map_ok(|()| read.filled().len())
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// A client of a served stream.
struct Client {
    stream: Pipe,
    state: Arc<State>,
    serving: tokio::task::JoinHandle<()>,
    /// The relay drains when this is gone.
    _drain: watch::Sender<bool>,
}

impl Client {
    fn new() -> Self {
        let state = Arc::new(bare::state(true, &OFF, &Arc::new(AtomicU64::new(1_700_000_000_000))));
        let (near, far) = tokio::io::duplex(1 << 20);
        let (drain, draining) = watch::channel(false);
        let serving = tokio::spawn(session::serve(Arc::clone(&state), bare::peer(1), Pipe(far), draining));
        Self { stream: Pipe(near), state, serving, _drain: drain }
    }

    async fn send(&mut self, id: u64, body: RelayBody) {
        let bytes = RelayFrame { id, body: Some(body) }.encode_to_vec();
        write_frame(&mut self.stream, &bytes, FRAME_BYTES).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    async fn next(&mut self) -> RelayFrame {
        let bytes = read_frame(&mut self.stream, FRAME_BYTES).await.unwrap().unwrap();
        decode::<RelayFrame>(&bytes).unwrap()
    }

    async fn ask(&mut self, body: RelayBody) -> RelayBody {
        self.send(1, body).await;
        self.next().await.body.unwrap()
    }

    /// Says hello and proves a key; answers the id of its box.
    async fn prove(&mut self, n: u8) -> Vec<u8> {
        let hello = self.ask(RelayBody::Hello(RHello { v: 1, features: Vec::new() })).await;
        let RelayBody::HelloOk(hello) = hello else { panic!("{hello:?}") };
        let key = SigningKey::from_bytes(&[n; 32]);
        let public = key.verifying_key().to_bytes();
        let challenge = hello.challenge.try_into().unwrap();
        let sig = key.sign(&auth_bytes(&self.state.relay_key, &challenge, &public)).to_bytes().to_vec();
        let proof = RAuth { cap_pub: public.to_vec(), sig };
        assert_eq!(self.ask(RelayBody::Auth(proof)).await, RelayBody::Ok(ROk {}));
        BoxId::of(&public).0.to_vec()
    }
}

/// Few pages at a time: whoever asks for more than he reads is not read from.
#[tokio::test]
async fn no_more_than_four_reads_wait_for_their_answer() {
    for slots in [false, true] {
        let mut client = Client::new();
        let box_id = client.prove(1).await;
        let (open, gate) = std::sync::mpsc::sync_channel::<()>(1);
        let shut = move |_: &mut dyn crate::storage::Storage| {
            gate.recv().unwrap();
            Ok(())
        };
        let storage = client.state.storage.clone();
        let shut = storage.submit(crate::storage::Access::Read, shut, |()| ()).await.unwrap();
        let read = || match slots {
            true => RelayBody::SlotGet(SlotGet { slot_id: vec![9; 16] }),
            false => RelayBody::Fetch(Fetch { box_id: box_id.clone(), ..Fetch::default() }),
        };
        for id in 10..30 {
            client.send(id, read()).await;
        }
        // Answered at once, without the database.
        client.send(99, RelayBody::PushClear(PushClear { inbox_id: vec![0; 16] })).await;
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        open.send(()).unwrap();
        shut.await.unwrap().unwrap();
        let mut before = 0;
        while client.next().await.id != 99 {
            before += 1;
        }
        assert!(before > 20 - session::READS_CAP, "it was read when only {before} were answered");
    }
}

#[tokio::test]
async fn boxes_that_cannot_be_subscribed_leave_nothing_behind() {
    let mut client = Client::new();
    let hello = client.ask(RelayBody::Hello(RHello { v: 1, features: Vec::new() })).await;
    let RelayBody::HelloOk(hello) = hello else { panic!("{hello:?}") };
    let challenge = hello.challenge.try_into().unwrap();
    for n in 0..20u8 {
        let key = SigningKey::from_bytes(&[n; 32]);
        let public = key.verifying_key().to_bytes();
        let sig = key.sign(&auth_bytes(&client.state.relay_key, &challenge, &public)).to_bytes().to_vec();
        let proof = RAuth { cap_pub: public.to_vec(), sig };
        assert_eq!(client.ask(RelayBody::Auth(proof)).await, RelayBody::Ok(ROk {}));
        let fetch = Fetch { box_id: BoxId::of(&public).0.to_vec(), ..Fetch::default() };
        let refused = client.ask(RelayBody::Subscribe(Subscribe { boxes: vec![fetch], window: 1 })).await;
        assert!(matches!(&refused, RelayBody::Err(error) if error.code == "not_found"), "{refused:?}");
    }
    client.stream.close().await.unwrap();
    client.serving.await.unwrap();
    assert_eq!(client.state.hub.len(), 0);
}
