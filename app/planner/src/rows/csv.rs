//! Comma-separated values (RFC 4180): quoted fields, doubled quotes, line breaks inside quotes.

/// Rows longer than this are refused: no published row comes near it.
const MAXIMUM_FIELD_BYTES: usize = 65_536;

/// A table whose every row has the header's columns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// Column names, trimmed.
    pub header: Vec<String>,
    /// Fields of each row, in the header's order; a short row is filled with empty fields.
    pub rows: Vec<Vec<String>>,
}

/// One row with its column names.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    header: &'a [String],
    fields: &'a [String],
}

impl<'a> Row<'a> {
    /// The trimmed field of a column; empty where the table has no such column.
    #[must_use]
    pub fn text(&self, column: &str) -> &'a str {
        let at = self.header.iter().position(|name| name == column);
        at.and_then(|at| self.fields.get(at)).map_or("", |field| field.trim())
    }
}

impl Table {
    /// The rows with their column names.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|fields| Row { header: &self.header, fields })
    }
}

/// Reads a table.
///
/// # Errors
/// A sentence that names the line of a quote that never ends, of a row with more fields than the header, or of a
/// field above 64 KiB.
pub fn read(text: &str) -> Result<Table, String> {
    let mut table = Table::default();
    let mut line = 1;
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    while !rest.is_empty() {
        let (fields, after, lines) = record(rest, line)?;
        rest = after;
        let start = line;
        line += lines;
        if fields.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        if table.header.is_empty() {
            table.header = fields.iter().map(|name| name.trim().to_owned()).collect();
            continue;
        }
        if fields.len() > table.header.len() {
            return Err(format!(
                "Line {start} has {} fields, the header has {}. Nothing was predicted. Check the quotes of that line.",
                fields.len(),
                table.header.len()
            ));
        }
        let mut fields = fields;
        fields.resize(table.header.len(), String::new());
        table.rows.push(fields);
    }
    Ok(table)
}

/// One record: its fields, the text after it, and how many lines it took.
fn record(text: &str, line: usize) -> Result<(Vec<String>, &str, usize), String> {
    let mut fields = vec![String::new()];
    let (mut quoted, mut lines) = (false, 0);
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let field = match fields.last_mut() {
            Some(field) => field,
            None => break,
        };
        if field.len() > MAXIMUM_FIELD_BYTES {
            return Err(format!(
                "Line {line} has a field above 64 KiB. Nothing was predicted. Is this a CSV file?"
            ));
        }
        match character {
            '"' if quoted && characters.peek().is_some_and(|(_, next)| *next == '"') => {
                field.push('"');
                characters.next();
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            '\n' if !quoted => return Ok((fields, text.get(at + 1..).unwrap_or(""), lines + 1)),
            '\r' if !quoted => {}
            other => {
                lines += usize::from(other == '\n');
                field.push(other);
            }
        }
    }
    if quoted {
        return Err(format!(
            "The quote that opens in line {line} never closes. Nothing was predicted. Close it."
        ));
    }
    Ok((fields, "", lines + 1))
}

/// A field as a CSV writer puts it: quoted where it must be.
#[must_use]
pub fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_commas_and_line_breaks_survive() {
        let table = read("id,notes\r\nA,\"one, \"\"two\"\"\nthree\"\n\nB\n").unwrap();
        assert_eq!(table.header, ["id", "notes"]);
        assert_eq!(table.rows, [["A", "one, \"two\"\nthree"], ["B", ""]]);
        assert_eq!(table.iter().next().map(|row| row.text("id")), Some("A"));
        assert_eq!(table.iter().next().map(|row| row.text("absent")), Some(""));
        assert_eq!(quoted("a \"b\", c"), "\"a \"\"b\"\", c\"");
    }

    #[test]
    fn broken_tables_are_refused_with_their_line() {
        assert!(read("a,b\n1,2,3\n").unwrap_err().contains("Line 2"));
        assert!(read("a\n1\n\"open\n").unwrap_err().contains("line 3"));
    }
}
