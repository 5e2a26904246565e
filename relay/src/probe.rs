//! Asking a running relay over its web server.
//!
//! Owns one GET request, so that a container needs no other program. Invariant: an answer is bounded in time and size.

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};

/// Time for the whole request.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Largest answer, bytes.
const ANSWER_BYTES: u64 = 64 * 1024;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Status code of HTTP.
    pub(crate) status: u16,
    /// The text behind the head.
    pub(crate) body: String,
}

/// Gets a path from `address` ("host:port").
///
/// # Errors
/// When nobody answers in time, or not in HTTP.
pub(crate) async fn get(address: &str, path: &str) -> anyhow::Result<Answer> {
    timeout(TIMEOUT, request(address, path)).await.context("The relay does not answer in time")?
}

async fn request(address: &str, path: &str) -> anyhow::Result<Answer> {
    let mut stream =
        TcpStream::connect(address).await.with_context(|| format!("Cannot connect to {address}"))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    stream.take(ANSWER_BYTES).read_to_string(&mut text).await?;
    let (head, body) = text.split_once("\r\n\r\n").context("The answer is not HTTP")?;
    let status =
        head.split(' ').nth(1).and_then(|code| code.parse().ok()).context("The answer has no status")?;
    Ok(Answer { status, body: body.to_owned() })
}
