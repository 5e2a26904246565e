//! Frames on a stream and padding.

use crate::limits::*;
use crate::pad::{BUCKETS, PadError, is_bucket, pad_envelope, pad_sealed, unpad};
use crate::*;

/// Reads all frames out of `bytes`, handed over in chunks of `step`.
fn read_all(bytes: &[u8], cap: usize, step: usize) -> Result<Vec<Vec<u8>>, FrameError> {
    let mut buf = FrameBuf::new(cap);
    let mut frames = Vec::new();
    for mut chunk in bytes.chunks(step) {
        while let Some(frame) = buf.read(&mut chunk)? {
            frames.push(frame);
        }
        assert!(chunk.is_empty());
    }
    assert!(buf.is_empty());
    Ok(frames)
}

#[test]
fn frames_survive_every_cut() {
    let sent: Vec<Vec<u8>> = vec![vec![], vec![1], vec![2; 300], vec![], vec![3; 1_000]];
    let bytes: Vec<u8> = sent.iter().flat_map(|f| encode_frame(f, 1_000).unwrap()).collect();
    for step in [1, 2, 3, 4, 5, 7, 300, 5_000] {
        assert_eq!(read_all(&bytes, 1_000, step).as_ref(), Ok(&sent), "step {step}");
    }
}

#[test]
fn a_frame_above_the_cap_is_neither_written_nor_read() {
    let refused = FrameError::TooLong { len: 11, max: 10 };
    assert_eq!(encode_frame(&[0; 11], 10), Err(refused));
    // The claimed length alone is enough to refuse.
    assert_eq!(read_all(&11_u32.to_be_bytes(), 10, 4), Err(refused));
    let claimed = usize::try_from(u32::MAX).unwrap();
    assert_eq!(read_all(&[0xff; 4], 10, 4), Err(FrameError::TooLong { len: claimed, max: 10 }));
}

fn sealed_len(padded: usize) -> usize {
    Sealed { key_id: vec![1; 16], nonce: vec![2; 24], ct: vec![3; padded + 16], rmac: vec![4; 16] }
        .encoded_len()
}

fn envelope_len(padded: usize) -> usize {
    Envelope { v: 1, to: vec![1; 8], enc: vec![2; 1_120], ct: vec![3; padded + 16] }.encoded_len()
}

#[test]
fn every_length_of_data_gives_a_bucket_and_comes_back() {
    let mut lengths: Vec<usize> = (0..2_000).chain((2_000..61_000).step_by(97)).collect();
    for bucket in BUCKETS {
        lengths.extend(bucket.saturating_sub(120)..bucket.saturating_sub(60));
        lengths.extend(bucket.saturating_sub(1_200)..bucket.saturating_sub(1_100));
    }
    let mut used = std::collections::BTreeSet::new();
    for len in lengths {
        let data = vec![0xa5; len];
        match pad_sealed(&data) {
            Ok(padded) => {
                assert!(is_bucket(sealed_len(padded.len())), "sealed {len}");
                assert_eq!(unpad(&padded), Ok(data.as_slice()));
                used.insert(sealed_len(padded.len()));
            }
            Err(error) => assert!(error == PadError::TooLong { len } && len > 61_000, "sealed {len}"),
        }
        match pad_envelope(1, &data) {
            Ok(padded) => {
                assert!(is_bucket(envelope_len(padded.len())), "envelope {len}");
                assert_eq!(unpad(&padded), Ok(data.as_slice()));
            }
            Err(error) => assert!(error == PadError::TooLong { len } && len > 60_000, "envelope {len}"),
        }
    }
    assert_eq!(used, BUCKETS.into());
}

#[test]
fn an_op_with_the_largest_payload_fits_the_largest_bucket() {
    let op = SignedOp { header: vec![1; 700], sig: vec![2; 64], payload: Some(vec![3; OP_PAYLOAD_BYTES]) };
    let inner = Inner { body: Some(InnerBody::Op(op)) };
    let padded = pad_sealed(&inner.encode_to_vec()).unwrap();
    assert_eq!(sealed_len(padded.len()), SEALED_BYTES);
}

#[test]
fn the_smallest_bucket_that_fits_is_taken() {
    // 512 B leave 427 bytes: 512 - 62 for the other fields - 3 for the field - 16 tag - 4 length.
    assert_eq!(sealed_len(pad_sealed(&[0; 427]).unwrap().len()), 512);
    assert_eq!(sealed_len(pad_sealed(&[0; 428]).unwrap().len()), 1_024);
    assert_eq!(envelope_len(pad_envelope(1, b"short").unwrap().len()), 2_048);
}

#[test]
fn wrong_padding_is_refused() {
    let padded = pad_sealed(b"hello").unwrap();
    let mut dirty = padded.clone();
    *dirty.last_mut().unwrap() = 1;
    assert_eq!(unpad(&dirty), Err(PadError::Malformed));
    let mut long = padded;
    long[..4].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(unpad(&long), Err(PadError::Malformed));
    assert_eq!(unpad(&[0; 3]), Err(PadError::Malformed));
}
