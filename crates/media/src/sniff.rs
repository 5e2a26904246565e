//! A file's type, from its first bytes. Names and extensions are never asked.

use image::ImageFormat;

use crate::MediaError;

/// A picture type that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// `image/png`
    Png,
    /// `image/jpeg`
    Jpeg,
    /// `image/webp`
    Webp,
    /// `image/gif`
    Gif,
}

impl Type {
    /// The media type's registered name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
        }
    }

    pub(crate) fn format(self) -> ImageFormat {
        match self {
            Self::Png => ImageFormat::Png,
            Self::Jpeg => ImageFormat::Jpeg,
            Self::Webp => ImageFormat::WebP,
            Self::Gif => ImageFormat::Gif,
        }
    }
}

/// Tells the type of a picture.
///
/// # Errors
/// [`MediaError::UnsupportedType`] for everything that is not one of the four, SVG and HTML included: both
/// are programs rather than pictures.
pub fn sniff(bytes: &[u8]) -> Result<Type, MediaError> {
    match infer::get(bytes).map(|found| found.mime_type()) {
        Some("image/png") => Ok(Type::Png),
        Some("image/jpeg") => Ok(Type::Jpeg),
        Some("image/webp") => Ok(Type::Webp),
        Some("image/gif") => Ok(Type::Gif),
        _ => Err(MediaError::UnsupportedType),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_types_are_known_by_their_bytes() {
        assert_eq!(sniff(b"\x89PNG\r\n\x1a\n").unwrap(), Type::Png);
        assert_eq!(sniff(b"\xff\xd8\xff\xe0").unwrap(), Type::Jpeg);
        assert_eq!(sniff(b"RIFF\0\0\0\0WEBPVP8 ").unwrap(), Type::Webp);
        assert_eq!(sniff(b"GIF89a").unwrap(), Type::Gif);
    }

    #[test]
    fn programs_archives_and_other_pictures_are_refused() {
        let others: [&[u8]; 8] = [
            b"",
            b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
            b"<?xml version=\"1.0\"?><svg/>",
            b"<!DOCTYPE html><html><script>1</script></html>",
            b"\x7fELF\x02\x01\x01",
            b"PK\x03\x04",
            b"II*\0",
            b"BM\x46\0\0\0",
        ];
        for bytes in others {
            assert!(matches!(sniff(bytes), Err(MediaError::UnsupportedType)), "{bytes:?}");
        }
    }
}
