//! Asking a running relay over its web server.
//!
//! Owns one GET request, so that a container needs no other program. Invariant: an answer is bounded in time and size.

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

/// Why a running relay could not be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The whole answer did not come in time.
    #[error("The relay at {address} does not answer in time")]
    Late {
        /// Its web address.
        address: String,
    },
    /// Nobody listens there.
    #[error("Cannot connect to {address}: {source}")]
    Connect {
        /// Its web address.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// The connection broke.
    #[error("The relay at {address} does not answer: {source}")]
    Broken {
        /// Its web address.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// Something else than a relay answers.
    #[error("The answer of {address} is not HTTP")]
    Foreign {
        /// Its web address.
        address: String,
    },
}

/// Gets a path from `address` ("host:port").
///
/// # Errors
/// When nobody answers in time, or not in HTTP.
pub(crate) async fn get(address: &str, path: &str) -> Result<Answer, ProbeError> {
    let late = |_| ProbeError::Late { address: address.to_owned() };
    timeout(TIMEOUT, request(address, path)).await.map_err(late)?
}

async fn request(address: &str, path: &str) -> Result<Answer, ProbeError> {
    let mut stream = TcpStream::connect(address)
        .await
        .map_err(|source| ProbeError::Connect { address: address.to_owned(), source })?;
    let text = exchange(&mut stream, address, path)
        .await
        .map_err(|source| ProbeError::Broken { address: address.to_owned(), source })?;
    read(&text).ok_or_else(|| ProbeError::Foreign { address: address.to_owned() })
}

async fn exchange(stream: &mut TcpStream, address: &str, path: &str) -> std::io::Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    stream.take(ANSWER_BYTES).read_to_string(&mut text).await?;
    Ok(text)
}

fn read(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, body: body.to_owned() })
}
