//! What is wrong with a checkpoint, in words for the person whose run it is.

use std::fmt;

/// Why bytes are not a checkpoint, or a checkpoint cannot become bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckpointError {
    /// The file ends before its declared end.
    Truncated {
        /// Bytes that the file needs at least.
        needed_bytes: u64,
        /// Bytes that there are.
        found_bytes: u64,
    },
    /// The file goes on after its declared end.
    TooLong {
        /// Bytes after the end.
        extra_bytes: u64,
    },
    /// It does not begin as checkpoints do.
    WrongMagic,
    /// A later build wrote it.
    NewerVersion {
        /// Version of the file.
        found: u32,
    },
    /// No build ever wrote this version.
    UnknownVersion {
        /// Version of the file.
        found: u32,
    },
    /// A part is larger than the format allows.
    TooLarge {
        /// "head", "table", "name" or "number of blobs".
        part: &'static str,
        /// Its size.
        found: u64,
        /// Largest size.
        limit: u64,
    },
    /// Head or table are not what was written.
    HeadChecksum,
    /// A blob is not what was written.
    BlobChecksum {
        /// Name of the blob.
        name: String,
    },
    /// Head or table are whole but make no sense.
    Malformed {
        /// What was expected.
        expected: &'static str,
    },
    /// Two blobs have one name.
    DuplicateName {
        /// The name.
        name: String,
    },
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { needed_bytes, found_bytes } => write!(
                formatter,
                "the checkpoint is truncated: it needs at least {needed_bytes} bytes and has {found_bytes}"
            ),
            Self::TooLong { extra_bytes } => {
                write!(formatter, "the checkpoint has {extra_bytes} bytes after its end")
            }
            Self::WrongMagic => write!(formatter, "the file is not a checkpoint of this workbench"),
            Self::NewerVersion { found } => write!(
                formatter,
                "the checkpoint has format {found}, and this build reads up to {}: reload the page for the newest \
                 build",
                super::FORMAT_VERSION
            ),
            Self::UnknownVersion { found } => {
                write!(formatter, "the checkpoint has the unknown format {found}")
            }
            Self::TooLarge { part, found, limit } => {
                write!(formatter, "the {part} of the checkpoint is {found}; at most {limit} is allowed")
            }
            Self::HeadChecksum => {
                write!(formatter, "the head of the checkpoint is damaged: its checksum differs")
            }
            Self::BlobChecksum { name } => {
                write!(formatter, "\u{201c}{name}\u{201d} in the checkpoint is damaged: its checksum differs")
            }
            Self::Malformed { expected } => {
                write!(formatter, "the checkpoint is malformed: expected {expected}")
            }
            Self::DuplicateName { name } => {
                write!(formatter, "the checkpoint holds \u{201c}{name}\u{201d} twice")
            }
        }
    }
}

impl std::error::Error for CheckpointError {}
