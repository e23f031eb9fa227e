//! The file: everything little-endian.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | "RIDGECKP" |
//! | 4 | version, [`FORMAT_VERSION`] |
//! | 4, 4, 4 | bytes of the head, bytes of the table, number of blobs |
//! | | the head, see `head` |
//! | | the table: per blob u16 length of the name, name, u64 number of words, SHA-256 of the blob |
//! | 32 | SHA-256 of everything before it |
//! | | the blobs, one after another, to the last byte of the file |
//!
//! A reader first compares declared sizes with the size of the file, then checksums, and only then allocates, so that
//! memory never exceeds what the file has itself.

use super::sha256::{Digest, sha256};
use super::{Checkpoint, CheckpointError, CheckpointHead, head};
use std::collections::BTreeSet;

/// Version that this build writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;
/// A checkpoint has at most this many blobs.
pub const LARGEST_BLOB_COUNT: usize = 1 << 14;
/// A table has at most 4 MiB.
const LARGEST_TABLE_BYTES: usize = 4 << 20;
const MAGIC: [u8; 8] = *b"RIDGECKP";
const PRELUDE_BYTES: usize = 24;
const DIGEST_BYTES: usize = 32;
/// Blobs are hashed and written as they lie in memory.
const _: () = assert!(cfg!(target_endian = "little"));

impl Checkpoint {
    /// The bytes of the file.
    ///
    /// # Errors
    /// A head over 64 KiB, too many blobs, a name over 65,535 bytes or there twice.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CheckpointError> {
        let head = head::encode(&self.head)?;
        let table = table(&self.blobs)?;
        let words: usize = self.blobs.iter().map(|(_, words)| words.len()).sum();
        let mut bytes =
            Vec::with_capacity(PRELUDE_BYTES + head.len() + table.len() + DIGEST_BYTES + words * 4);
        bytes.extend(MAGIC);
        // The caps above keep every size within 32 bits.
        for size in [FORMAT_VERSION, head.len() as u32, table.len() as u32, self.blobs.len() as u32] {
            bytes.extend(size.to_le_bytes());
        }
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(&table);
        bytes.extend(sha256(&bytes));
        for (_, words) in &self.blobs {
            bytes.extend_from_slice(bytemuck::cast_slice(words));
        }
        Ok(bytes)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it; nothing of a damaged file is returned.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let file = File::open(bytes)?;
        file.verify_blobs()?;
        let mut blobs = Vec::new();
        for (name, body, _) in file.blobs() {
            let words = body.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
            blobs.push((name.to_owned(), words));
        }
        Ok(Self { head: file.head, blobs })
    }

    /// Checks a whole file and returns its head, without a copy of the blobs.
    ///
    /// # Errors
    /// As [`Self::from_bytes`].
    pub fn verify(bytes: &[u8]) -> Result<CheckpointHead, CheckpointError> {
        let file = File::open(bytes)?;
        file.verify_blobs()?;
        Ok(file.head)
    }
}

fn table(blobs: &[(String, Vec<u32>)]) -> Result<Vec<u8>, CheckpointError> {
    within("number of blobs", blobs.len(), LARGEST_BLOB_COUNT)?;
    let mut names = BTreeSet::new();
    let mut table = Vec::new();
    for (name, words) in blobs {
        within("name", name.len(), usize::from(u16::MAX))?;
        if !names.insert(name) {
            return Err(CheckpointError::DuplicateName { name: name.clone() });
        }
        table.extend((name.len() as u16).to_le_bytes());
        table.extend_from_slice(name.as_bytes());
        table.extend((words.len() as u64).to_le_bytes());
        table.extend(sha256(bytemuck::cast_slice(words)));
    }
    within("table", table.len(), LARGEST_TABLE_BYTES)?;
    Ok(table)
}

const fn within(part: &'static str, found: usize, limit: usize) -> Result<(), CheckpointError> {
    if found <= limit {
        return Ok(());
    }
    Err(CheckpointError::TooLarge { part, found: found as u64, limit: limit as u64 })
}

/// A file whose head and table are whole and whose size is right; blobs are unchecked.
struct File<'f> {
    head: CheckpointHead,
    table: &'f [u8],
    body: &'f [u8],
}

impl<'f> File<'f> {
    fn open(bytes: &'f [u8]) -> Result<Self, CheckpointError> {
        let truncated = |needed: usize| CheckpointError::Truncated {
            needed_bytes: needed as u64,
            found_bytes: bytes.len() as u64,
        };
        let known = bytes.len().min(MAGIC.len());
        if bytes.get(..known) != MAGIC.get(..known) {
            return Err(CheckpointError::WrongMagic);
        }
        let mut reader = Reader { rest: bytes.get(known..).unwrap_or_default() };
        let sizes = (reader.number(), reader.number(), reader.number(), reader.number());
        let (Some(version), Some(head_size), Some(table_size), Some(count)) = sizes else {
            return Err(truncated(PRELUDE_BYTES + DIGEST_BYTES));
        };
        match version {
            FORMAT_VERSION => {}
            found if found > FORMAT_VERSION => return Err(CheckpointError::NewerVersion { found }),
            found => return Err(CheckpointError::UnknownVersion { found }),
        }
        // u32 to usize loses nothing on wasm32 or on 64 bits.
        let (head_size, table_size, count) = (head_size as usize, table_size as usize, count as usize);
        within("head", head_size, head::LARGEST_HEAD_BYTES)?;
        within("table", table_size, LARGEST_TABLE_BYTES)?;
        within("number of blobs", count, LARGEST_BLOB_COUNT)?;
        let covered = PRELUDE_BYTES + head_size + table_size;
        let parts = (reader.take(head_size), reader.take(table_size), reader.rest.split_first_chunk());
        let (Some(head), Some(table), Some((digest, body))) = parts else {
            return Err(truncated(covered + DIGEST_BYTES));
        };
        let digest: &Digest = digest;
        if bytes.get(..covered).map(sha256).as_ref() != Some(digest) {
            return Err(CheckpointError::HeadChecksum);
        }
        let file = Self { head: head::decode(head)?, table, body };
        file.check_sizes(count, bytes.len() as u64)?;
        Ok(file)
    }

    /// Whether the table has `count` entries with different names whose blobs fill the file exactly.
    fn check_sizes(&self, count: usize, file_bytes: u64) -> Result<(), CheckpointError> {
        let malformed = CheckpointError::Malformed { expected: "a table of names, sizes and checksums" };
        let mut reader = Reader { rest: self.table };
        let mut names = BTreeSet::new();
        let mut needed = 0_u64;
        for _ in 0..count {
            let (name, words, _) = reader.entry().ok_or(malformed.clone())?;
            if !names.insert(name) {
                return Err(CheckpointError::DuplicateName { name: name.to_owned() });
            }
            let bytes = words.checked_mul(4).and_then(|bytes| needed.checked_add(bytes));
            needed = bytes.ok_or(malformed.clone())?;
        }
        if !reader.rest.is_empty() {
            return Err(malformed);
        }
        let found = self.body.len() as u64;
        if needed > found {
            let needed_bytes = (file_bytes - found).saturating_add(needed);
            return Err(CheckpointError::Truncated { needed_bytes, found_bytes: file_bytes });
        }
        if needed < found {
            return Err(CheckpointError::TooLong { extra_bytes: found - needed });
        }
        Ok(())
    }

    /// Names, bytes and expected checksums in the order of the file.
    fn blobs(&self) -> impl Iterator<Item = (&'f str, &'f [u8], &'f Digest)> {
        let (mut entries, mut body) = (Reader { rest: self.table }, Reader { rest: self.body });
        std::iter::from_fn(move || {
            let (name, words, digest) = entries.entry()?;
            let bytes = usize::try_from(words).ok()?.checked_mul(4)?;
            Some((name, body.take(bytes)?, digest))
        })
    }

    fn verify_blobs(&self) -> Result<(), CheckpointError> {
        match self.blobs().find(|(_, body, digest)| sha256(body) != **digest) {
            Some((name, ..)) => Err(CheckpointError::BlobChecksum { name: name.to_owned() }),
            None => Ok(()),
        }
    }
}

/// Takes bytes from the front; `None` when there are too few.
struct Reader<'f> {
    rest: &'f [u8],
}

impl<'f> Reader<'f> {
    fn take(&mut self, count: usize) -> Option<&'f [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<&'f [u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        self.array().map(|bytes| u32::from_le_bytes(*bytes))
    }

    /// An entry of the table: name, words, checksum.
    fn entry(&mut self) -> Option<(&'f str, u64, &'f Digest)> {
        let length = u16::from_le_bytes(*self.array()?);
        let name = std::str::from_utf8(self.take(usize::from(length))?).ok()?;
        Some((name, u64::from_le_bytes(*self.array()?), self.array()?))
    }
}
