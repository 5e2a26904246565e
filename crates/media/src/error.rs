//! What can go wrong with a picture.

use std::io;

/// Why a picture was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// The file has more bytes than [`crate::INPUT_MAX`].
    #[error("the file is too large")]
    TooManyBytes,
    /// The bytes are no PNG, JPEG, WebP or GIF, whatever the file's name says.
    #[error("the file is no picture of a supported type")]
    UnsupportedType,
    /// The header names more pixels than [`crate::SIDE_MAX`], [`crate::PIXELS_MAX`] or
    /// [`crate::ALLOC_MAX`] allow.
    #[error("the picture has too many pixels")]
    TooManyPixels,
    /// The picture is cut off or damaged.
    #[error("the picture is damaged")]
    Damaged,
    /// The pixels cannot be encoded within the size limit.
    #[error("the picture cannot be made small enough")]
    CannotFit,
    /// The worker did not answer in time and was ended.
    #[error("the picture took too long to decode")]
    TimedOut,
    /// The worker died, as it does at its memory limit, or answered nonsense.
    #[error("the media worker failed")]
    WorkerFailed,
    /// The worker could not be started or spoken to.
    #[error("the media worker could not be started: {0}")]
    Start(#[source] io::Error),
}
