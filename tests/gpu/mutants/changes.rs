//! Small changes to the text of a kernel.

use std::ops::Range;

/// Texts and what may stand instead of them.
const EXCHANGES: [(&str, &[&str]); 22] = [
    (" + ", &[" - "]),
    (" - ", &[" + "]),
    (" * ", &[" / ", " + "]),
    (" / ", &[" * "]),
    (" % ", &[" / "]),
    (" += ", &[" -= ", " = "]),
    (" /= ", &[" *= "]),
    (" && ", &[" || "]),
    (" || ", &[" && "]),
    (" & ", &[" | "]),
    (" | ", &[" & "]),
    (" ^ ", &[" | "]),
    (" >> ", &[" << "]),
    (" << ", &[" >> "]),
    (" < ", &[" <= ", " > "]),
    (" <= ", &[" < "]),
    (" > ", &[" >= ", " < "]),
    (" >= ", &[" > "]),
    (" == ", &[" != "]),
    (" != ", &[" == "]),
    ("++)", &[" += 2u)"]),
    ("continue;", &[" "]),
];

/// Whole words and what may stand instead of them: constants, and names that are easily confused.
const WORDS: [(&str, &[&str]); 44] = [
    ("0u", &["1u"]),
    ("1u", &["0u", "2u"]),
    ("2u", &["1u", "3u"]),
    ("4u", &["3u"]),
    ("16u", &["15u"]),
    ("10u", &["9u"]),
    ("0.0", &["1.0"]),
    ("1.0", &["0.0"]),
    ("height", &["width"]),
    ("width", &["height"]),
    ("out_height", &["out_width", "height"]),
    ("out_width", &["out_height", "width"]),
    ("heads", &["kv_heads"]),
    ("kv_heads", &["heads"]),
    ("in_channels", &["out_channels"]),
    ("out_channels", &["in_channels"]),
    ("group_inputs", &["group_outputs"]),
    ("group_outputs", &["group_inputs"]),
    ("row", &["column"]),
    ("column", &["row"]),
    ("h", &["w"]),
    ("w", &["h"]),
    ("i", &["j"]),
    ("j", &["i"]),
    ("k", &["v"]),
    ("v", &["k"]),
    ("q", &["o_grad"]),
    ("first", &["second"]),
    ("second", &["first"]),
    ("cosine", &["sine"]),
    ("sine", &["cosine"]),
    ("query", &["key"]),
    ("stride", &["padding"]),
    ("padding", &["stride"]),
    ("length", &["heads"]),
    ("inner", &["length"]),
    ("groups", &["inner"]),
    ("min", &["max"]),
    ("max", &["min"]),
    ("x", &["y", "z"]),
    ("y", &["x", "w"]),
    ("lse", &["delta"]),
    ("weight", &["score_grad"]),
    ("mean", &["0.0"]),
];

/// A piece of the text and what stands there instead.
#[derive(Debug, Clone)]
pub struct Change {
    place: Range<usize>,
    instead: String,
    /// The line before and after.
    pub line: String,
    pub mutated: String,
}

impl Change {
    fn new(source: &str, place: Range<usize>, instead: impl Into<String>) -> Self {
        let instead = instead.into();
        let start = source[..place.start].rfind('\n').map_or(0, |newline| newline + 1);
        let end = source[place.end..].find('\n').map_or(source.len(), |newline| place.end + newline);
        let line = source[start..end].to_owned();
        let mutated = format!("{}{instead}{}", &source[start..place.start], &source[place.end..end]);
        Self { place, instead, line, mutated }
    }

    pub fn apply(&self, source: &str) -> String {
        format!("{}{}{}", &source[..self.place.start], self.instead, &source[self.place.end..])
    }

    pub fn describe(&self, source: &str) -> String {
        let number = source[..self.place.start].matches('\n').count() + 1;
        format!("line {number}: `{}` became `{}`", self.line, self.mutated)
    }
}

/// Every change to the code behind the declarations.
pub fn all(source: &str) -> Vec<Change> {
    let mut changes = vec![];
    let mut start = 0;
    for line in source.split_inclusive('\n') {
        let declares = ["struct ", "@", "const ", "fn ", "requires ", "enable "];
        if !declares.iter().any(|opening| line.starts_with(opening)) && !line.contains("@builtin") {
            changes.extend(of_line(source, start, line));
        }
        start += line.len();
    }
    changes
}

fn of_line(source: &str, start: usize, line: &str) -> Vec<Change> {
    let mut changes = vec![];
    let mut push = |place: Range<usize>, instead: &str| {
        changes.push(Change::new(source, start + place.start..start + place.end, instead));
    };
    for (text, instead) in EXCHANGES {
        for (at, _) in line.match_indices(text) {
            instead.iter().for_each(|instead| push(at..at + text.len(), instead));
        }
    }
    for (word, instead) in WORDS {
        for at in whole_words(line, word) {
            instead.iter().for_each(|instead| push(at..at + word.len(), instead));
        }
    }
    for (at, operator) in
        [" + ", " - ", " * ", " / "].into_iter().flat_map(|operator| line.match_indices(operator))
    {
        let operand = operand_length(&line[at + operator.len()..]);
        push(at..at + operator.len() + operand, "");
    }
    for (at, text) in line.match_indices("select(") {
        let arguments = at + text.len();
        if let Some((first, second)) = first_two_arguments(&line[arguments..]) {
            let swapped = format!(
                "{}, {}",
                &line[arguments + first + 2..arguments + second],
                &line[arguments..arguments + first]
            );
            push(arguments..arguments + second, &swapped);
        }
    }
    // A whole statement that changes something.
    let trimmed = line.trim_end();
    if trimmed.ends_with(';')
        && trimmed.contains("= ")
        && !["let ", "var ", "for "].iter().any(|word| trimmed.starts_with(word))
    {
        push(0..trimmed.len(), " ");
    }
    changes
}

fn is_word(letter: u8) -> bool {
    letter.is_ascii_alphanumeric() || letter == b'_'
}

fn whole_words<'a>(line: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let letters = line.as_bytes();
    let outside = move |at: usize| !letters.get(at).copied().is_some_and(is_word);
    line.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |at| (*at == 0 || outside(at - 1)) && outside(at + word.len()))
}

/// Letters of the operand that the text starts with: a name, a constant, a call or an element.
fn operand_length(text: &str) -> usize {
    let mut depth = 0;
    for (at, letter) in text.bytes().enumerate() {
        match letter {
            b'(' | b'[' => depth += 1,
            b')' | b']' if depth > 0 => depth -= 1,
            _ if depth > 0 || is_word(letter) || letter == b'.' => {}
            _ => return at,
        }
    }
    text.len()
}

/// Where the first and the second argument of a call end.
fn first_two_arguments(text: &str) -> Option<(usize, usize)> {
    let mut depth = 0;
    let mut commas = vec![];
    for (at, letter) in text.bytes().enumerate() {
        match letter {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b',' if depth == 0 => commas.push(at),
            _ => {}
        }
        if depth < 0 {
            break;
        }
    }
    Some((*commas.first()?, *commas.get(1)?))
}

#[test]
fn changes_are_found() {
    let source = "@group(0)\nlet a = select(b(1u, 2u), c, d) * e[f + 1u];\nx += y;\n";
    let mutated: Vec<String> = all(source).into_iter().map(|change| change.mutated).collect();
    for expected in [
        "let a = select(c, b(1u, 2u), d) * e[f + 1u];",
        "let a = select(b(1u, 2u), c, d);",
        "let a = select(b(1u, 2u), c, d) * e[f];",
        "let a = select(b(0u, 2u), c, d) * e[f + 1u];",
        "x -= y;",
        " ",
    ] {
        assert!(mutated.iter().any(|line| line == expected), "{expected}: {mutated:#?}");
    }
    for change in all(source) {
        assert_ne!(change.apply(source), source);
        assert!(change.apply(source).starts_with("@group(0)\n"));
    }
}
