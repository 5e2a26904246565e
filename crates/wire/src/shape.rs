//! Counts and lengths of a message, checked on its bytes.
//!
//! Owns a scan of the wire format that allocates nothing. It must not know any message: the tables
//! are in `bounds`. Invariant: what the scan lets through makes the decoder allocate at most the
//! counted number of elements, whatever the sender repeats.

use crate::DecodeError;

/// Most bounded fields of one message.
pub(crate) const MAX_FIELDS: usize = 32;

/// The bounded fields of a message. Fields that are not listed are single scalars or byte strings,
/// which the byte limit of the message bounds already.
#[derive(Debug)]
pub struct Shape(pub &'static [Field]);

/// The bound of one field.
#[derive(Debug)]
pub struct Field {
    tag: u32,
    count: usize,
    rule: Rule,
}

#[derive(Debug)]
enum Rule {
    Bytes { len: usize },
    Message(&'static Shape),
    Packed,
}

impl Field {
    /// A byte string or text that occurs once and has at most `len` bytes.
    pub const fn bytes(tag: u32, len: usize) -> Self {
        Self::many_bytes(tag, usize::MAX, len)
    }
    /// At most `count` byte strings or texts of at most `len` bytes.
    pub const fn many_bytes(tag: u32, count: usize, len: usize) -> Self {
        Self { tag, count, rule: Rule::Bytes { len } }
    }
    /// A message that occurs once. A second occurrence would be merged into the first and so evade
    /// the counts inside, hence it is refused.
    pub const fn one(tag: u32, shape: &'static Shape) -> Self {
        Self::many(tag, 1, shape)
    }
    /// At most `count` messages.
    pub const fn many(tag: u32, count: usize, shape: &'static Shape) -> Self {
        Self { tag, count, rule: Rule::Message(shape) }
    }
    /// At most `count` numbers, packed or not.
    pub const fn packed(tag: u32, count: usize) -> Self {
        Self { tag, count, rule: Rule::Packed }
    }
}

impl Shape {
    /// Checks encoded bytes against this shape.
    ///
    /// # Errors
    /// [`DecodeError::TooMany`], [`DecodeError::FieldTooLong`], or [`DecodeError::Malformed`] for bytes
    /// that are not a message at all (groups, which the protocol does not use, included).
    pub fn check(&self, bytes: &[u8]) -> Result<(), DecodeError> {
        let mut seen = [0_usize; MAX_FIELDS];
        let mut rest = bytes;
        while !rest.is_empty() {
            let (tag, value) = next_field(&mut rest)?;
            let listed = self.0.iter().zip(seen.iter_mut()).find(|(field, _)| field.tag == tag);
            if let Some((field, seen)) = listed {
                *seen = seen.saturating_add(field.check(&value)?);
                if *seen > field.count {
                    return Err(DecodeError::TooMany { tag, max: field.count });
                }
            }
        }
        Ok(())
    }
}

impl Field {
    fn check(&self, value: &Value<'_>) -> Result<usize, DecodeError> {
        match (&self.rule, value) {
            (Rule::Bytes { len }, Value::Bytes(bytes)) if bytes.len() > *len => {
                Err(DecodeError::FieldTooLong { tag: self.tag, max: *len })
            }
            (Rule::Message(shape), Value::Bytes(bytes)) => shape.check(bytes).map(|()| 1),
            // A varint ends with the byte whose top bit is clear.
            (Rule::Packed, Value::Bytes(bytes)) => Ok(bytes.iter().filter(|b| **b < 0x80).count()),
            // A wrong wire type is left to the decoder, which refuses it.
            _ => Ok(1),
        }
    }
}

/// Bytes of every occurrence of a field that holds bytes, text or a message, in order, as they stand in `message`. So
/// that a part can be kept exactly as it was received, without encoding it a second time (protocol section 0).
///
/// # Errors
/// [`DecodeError::Malformed`] for bytes that are not a message.
pub fn byte_fields(message: &[u8], tag: u32) -> Result<Vec<&[u8]>, DecodeError> {
    let (mut found, mut rest) = (Vec::new(), message);
    while !rest.is_empty() {
        if let (at, Value::Bytes(bytes)) = next_field(&mut rest)?
            && at == tag
        {
            found.push(bytes);
        }
    }
    Ok(found)
}

enum Value<'a> {
    Number,
    Bytes(&'a [u8]),
}

fn next_field<'a>(rest: &mut &'a [u8]) -> Result<(u32, Value<'a>), DecodeError> {
    let key = varint(rest)?;
    let tag = u32::try_from(key >> 3).map_err(|_| DecodeError::Malformed)?;
    let value = match key & 7 {
        0 => varint(rest).map(|_| Value::Number)?,
        1 => take(rest, 8).map(|_| Value::Number)?,
        5 => take(rest, 4).map(|_| Value::Number)?,
        2 => {
            let len = usize::try_from(varint(rest)?).map_err(|_| DecodeError::Malformed)?;
            Value::Bytes(take(rest, len)?)
        }
        _ => return Err(DecodeError::Malformed),
    };
    Ok((tag, value))
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], DecodeError> {
    let (head, tail) = rest.split_at_checked(len).ok_or(DecodeError::Malformed)?;
    *rest = tail;
    Ok(head)
}

fn varint(rest: &mut &[u8]) -> Result<u64, DecodeError> {
    let mut value = 0_u64;
    for shift in (0..70_u32).step_by(7) {
        let (byte, tail) = rest.split_first().ok_or(DecodeError::Malformed)?;
        *rest = tail;
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if *byte < 0x80 {
            return Ok(value);
        }
    }
    Err(DecodeError::Malformed)
}
