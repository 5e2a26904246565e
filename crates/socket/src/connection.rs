//! One connection: requests in, answers and events out, each direction at its own pace.

use std::{future::Future, io, pin::pin, sync::Arc, time::Duration};

use futures::StreamExt as _;
use madang_api::{Code, Error, METHODS};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, BufWriter},
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::timeout,
};

use crate::{
    Calls, line, message,
    server::{ANSWER_CAP, CALLS_CAP, LINE_CAP, OUT_CAP},
};

/// Whoever does not read the last answers in this time has gone away.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// Serves one stream until it ends or `stop` is done: a socket's connection, or a pair of pipes. What was
/// asked before is still answered; then the subscription ends.
///
/// # Errors
/// A line above the bound, or the error of the stream.
pub async fn serve_stream<C, R, W>(
    calls: Arc<C>,
    read: R,
    write: W,
    stop: impl Future<Output = ()>,
) -> io::Result<()>
where
    C: Calls,
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let (out, lines) = mpsc::channel(OUT_CAP);
    let mut writing = pin!(write_lines(write, lines));
    // A writer that ends first ends the reader: nobody answers into a closed stream. A reader that ends
    // first leaves answers behind, which are still written.
    tokio::select! {
        read = read_requests(calls, read, out, stop) => read?,
        written = &mut writing => return written,
    }
    timeout(LAST_ANSWERS, writing).await.unwrap_or(Ok(()))
}

async fn write_lines<W: AsyncWrite + Unpin>(write: W, mut lines: mpsc::Receiver<Value>) -> io::Result<()> {
    let mut write = BufWriter::new(write);
    while let Some(value) = lines.recv().await {
        let mut text = value.to_string();
        text.push('\n');
        write.write_all(text.as_bytes()).await?;
        if lines.is_empty() {
            write.flush().await?;
        }
    }
    write.flush().await
}

async fn read_requests<C: Calls, R: AsyncRead + Unpin>(
    calls: Arc<C>,
    read: R,
    out: mpsc::Sender<Value>,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut stop = pin!(stop);
    let mut read = BufReader::new(read);
    let mut running = JoinSet::new();
    let room = Arc::new(Semaphore::new(CALLS_CAP));
    let mut subscribed = false;
    loop {
        let next = tokio::select! {
            biased;
            () = &mut stop => break,
            next = line::next(&mut read, LINE_CAP) => next?,
        };
        let Some(text) = next else { break };
        while running.try_join_next().is_some() {}
        let request = match message::request(&text) {
            Ok(request) => request,
            Err(refusal) => {
                send(&out, refusal).await?;
                continue;
            }
        };
        if request.method == "subscribe" {
            // The stream begins before the answer, so that nothing after the answer is missed.
            if !subscribed {
                running.spawn(forward(calls.subscribe(), out.clone()));
                subscribed = true;
            }
            if let Some(id) = request.id {
                send(&out, message::answer(&id, true, Ok(json!({})))).await?;
            }
            continue;
        }
        // With too many calls under way nothing more is read: the peer waits, memory does not grow.
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { break };
        let (calls, out) = (Arc::clone(&calls), out.clone());
        running.spawn(async move {
            let answer = answer(&*calls, request).await;
            if let Some(answer) = answer {
                // The connection is gone: there is nobody to answer.
                drop(out.send(answer).await);
            }
            drop(permit);
        });
    }
    // What was asked is answered before the connection ends.
    room.acquire_many(u32::try_from(CALLS_CAP).unwrap_or(u32::MAX))
        .await
        .map(drop)
        .map_err(io::Error::other)?;
    drop(out);
    running.shutdown().await;
    Ok(())
}

async fn send(out: &mpsc::Sender<Value>, value: Value) -> io::Result<()> {
    out.send(value).await.map_err(|_| io::ErrorKind::BrokenPipe.into())
}

async fn answer<C: Calls>(calls: &C, request: message::Request) -> Option<Value> {
    let known = METHODS.contains(&request.method.as_str());
    let result = if known {
        calls.call(&request.method, request.params).await
    } else {
        Err(Error::new(Code::Usage, format!("There is no call named {}", request.method)))
    };
    let id = request.id?;
    let answer = message::answer(&id, known, result);
    if answer.to_string().len() > ANSWER_CAP {
        let error = Error::new(Code::TooLarge, "The answer is too large. Ask for fewer with a limit");
        return Some(message::answer(&id, known, Err(error)));
    }
    Some(answer)
}

async fn forward(
    mut events: futures::stream::BoxStream<'static, madang_api::Event>,
    out: mpsc::Sender<Value>,
) {
    while let Some(event) = events.next().await {
        if out.send(message::notification(&event)).await.is_err() {
            return;
        }
    }
}
