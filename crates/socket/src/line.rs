//! Lines with a bound: a longer one is refused as soon as the bound is passed, not when its end comes.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

/// One line without its end, `None` at the end of the stream. What stands before the end without a line feed
/// counts as a line.
///
/// # Errors
/// `InvalidData` when a line is longer than `cap` bytes; the stream is then unusable. Else the stream's error.
pub(crate) async fn next<R: AsyncBufRead + Unpin>(reader: &mut R, cap: usize) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        let available = reader.fill_buf().await?;
        if available.is_empty() {
            return Ok((!line.is_empty()).then_some(line));
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(available.len());
        if line.len().saturating_add(taken) > cap {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("a line is longer than {cap} bytes"),
            ));
        }
        line.extend(available.iter().take(taken));
        reader.consume(taken.saturating_add(usize::from(end.is_some())));
        if end.is_some() {
            return Ok(Some(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::BufReader;

    use super::*;

    #[tokio::test]
    async fn lines_come_one_by_one_whatever_the_pieces() {
        let mut reader = BufReader::with_capacity(3, &b"first\n\nlast"[..]);
        assert_eq!(next(&mut reader, 5).await.unwrap().unwrap(), b"first");
        assert_eq!(next(&mut reader, 5).await.unwrap().unwrap(), b"");
        assert_eq!(next(&mut reader, 5).await.unwrap().unwrap(), b"last");
        assert!(next(&mut reader, 5).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_line_above_the_cap_is_refused_before_its_end() {
        let mut endless = BufReader::new(tokio::io::repeat(b'x'));
        let error = next(&mut endless, 1000).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let mut reader = BufReader::new(&b"123456\n"[..]);
        assert!(next(&mut reader, 5).await.is_err());
    }
}
