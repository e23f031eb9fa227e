//! CSV of digits, as MNIST is often passed around: 785 numbers a line, the label first or last, the others
//! the pixels row by row; a header line is allowed. Comma, semicolon or tab.
//!
//! The text is read in pieces, so that a compressed file is never unpacked as a whole.

use super::content::Content;
use super::error::{DatasetError, shown, thousands};
use super::files::{LARGEST_IMAGE_COUNT, too_many};
use super::{CLASSES, PIXELS, Split};

const COLUMNS: usize = PIXELS + 1;
/// A line of 785 numbers in quotes with spaces stays far below this.
const LONGEST_LINE: usize = 16 << 10;

/// Where the label stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LabelColumn {
    First,
    Last,
}

/// Reads a text file and says which column held the labels.
pub(super) fn read(name: &str, content: Content<'_>) -> Result<(Split, &'static str), DatasetError> {
    let mut parser = Parser::new(name);
    let mut line = Vec::new();
    content.for_each_piece(|mut piece| {
        while let Some(end) = piece.iter().position(|byte| *byte == b'\n') {
            let (part, rest) = piece.split_at(end);
            line.extend_from_slice(part);
            parser.line(&line)?;
            line.clear();
            piece = rest.get(1..).unwrap_or(&[]);
        }
        line.extend_from_slice(piece);
        if line.len() > LONGEST_LINE { Err(parser.line_too_long()) } else { Ok(()) }
    })?;
    if !line.is_empty() {
        parser.line(&line)?;
    }
    parser.finish()
}

/// What is known after some lines.
struct Parser<'f> {
    name: &'f str,
    /// Number of the current line, from 1.
    line: u64,
    separator: u8,
    /// No line with text was seen yet.
    at_start: bool,
    /// Set by a header that names the label's column.
    named: Option<LabelColumn>,
    /// [`COLUMNS`] bytes per image.
    values: Vec<u8>,
}

impl<'f> Parser<'f> {
    fn new(name: &'f str) -> Self {
        Self { name, line: 0, separator: b',', at_start: true, named: None, values: Vec::new() }
    }

    /// Takes one line without its end.
    fn line(&mut self, line: &[u8]) -> Result<(), DatasetError> {
        self.line += 1;
        if line.len() > LONGEST_LINE {
            return Err(self.line_too_long());
        }
        let line = if self.line == 1 { line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line) } else { line };
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(());
        }
        if std::mem::take(&mut self.at_start) {
            let separators = [b',', b';', b'\t'];
            let found = separators.into_iter().find(|separator| line.contains(separator));
            self.separator = found.unwrap_or(b',');
            if self.header(line) {
                return Ok(());
            }
        }
        self.row(line)
    }

    /// Recognises a header: a first line that names the label's column or holds no number at all.
    fn header(&mut self, line: &[u8]) -> bool {
        let separator = self.separator;
        let names_label = |field: Option<&[u8]>| {
            let field = unquoted(field.unwrap_or(&[]));
            ["label", "class", "digit", "target", "y"]
                .iter()
                .any(|name| field.eq_ignore_ascii_case(name.as_bytes()))
        };
        let mut fields = line.split(|byte| *byte == separator);
        if names_label(fields.next()) {
            self.named = Some(LabelColumn::First);
        } else if names_label(fields.next_back()) {
            self.named = Some(LabelColumn::Last);
        }
        self.named.is_some() || line.split(|byte| *byte == separator).all(|field| number(field).is_none())
    }

    /// Takes one image.
    fn row(&mut self, line: &[u8]) -> Result<(), DatasetError> {
        let separator = self.separator;
        let before = self.values.len();
        for (field, column) in line.split(|byte| *byte == separator).zip(1usize..) {
            if column > COLUMNS {
                break;
            }
            let value = number(field).ok_or_else(|| self.bad_value(column, field))?;
            self.values.push(value);
        }
        let found = line.iter().filter(|byte| **byte == separator).count() + 1;
        if found != COLUMNS || self.values.len() - before != COLUMNS {
            return Err(self.bad_columns(found));
        }
        if self.values.len() > LARGEST_IMAGE_COUNT * COLUMNS {
            return Err(too_many(self.name, (self.values.len() / COLUMNS) as u64));
        }
        Ok(())
    }

    /// Divides the columns into labels and pixels.
    fn finish(self) -> Result<(Split, &'static str), DatasetError> {
        if self.values.is_empty() {
            return Err(DatasetError::new(
                format!("{} holds no images.", shown(self.name)),
                "Each line needs a label and 784 pixels.",
            ));
        }
        let column = self.named.unwrap_or_else(|| guess_label_column(&self.values));
        let count = self.values.len() / COLUMNS;
        let mut split =
            Split { pixels: Vec::with_capacity(count * PIXELS), labels: Vec::with_capacity(count) };
        for (row, place) in self.values.chunks_exact(COLUMNS).zip(1u64..) {
            let (label, pixels) = match (column, row) {
                (LabelColumn::First, [label, pixels @ ..]) | (LabelColumn::Last, [pixels @ .., label]) => {
                    (*label, pixels)
                }
                (_, []) => continue,
            };
            if label >= CLASSES {
                let column = if column == LabelColumn::First { 1 } else { COLUMNS };
                return Err(DatasetError::new(
                    format!(
                        "{}, image {}, column {column}: the label is {label}; labels are 0 to 9.",
                        shown(self.name),
                        thousands(place)
                    ),
                    "Put the label in the first or the last column.",
                ));
            }
            split.labels.push(label);
            split.pixels.extend_from_slice(pixels);
        }
        Ok((split, if column == LabelColumn::First { "first" } else { "last" }))
    }

    fn bad_value(&self, column: usize, field: &[u8]) -> DatasetError {
        let text: String =
            String::from_utf8_lossy(field.get(..field.len().min(24)).unwrap_or(field)).into_owned();
        DatasetError::new(
            format!(
                "{}, line {}, column {column}: {} is not a whole number from 0 to 255.",
                shown(self.name),
                thousands(self.line),
                shown(&text)
            ),
            "Each line needs a label and 784 pixels from 0 to 255.",
        )
    }

    fn bad_columns(&self, found: usize) -> DatasetError {
        let hint = if found == PIXELS { " (the label is missing)" } else { "" };
        DatasetError::new(
            format!(
                "{}, line {}: it has {} column(s){hint}; expected 785.",
                shown(self.name),
                thousands(self.line),
                thousands(found as u64)
            ),
            "Each line needs a label and 784 pixels (28 x 28).",
        )
    }

    fn line_too_long(&self) -> DatasetError {
        DatasetError::new(
            format!("{}: line {} is longer than 16 KiB.", shown(self.name), thousands(self.line.max(1))),
            "Each line needs a label and 784 pixels.",
        )
    }
}

/// A field without white space and quotes around it.
fn unquoted(field: &[u8]) -> &[u8] {
    let field = field.trim_ascii();
    field.strip_prefix(b"\"").and_then(|field| field.strip_suffix(b"\"")).unwrap_or(field)
}

/// A whole number from 0 to 255, perhaps in quotes or written with zeros after a point.
fn number(field: &[u8]) -> Option<u8> {
    let field = unquoted(field);
    let whole = match field.iter().position(|byte| *byte == b'.') {
        None => field,
        Some(point) => {
            let (whole, decimals) = field.split_at(point);
            if decimals.iter().skip(1).any(|byte| *byte != b'0') {
                return None;
            }
            whole
        }
    };
    if whole.is_empty() || whole.len() > 3 {
        return None;
    }
    let value = whole
        .iter()
        .try_fold(0u16, |value, byte| byte.is_ascii_digit().then(|| value * 10 + u16::from(byte - b'0')))?;
    u8::try_from(value).ok()
}

/// The column whose values are all labels. If both columns qualify (the corner pixels of digits are usually
/// paper), the one with more different values; if neither does, the first.
fn guess_label_column(values: &[u8]) -> LabelColumn {
    let mut seen = [[false; 256]; 2];
    for row in values.chunks_exact(COLUMNS) {
        let [first_seen, last_seen] = &mut seen;
        let ends = [(first_seen, row.first()), (last_seen, row.last())];
        for (seen, value) in ends {
            if let Some(seen) = value.and_then(|value| seen.get_mut(usize::from(*value))) {
                *seen = true;
            }
        }
    }
    let [first, last] = seen.map(|seen| {
        let labels = !seen.iter().skip(usize::from(CLASSES)).any(|seen| *seen);
        if labels { seen.iter().filter(|seen| **seen).count() } else { 0 }
    });
    if last > first { LabelColumn::Last } else { LabelColumn::First }
}
