//! IDX, the format of MNIST (described on LeCun, Cortes and Burges, "The MNIST database"): a big-endian
//! magic number whose third byte is the element type (8: unsigned byte) and whose fourth is the number of
//! dimensions, then the dimensions as 32-bit numbers, then the elements.

use super::content::Content;
use super::error::{DatasetError, shown, thousands};
use super::files::{LARGEST_IMAGE_COUNT, too_many};
use super::{CLASSES, PIXELS, SIDE};

const IMAGE_MAGIC: u32 = 0x0000_0803;
const LABEL_MAGIC: u32 = 0x0000_0801;

/// A file that was read.
#[derive(Debug)]
pub(super) enum Idx {
    /// [`PIXELS`] bytes per image.
    Images(Vec<u8>),
    /// One label per image, all below [`CLASSES`].
    Labels(Vec<u8>),
}

/// Whether the first bytes are an IDX header of any type: two zeros, a known type, 1 to 4 dimensions.
pub(super) fn is_idx(head: &[u8]) -> bool {
    matches!(head, [0, 0, 0x08 | 0x09 | 0x0B..=0x0E, 1..=4, ..])
}

/// Reads a file whose head [`is_idx`] accepts.
pub(super) fn read(name: &str, content: Content<'_>) -> Result<Idx, DatasetError> {
    match word(content.head(), 0) {
        Some(IMAGE_MAGIC) => read_images(name, content).map(Idx::Images),
        Some(LABEL_MAGIC) => read_labels(name, content).map(Idx::Labels),
        magic => Err(wrong_magic(name, magic.unwrap_or(0))),
    }
}

/// The big-endian word at a byte offset.
fn word(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().map(|word| u32::from_be_bytes(*word))
}

fn wrong_magic(name: &str, magic: u32) -> DatasetError {
    let (kind, dimensions) = ((magic >> 8) as u8, magic & 0xFF);
    let element = match kind {
        0x08 => "unsigned bytes",
        0x09 => "signed bytes",
        0x0B => "16-bit integers",
        0x0C => "32-bit integers",
        0x0D => "32-bit floats",
        _ => "64-bit floats",
    };
    DatasetError::new(
        format!(
            "{} has the wrong magic number: 0x{magic:08x}, which means {element} in {dimensions} dimension(s); \
             expected 0x00000803 (images) or 0x00000801 (labels).",
            shown(name)
        ),
        "Save images as unsigned bytes in three dimensions and labels in one.",
    )
}

fn short_header(name: &str, bytes: usize, needed: usize) -> DatasetError {
    DatasetError::new(
        format!("{} is cut off: it has {bytes} bytes and its header alone needs {needed}.", shown(name)),
        "Download it again.",
    )
}

fn read_images(name: &str, content: Content<'_>) -> Result<Vec<u8>, DatasetError> {
    let head = content.head();
    let (Some(count), Some(rows), Some(columns)) = (word(head, 4), word(head, 8), word(head, 12)) else {
        return Err(short_header(name, head.len(), 16));
    };
    if (rows, columns) != (SIDE as u32, SIDE as u32) {
        return Err(DatasetError::new(
            format!("The images in {} are {rows} x {columns} pixels; 28 x 28 are needed.", shown(name)),
            "Scale the images to 28 x 28 and save them again.",
        ));
    }
    body(name, content, (count, "images"), 16, PIXELS)
}

fn read_labels(name: &str, content: Content<'_>) -> Result<Vec<u8>, DatasetError> {
    let head = content.head();
    let Some(count) = word(head, 4) else { return Err(short_header(name, head.len(), 8)) };
    let labels = body(name, content, (count, "labels"), 8, 1)?;
    match labels.iter().zip(1u64..).find(|(label, _)| **label >= CLASSES) {
        None => Ok(labels),
        Some((label, place)) => Err(DatasetError::new(
            format!("{}: label number {} is {label}; labels are 0 to 9.", shown(name), thousands(place)),
            "Use a data set of ten classes.",
        )),
    }
}

/// The elements after a header of `header` bytes: exactly `count` times `item` bytes.
fn body(
    name: &str,
    content: Content<'_>,
    (count, kind): (u32, &str),
    header: usize,
    item: usize,
) -> Result<Vec<u8>, DatasetError> {
    if count == 0 {
        return Err(DatasetError::new(format!("{} holds no {kind}.", shown(name)), "Drop a file with data."));
    }
    if count as usize > LARGEST_IMAGE_COUNT {
        return Err(too_many(name, u64::from(count)));
    }
    // At most 200,000 x 784: fits 32 bits, and the cap on unpacked bytes.
    let expected = count as usize * item;
    let declared = format!("{} declares {} {kind}", shown(name), thousands(count.into()));
    match content.read_exactly(header + expected)? {
        Ok(mut bytes) => {
            bytes.drain(..header);
            Ok(bytes)
        }
        Err(found) if found < header + expected => Err(DatasetError::new(
            format!(
                "{declared} ({} bytes) but has {} bytes of them: it is cut off.",
                thousands(expected as u64),
                thousands(found.saturating_sub(header) as u64)
            ),
            "Download it again.",
        )),
        Err(_) => Err(DatasetError::new(
            format!("{declared} ({} bytes) but has more bytes than that.", thousands(expected as u64)),
            "Check that the header's count is right.",
        )),
    }
}
