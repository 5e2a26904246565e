use image::{GrayImage, ImageFormat, Luma, Rgba, RgbaImage};
use std::io::Cursor;

use super::*;

/// A picture whose upper left quarter is red and the rest blue.
fn corner(width: u32, height: u32) -> DynamicImage {
    let pixel = |x, y| if x < width / 2 && y < height / 2 { Rgb([250, 10, 10]) } else { Rgb([10, 10, 250]) };
    RgbImage::from_fn(width, height, pixel).into()
}

/// Pixels that compress badly, by a fixed rule.
fn noise(side: u32) -> DynamicImage {
    let mut state = 0x9e37_79b9_u32;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_be_bytes()[0]
    };
    RgbImage::from_fn(side, side, |_, _| Rgb([next(), next(), next()])).into()
}

fn file(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Puts an EXIF segment with this orientation and a camera's name behind the start of a JPEG.
fn with_exif(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let camera = b"Secretcam\0";
    let mut tiff = b"MM\0\x2a\0\0\0\x08\0\x02".to_vec();
    tiff.extend([0x01, 0x0f, 0, 2, 0, 0, 0, 10, 0, 0, 0, 38]);
    tiff.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0]);
    tiff.extend([0, 0, 0, 0]);
    tiff.extend(camera);
    let length = u16::try_from(2 + 6 + tiff.len()).unwrap();
    let mut bytes = jpeg[..2].to_vec();
    bytes.extend([0xff, 0xe1]);
    bytes.extend(length.to_be_bytes());
    bytes.extend(b"Exif\0\0");
    bytes.extend(tiff);
    bytes.extend(&jpeg[2..]);
    bytes
}

fn open(encoded: &Encoded) -> RgbImage {
    image::load_from_memory_with_format(&encoded.bytes, encoded.media_type.format()).unwrap().to_rgb8()
}

/// Which corners of a picture are red: upper left, upper right, lower left, lower right.
fn red_corners(picture: &RgbImage) -> [bool; 4] {
    let (right, bottom) = (picture.width() - 8, picture.height() - 8);
    [(8, 8), (right, 8), (8, bottom), (right, bottom)].map(|(x, y)| picture.get_pixel(x, y).0[0] > 128)
}

/// A PNG of nothing but its header, with a right checksum.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(width.to_be_bytes());
    chunk.extend(height.to_be_bytes());
    chunk.extend([8, 6, 0, 0, 0]);
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    bytes.extend(&chunk);
    bytes.extend(crc32(&chunk).to_be_bytes());
    bytes.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}

#[test]
fn every_type_becomes_a_square_within_its_limits() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif] {
        let made = avatar(&file(&corner(640, 480), format)).unwrap();
        assert_eq!(open(&made.photo).dimensions(), (256, 256), "{format:?}");
        assert_eq!(open(&made.small).dimensions(), (96, 96), "{format:?}");
        assert!(made.photo.bytes.len() <= PHOTO_MAX && made.small.bytes.len() <= SMALL_MAX);
        assert!((5..=32).contains(&made.thumbhash.len()));
    }
}

#[test]
fn noise_still_fits() {
    let made = avatar(&file(&noise(512), ImageFormat::Png)).unwrap();
    assert_eq!(made.photo.media_type, Type::Jpeg);
    assert!(made.photo.bytes.len() <= PHOTO_MAX, "{}", made.photo.bytes.len());
    assert!(made.small.bytes.len() <= SMALL_MAX, "{}", made.small.bytes.len());
}

#[test]
fn small_and_narrow_pictures_are_not_blown_up() {
    let made = avatar(&file(&corner(40, 40), ImageFormat::Png)).unwrap();
    assert_eq!(open(&made.photo).dimensions(), (40, 40));
    assert_eq!(open(&made.small).dimensions(), (40, 40));
    let made = avatar(&file(&corner(11_000, 2), ImageFormat::Png)).unwrap();
    assert_eq!(open(&made.photo).dimensions(), (2, 2));
    let made = avatar(&file(&corner(1, 1), ImageFormat::Png)).unwrap();
    assert_eq!(open(&made.photo).dimensions(), (1, 1));
}

#[test]
fn a_turned_camera_is_turned_back() {
    let jpeg = file(&corner(400, 300), ImageFormat::Jpeg);
    let corners = |orientation| red_corners(&open(&avatar(&with_exif(&jpeg, orientation)).unwrap().photo));
    let [upper_left, upper_right, lower_left, lower_right] = [
        [true, false, false, false],
        [false, true, false, false],
        [false, false, true, false],
        [false, false, false, true],
    ];
    assert_eq!(corners(1), upper_left);
    assert_eq!(corners(2), upper_right);
    assert_eq!(corners(3), lower_right);
    assert_eq!(corners(4), lower_left);
    assert_eq!(corners(5), upper_left);
    assert_eq!(corners(6), upper_right);
    assert_eq!(corners(7), lower_right);
    assert_eq!(corners(8), lower_left);
    assert_eq!(corners(99), upper_left);
}

#[test]
fn no_metadata_survives() {
    let original = with_exif(&file(&corner(400, 300), ImageFormat::Jpeg), 6);
    let contains = |bytes: &[u8], word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
    assert!(contains(&original, b"Secretcam"));
    let made = avatar(&original).unwrap();
    for bytes in [&made.photo.bytes, &made.small.bytes] {
        assert!(!contains(bytes, b"Exif") && !contains(bytes, b"Secretcam"));
    }
    let noisy = avatar(&with_exif(&file(&noise(300), ImageFormat::Jpeg), 1)).unwrap();
    assert_eq!(noisy.photo.media_type, Type::Jpeg);
    assert!(!contains(&noisy.photo.bytes, b"Exif") && !contains(&noisy.photo.bytes, b"Secretcam"));
}

#[test]
fn transparency_survives_or_becomes_white() {
    let clear = DynamicImage::from(RgbaImage::from_pixel(64, 64, Rgba([0, 0, 0, 0])));
    let made = avatar(&file(&clear, ImageFormat::Png)).unwrap();
    assert_eq!(made.photo.media_type, Type::Webp);
    let opened = image::load_from_memory_with_format(&made.photo.bytes, ImageFormat::WebP).unwrap();
    assert_eq!(opened.to_rgba8().get_pixel(9, 9).0[3], 0);
    assert_eq!(on_white(&clear).get_pixel(9, 9).0, [255, 255, 255]);
    assert_eq!([over_white(40, 255), over_white(0, 128), over_white(255, 7)], [40, 127, 255]);
}

#[test]
fn grey_and_sixteen_bit_pictures_are_taken() {
    let grey = DynamicImage::from(GrayImage::from_pixel(300, 300, Luma([90])));
    assert!(avatar(&file(&grey, ImageFormat::Png)).is_ok());
    let deep = DynamicImage::from(corner(300, 300).to_rgba16());
    assert!(avatar(&file(&deep, ImageFormat::Png)).is_ok());
}

#[test]
fn a_header_that_promises_too_much_is_refused() {
    for (width, height) in [(12_001, 1), (1, 12_001), (u32::MAX >> 1, u32::MAX >> 1), (7_000, 6_000)] {
        let refused = avatar(&png_header(width, height));
        assert!(matches!(refused, Err(MediaError::TooManyPixels)), "{width}x{height}: {refused:?}");
    }
    let mut gif = file(&corner(20, 20), ImageFormat::Gif);
    gif[6..10].copy_from_slice(&[0xff; 4]);
    assert!(matches!(avatar(&gif), Err(MediaError::TooManyPixels)));
    let mut jpeg = file(&corner(20, 20), ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xff; 4]);
    assert!(matches!(avatar(&jpeg), Err(MediaError::TooManyPixels)));
}

#[test]
fn a_header_within_the_limits_without_pixels_is_damaged() {
    assert!(matches!(avatar(&png_header(100, 100)), Err(MediaError::Damaged)));
    assert!(avatar(&png_header(0, 100)).is_err());
}

#[test]
fn cut_off_pictures_never_panic() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif] {
        let whole = file(&noise(40), format);
        for length in (0..whole.len()).step_by(97) {
            if let Ok(made) = avatar(&whole[..length]) {
                assert!(made.photo.bytes.len() <= PHOTO_MAX, "{format:?} {length}");
            }
        }
        assert!(avatar(&whole[..whole.len() / 3]).is_err() || format == ImageFormat::Jpeg, "{format:?}");
    }
}

#[test]
fn pictures_with_a_flipped_byte_never_panic() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif] {
        let whole = file(&corner(64, 48), format);
        for index in 0..whole.len().min(600) {
            let mut bytes = whole.clone();
            bytes[index] ^= 0x55;
            if let Ok(made) = avatar(&bytes) {
                assert!(made.photo.bytes.len() <= PHOTO_MAX, "{format:?} {index}");
            }
        }
    }
}

#[test]
fn what_is_no_picture_is_refused() {
    for bytes in [&b"<svg onload=\"alert(1)\"/>"[..], b"<html></html>", b"", b"\x7fELF"] {
        assert!(matches!(avatar(bytes), Err(MediaError::UnsupportedType)));
    }
    // A picture's name on other bytes: the beginning of a PNG and then nothing of it.
    assert!(matches!(avatar(b"\x89PNG\r\n\x1a\n<html></html>"), Err(MediaError::Damaged)));
}
