//! Bounded decoding: the header first, the pixels only when they fit.
//!
//! Must not know what the pixels are for. Invariant: the size is checked before anything is allocated for
//! the pixels.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder as _, ImageError, ImageReader, Limits};

use crate::{MediaError, sniff};

/// Longest side of a picture, in pixels.
pub const SIDE_MAX: u32 = 12_000;
/// Most pixels of a picture: 40 megapixels.
pub const PIXELS_MAX: u64 = 40_000_000;
/// Most bytes the decoded pixels may take: 256 MiB.
pub const ALLOC_MAX: u64 = 256 * 1024 * 1024;

/// Decoded pixels and how the camera was held when they were taken.
pub(crate) struct Picture {
    /// The pixels as they were stored.
    pub(crate) pixels: DynamicImage,
    /// How they must be turned to stand upright. The caller turns the small result rather than the large
    /// original, because turning makes a copy.
    pub(crate) orientation: Orientation,
}

/// Decodes one picture; of an animation the first frame.
pub(crate) fn decode(bytes: &[u8]) -> Result<Picture, MediaError> {
    let format = sniff(bytes)?.format();
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits());
    let mut decoder = reader.into_decoder().map_err(|error| refusal(&error))?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width).saturating_mul(u64::from(height));
    if width > SIDE_MAX || height > SIDE_MAX || pixels > PIXELS_MAX || decoder.total_bytes() > ALLOC_MAX {
        return Err(MediaError::TooManyPixels);
    }
    if pixels == 0 {
        return Err(MediaError::Damaged);
    }
    // A picture with damaged metadata is shown as it was stored.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let pixels = DynamicImage::from_decoder(decoder).map_err(|error| refusal(&error))?;
    Ok(Picture { pixels, orientation })
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(ALLOC_MAX);
    limits
}

fn refusal(error: &ImageError) -> MediaError {
    match error {
        ImageError::Limits(_) => MediaError::TooManyPixels,
        ImageError::Unsupported(_) => MediaError::UnsupportedType,
        _ => MediaError::Damaged,
    }
}
