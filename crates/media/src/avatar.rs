//! The photo of a profile: a square, a smaller square for requests, and a placeholder.
//!
//! Must not know profiles. Invariant: each result fits its limit, whatever the input was.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ExtendedColorType, Rgb, RgbImage};

use crate::picture::{self, Picture};
use crate::{MediaError, Type};

/// Side of a profile photo, in pixels; smaller pictures are not blown up.
pub const PHOTO_SIDE: u32 = 256;
/// Most bytes of a profile photo (protocol section 6: `Card.thumb`).
pub const PHOTO_MAX: usize = 16 * 1024;
/// Side of the photo in a contact request, in pixels.
pub const SMALL_SIDE: u32 = 96;
/// Most bytes of the photo in a contact request (protocol section 7).
pub const SMALL_MAX: usize = 4 * 1024;

/// Side of the picture that the placeholder is computed from; the algorithm takes at most 100.
const PLACEHOLDER_SIDE: u32 = 64;
/// JPEG qualities that are tried, best first.
const QUALITIES: [u8; 6] = [88, 80, 70, 60, 48, 36];
/// How often the side is halved when no quality fits. Eight halvings make any photo a single pixel.
const HALVINGS: u32 = 8;

/// An encoded picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Its type: JPEG, or WebP where that keeps the pixels exactly within the limit.
    pub media_type: Type,
    /// The file.
    pub bytes: Vec<u8>,
}

/// Everything made from a profile photo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Avatar {
    /// The photo: at most [`PHOTO_SIDE`] pixels square and [`PHOTO_MAX`] bytes.
    pub photo: Encoded,
    /// The photo for contact requests: at most [`SMALL_SIDE`] pixels square and [`SMALL_MAX`] bytes.
    pub small: Encoded,
    /// The placeholder (ThumbHash), about 25 bytes.
    pub thumbhash: Vec<u8>,
}

/// Makes an avatar out of the bytes of a picture. Programs call [`crate::Worker::avatar`] instead, which
/// runs this in a process of its own.
///
/// # Errors
/// As [`MediaError`] says, apart from the variants about the worker.
pub fn avatar(bytes: &[u8]) -> Result<Avatar, MediaError> {
    let square = upright_square(picture::decode(bytes)?);
    let small = square.resize(SMALL_SIDE, SMALL_SIDE, FilterType::Lanczos3);
    let small = if small.width() > square.width() { &square } else { &small };
    Ok(Avatar {
        photo: encode(&square, PHOTO_MAX)?,
        small: encode(small, SMALL_MAX)?,
        thumbhash: placeholder(&square),
    })
}

/// The middle of the picture, turned upright. Cutting and shrinking come before turning, so that only the
/// small square is copied.
fn upright_square(picture: Picture) -> DynamicImage {
    let Picture { pixels, orientation } = picture;
    let (width, height) = (pixels.width(), pixels.height());
    let middle = width.min(height);
    let left = width.saturating_sub(middle).checked_div(2).unwrap_or(0);
    let top = height.saturating_sub(middle).checked_div(2).unwrap_or(0);
    let side = middle.min(PHOTO_SIDE);
    // A picture that is a square already is not copied.
    let cut = if width == height { pixels } else { pixels.crop_imm(left, top, middle, middle) };
    let mut square = if side == middle { cut } else { cut.resize_exact(side, side, FilterType::Lanczos3) };
    square.apply_orientation(orientation);
    square
}

fn encode(square: &DynamicImage, max: usize) -> Result<Encoded, MediaError> {
    let lossless = webp(square)?;
    if lossless.len() <= max {
        return Ok(Encoded { media_type: Type::Webp, bytes: lossless });
    }
    for halving in 0..=HALVINGS {
        let side = square.width().checked_shr(halving).unwrap_or(0).max(1);
        let opaque = on_white(&square.resize_exact(side, side, FilterType::Lanczos3));
        for quality in QUALITIES {
            let bytes = jpeg(&opaque, quality)?;
            if bytes.len() <= max {
                return Ok(Encoded { media_type: Type::Jpeg, bytes });
            }
        }
    }
    Err(MediaError::CannotFit)
}

fn webp(picture: &DynamicImage) -> Result<Vec<u8>, MediaError> {
    let mut bytes = Vec::new();
    let encoder = WebPEncoder::new_lossless(&mut bytes);
    let encoded = if picture.color().has_alpha() {
        let pixels = picture.to_rgba8();
        encoder.encode(&pixels, pixels.width(), pixels.height(), ExtendedColorType::Rgba8)
    } else {
        let pixels = picture.to_rgb8();
        encoder.encode(&pixels, pixels.width(), pixels.height(), ExtendedColorType::Rgb8)
    };
    encoded.map_err(|_| MediaError::CannotFit)?;
    Ok(bytes)
}

fn jpeg(picture: &RgbImage, quality: u8) -> Result<Vec<u8>, MediaError> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .encode(picture, picture.width(), picture.height(), ExtendedColorType::Rgb8)
        .map_err(|_| MediaError::CannotFit)?;
    Ok(bytes)
}

/// JPEG knows no transparency: what shows through is white.
fn on_white(picture: &DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.to_rgb8();
    }
    let source = picture.to_rgba8();
    let mut opaque = RgbImage::new(source.width(), source.height());
    for (target, pixel) in opaque.pixels_mut().zip(source.pixels()) {
        let [red, green, blue, alpha] = pixel.0;
        *target = Rgb([red, green, blue].map(|colour| over_white(colour, alpha)));
    }
    opaque
}

fn over_white(colour: u8, alpha: u8) -> u8 {
    let shown = u32::from(colour).saturating_mul(u32::from(alpha));
    let white = 255_u32.saturating_mul(255_u32.saturating_sub(u32::from(alpha)));
    let mixed = shown.saturating_add(white).checked_div(255).unwrap_or(255);
    u8::try_from(mixed).unwrap_or(u8::MAX)
}

fn placeholder(square: &DynamicImage) -> Vec<u8> {
    let small = square.thumbnail(PLACEHOLDER_SIDE, PLACEHOLDER_SIDE).to_rgba8();
    // Both sides are at most PLACEHOLDER_SIDE, which every usize holds.
    let side = |length: u32| usize::try_from(length).unwrap_or(0);
    thumbhash::rgba_to_thumb_hash(side(small.width()), side(small.height()), &small)
}

#[cfg(test)]
#[path = "avatar_tests.rs"]
mod tests;
