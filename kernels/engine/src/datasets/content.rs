//! What a file is, judged by its bytes and never by its name, and the caps under which it is unpacked.

use super::error::{DatasetError, shown};
use flate2::read::MultiGzDecoder;
use std::io::{self, Read};

/// A file may have at most 64 MiB.
pub const LARGEST_FILE_BYTES: usize = 64 << 20;
/// A gzip file may unpack to at most 256 MiB; an IDX file to what its header declares, if that is less.
pub const LARGEST_INFLATED_BYTES: usize = 256 << 20;

/// The first bytes of formats that are dropped by mistake.
const SIGNATURES: [(&[u8], &str); 15] = [
    (b"<", "a web page or XML"),
    (b"{", "JSON"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xFF\xD8\xFF", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"%PDF", "a PDF document"),
    (b"PAR1", "a Parquet file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"BZh", "a bzip2 file"),
    (b"\xFD7zXZ", "an xz file"),
    (b"7z\xBC\xAF", "a 7z archive"),
];

/// The bytes of a file, unpacked on the way if they are gzip.
pub(super) struct Content<'f> {
    name: &'f str,
    reader: Source<'f>,
    /// Bytes at the beginning, already unpacked: up to [`Self::HEAD`].
    head: Vec<u8>,
}

/// Where the bytes come from.
enum Source<'f> {
    Plain(&'f [u8]),
    Gzip(Box<MultiGzDecoder<&'f [u8]>>),
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(bytes) => bytes.read(buffer),
            Self::Gzip(decoder) => decoder.read(buffer),
        }
    }
}

impl<'f> Content<'f> {
    /// Enough for an IDX header and for telling text from bytes.
    const HEAD: usize = 512;

    /// Checks the size and reads the head.
    pub(super) fn open(name: &'f str, bytes: &'f [u8]) -> Result<Self, DatasetError> {
        if bytes.is_empty() {
            return Err(DatasetError::new(format!("{} is empty.", shown(name)), "Drop the file again."));
        }
        if bytes.len() > LARGEST_FILE_BYTES {
            return Err(DatasetError::new(
                format!("{} has {} MiB; at most 64 MiB can be read.", shown(name), bytes.len() >> 20),
                "Compress it with gzip, or drop fewer images.",
            ));
        }
        let reader = if bytes.starts_with(&[0x1F, 0x8B]) {
            Source::Gzip(Box::new(MultiGzDecoder::new(bytes)))
        } else {
            Source::Plain(bytes)
        };
        let mut content = Self { name, reader, head: Vec::new() };
        let mut head = Vec::new();
        content.append_up_to(&mut head, Self::HEAD)?;
        content.head = head;
        Ok(content)
    }

    /// The first bytes, at most 512.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Everything, if it is exactly `expected` bytes. Otherwise how many bytes there are; more than
    /// `expected` are not counted to their end but reported as `expected + 1`, and no more are unpacked.
    pub(super) fn read_exactly(mut self, expected: usize) -> Result<Result<Vec<u8>, usize>, DatasetError> {
        if let Source::Plain(rest) = &self.reader {
            // The length is known, so nothing is copied in vain.
            let found = self.head.len() + rest.len();
            if found != expected {
                return Ok(Err(found.min(expected + 1)));
            }
            self.head.reserve_exact(rest.len());
        }
        let rest = (expected + 1).saturating_sub(self.head.len());
        let mut bytes = std::mem::take(&mut self.head);
        self.append_up_to(&mut bytes, rest)?;
        Ok(if bytes.len() == expected { Ok(bytes) } else { Err(bytes.len().min(expected + 1)) })
    }

    /// Hands out everything in pieces, at most [`LARGEST_INFLATED_BYTES`] in all.
    pub(super) fn for_each_piece(
        mut self,
        mut piece: impl FnMut(&[u8]) -> Result<(), DatasetError>,
    ) -> Result<(), DatasetError> {
        piece(&self.head)?;
        let mut total = self.head.len();
        let mut buffer = vec![0; 32 << 10];
        loop {
            let count = self.reader.read(&mut buffer).map_err(|error| self.corrupt(&error))?;
            total += count;
            if total > LARGEST_INFLATED_BYTES {
                return Err(DatasetError::new(
                    format!("{} unpacks to more than 256 MiB.", shown(self.name)),
                    "Drop fewer images.",
                ));
            }
            match buffer.get(..count) {
                None | Some([]) => return Ok(()),
                Some(bytes) => piece(bytes)?,
            }
        }
    }

    /// Appends at most `limit` further bytes. The vector grows with what is there, never with what was
    /// declared.
    fn append_up_to(&mut self, bytes: &mut Vec<u8>, limit: usize) -> Result<(), DatasetError> {
        let mut limited = self.reader.by_ref().take(limit as u64);
        limited.read_to_end(bytes).map(|_| ()).map_err(|error| self.corrupt(&error))
    }

    fn corrupt(&self, error: &io::Error) -> DatasetError {
        let reason = match error.kind() {
            io::ErrorKind::UnexpectedEof => "it ends too early".to_owned(),
            _ => error.to_string(),
        };
        DatasetError::new(
            format!("{} is a damaged gzip file: {reason}.", shown(self.name)),
            "Download or compress it again.",
        )
    }

    /// Why a file that is neither IDX nor CSV cannot be read.
    pub(super) fn unknown(&self) -> DatasetError {
        let head = &self.head;
        let kind = match self.signature() {
            Some(kind) => format!("{kind}, not IDX or CSV"),
            None if head.starts_with(&[0x1F, 0x8B]) => "gzip inside gzip".to_owned(),
            None => {
                let magic: String = head.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
                format!(
                    "of an unknown kind: its magic number is 0x{magic}; expected 0x00000803 (IDX images), \
                     0x00000801 (IDX labels) or text (CSV)"
                )
            }
        };
        DatasetError::new(
            format!("{} is {kind}.", shown(self.name)),
            "Drop MNIST-format IDX files (plain or gzip) or a CSV of labels and pixels.",
        )
    }

    /// A known format that cannot be read here.
    fn signature(&self) -> Option<&'static str> {
        let found =
            SIGNATURES.iter().find(|(signature, _)| self.head.trim_ascii_start().starts_with(signature));
        found.map(|(_, kind)| *kind)
    }

    /// Whether the head can be that of a CSV: no control characters but white space, valid UTF-8, and not
    /// the beginning of another text format.
    pub(super) fn is_text(&self) -> bool {
        let control = |byte: &u8| *byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r');
        let utf8 = std::str::from_utf8(&self.head).map_or_else(|error| error.error_len().is_none(), |_| true);
        utf8 && !self.head.iter().any(control) && self.signature().is_none()
    }
}
