//! Reports as JSON text: a title, a sentence, and sections with a table, lines or a file.

use std::fmt::Write as _;

/// A string with its quotes.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            control if (control as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", control as u32);
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

/// A number; what JSON cannot say becomes null.
pub fn number(value: f64) -> String {
    if value.is_finite() { format!("{value}") } else { "null".into() }
}

fn list(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(","))
}

/// A cell of a table.
#[derive(Debug, Clone)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A number in the column's unit.
    Number(f64),
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    fn json(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Number(value) => number(*value),
        }
    }
}

/// One section of a report.
#[derive(Debug, Clone, Default)]
pub struct Section {
    heading: String,
    note: String,
    body: String,
}

impl Section {
    /// A section with a heading and a sentence on what it shows and where its numbers come from.
    pub fn new(heading: impl Into<String>, note: impl Into<String>) -> Self {
        Self { heading: heading.into(), note: note.into(), body: String::new() }
    }

    /// A table; each column has a name and a unit (empty for words).
    pub fn table(mut self, columns: &[(&str, &str)], rows: &[Vec<Cell>]) -> Self {
        let columns = columns.iter().map(|(name, unit)| format!("[{},{}]", quoted(name), quoted(unit)));
        let rows = rows.iter().map(|row| list(row.iter().map(Cell::json)));
        let _ = write!(self.body, ",\"columns\":{},\"rows\":{}", list(columns), list(rows));
        self
    }

    /// Lines over a shared axis, stacked on one another where they are parts of a whole.
    pub fn lines(mut self, axes: [&str; 2], stacked: bool, series: &[(String, Vec<[f64; 2]>)]) -> Self {
        let points = |points: &[[f64; 2]]| {
            list(points.iter().map(|[x, y]| format!("[{},{}]", number(*x), number(*y))))
        };
        let series = series.iter().map(|(name, values)| format!("[{},{}]", quoted(name), points(values)));
        let _ = write!(
            self.body,
            ",\"axes\":{},\"stacked\":{stacked},\"series\":{}",
            list(axes.map(quoted)),
            list(series)
        );
        self
    }

    /// A file to keep.
    pub fn file(mut self, name: &str, text: &str) -> Self {
        let _ = write!(self.body, ",\"file\":{},\"text\":{}", quoted(name), quoted(text));
        self
    }

    fn json(&self) -> String {
        format!("{{\"heading\":{},\"note\":{}{}}}", quoted(&self.heading), quoted(&self.note), self.body)
    }
}

/// A whole report.
pub fn report(title: &str, lead: &str, sections: &[Section]) -> String {
    let sections = list(sections.iter().map(Section::json));
    format!("{{\"title\":{},\"lead\":{},\"sections\":{sections}}}", quoted(title), quoted(lead))
}
