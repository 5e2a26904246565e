//! Typed identifiers.
//!
//! Owns the newtypes over fixed byte arrays and their hexadecimal form. Must not know how an id is hashed or
//! which key signs what. Invariant: a value of an id type always has the exact length of protocol section 0.

use std::fmt;
use std::str::FromStr;

/// Why bytes or text are not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// The number of bytes (or of hexadecimal digit pairs) differs from the length of this kind of id.
    #[error("an id of {expected} bytes was expected, {found} were found")]
    Length {
        /// Length of this kind of id in bytes.
        expected: usize,
        /// Length that was found, in bytes.
        found: usize,
    },
    /// A character is not a lower- or upper-case hexadecimal digit.
    #[error("character {at} is not a hexadecimal digit")]
    Digit {
        /// Position of the character, counted in bytes from 0.
        at: usize,
    },
}

fn digit(byte: u8, at: usize) -> Result<u8, IdError> {
    match byte {
        b'0'..=b'9' => Ok(byte.wrapping_sub(b'0')),
        b'a'..=b'f' => Ok(byte.wrapping_sub(b'a').wrapping_add(10)),
        b'A'..=b'F' => Ok(byte.wrapping_sub(b'A').wrapping_add(10)),
        _ => Err(IdError::Digit { at }),
    }
}

fn parse_hex<const N: usize>(text: &str) -> Result<[u8; N], IdError> {
    let bytes = text.as_bytes();
    if bytes.len() != N.saturating_mul(2) {
        return Err(IdError::Length { expected: N, found: bytes.len().div_ceil(2) });
    }
    let mut out = [0u8; N];
    for (index, (pair, slot)) in bytes.chunks_exact(2).zip(out.iter_mut()).enumerate() {
        let at = index.saturating_mul(2);
        if let [high, low] = *pair {
            *slot = (digit(high, at)? << 4) | digit(low, at.saturating_add(1))?;
        }
    }
    Ok(out)
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// Takes the bytes as they are.
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// The bytes by value.
            pub const fn to_bytes(self) -> [u8; $len] {
                self.0
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = IdError;

            fn try_from(bytes: &[u8]) -> Result<Self, IdError> {
                <[u8; $len]>::try_from(bytes)
                    .map(Self)
                    .map_err(|_| IdError::Length { expected: $len, found: bytes.len() })
            }
        }

        impl From<[u8; $len]> for $name {
            fn from(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse_hex(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "("))?;
                write_hex(self.0.first_chunk::<4>().map_or(&[], |head| head.as_slice()), f)?;
                f.write_str(")")
            }
        }
    };
}

id!(
    /// A person: the op id of the genesis of the account log (protocol section 1.2).
    AccountId, 32
);
id!(
    /// A machine: its Ed25519 device key. In an account log the author may also be the root key.
    DeviceId, 32
);
id!(
    /// The identity of an op and so of a message (protocol section 2.1).
    OpId, 32
);
id!(
    /// A conversation: 1:1, group, open room or self (protocol section 5.1).
    ConvId, 32
);
id!(
    /// A key epoch of a conversation (protocol section 3.1).
    KeyId, 16
);
id!(
    /// An invite (protocol section 7.1).
    InviteId, 16
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text_form() {
        let id = OpId::from_bytes(std::array::from_fn(|i| (i * 7) as u8));
        let text = id.to_string();
        assert_eq!(text.len(), 64);
        assert_eq!(text.parse::<OpId>(), Ok(id));
        assert_eq!(text.to_uppercase().parse::<OpId>(), Ok(id));
        assert_eq!(format!("{id:?}"), "OpId(00070e15)");
    }

    #[test]
    fn wrong_lengths_and_digits_are_named() {
        assert_eq!(KeyId::try_from(&[1u8; 15][..]), Err(IdError::Length { expected: 16, found: 15 }));
        assert_eq!("0g".repeat(16).parse::<KeyId>(), Err(IdError::Digit { at: 1 }));
        assert_eq!("00".parse::<InviteId>(), Err(IdError::Length { expected: 16, found: 1 }));
        assert_eq!("é".repeat(16).parse::<InviteId>(), Err(IdError::Digit { at: 0 }));
    }
}
