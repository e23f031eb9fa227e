//! Templates with slots. `{hero}` is a word that the piece has bound, or else one drawn from a list of that name;
//! `{a tool}` puts the article before it, `{Hero}` begins it with a capital. Values may hold slots themselves.

use super::lexicon;
use engine::datasets::philox::Philox;
use std::collections::BTreeMap;

/// Expands templates; draws every list like cards, so that all of it is used before any of it comes again.
pub struct Writer {
    pub random: Philox,
    bags: BTreeMap<String, Vec<usize>>,
    bound: BTreeMap<String, String>,
}

impl Writer {
    pub fn new(random: Philox) -> Self {
        Self { random, bags: BTreeMap::new(), bound: BTreeMap::new() }
    }

    /// Begins a new piece: forgets its people and things.
    pub fn begin(&mut self) {
        self.bound.clear();
    }

    /// Binds a slot for the rest of the piece.
    pub fn bind(&mut self, slot: &str, value: impl Into<String>) {
        self.bound.insert(slot.to_owned(), value.into());
    }

    /// Draws a row and binds its cells, which stand between bars, to `slots`.
    pub fn bind_row(&mut self, slots: &[&str], rows: &[&str]) {
        let row = self.draw(rows);
        for (slot, cell) in slots.iter().zip(row.split('|')) {
            self.bind(slot, cell.trim());
        }
    }

    /// One of `items`, none again before all were drawn.
    pub fn draw<'i>(&mut self, items: &[&'i str]) -> &'i str {
        // The ends and the length tell lists apart; lists that begin alike are common.
        let ends = [items.first(), items.last()].map(|end| end.copied().unwrap_or_default());
        let key = format!("{} {}", items.len(), ends.concat());
        let bag = self.bags.entry(key).or_default();
        if bag.is_empty() {
            *bag = (0..items.len()).collect();
            self.random.shuffle(bag);
        }
        bag.pop().and_then(|index| items.get(index)).copied().unwrap_or_default()
    }

    /// A whole number from `low` to `high`.
    pub fn number(&mut self, low: u32, high: u32) -> u32 {
        low + self.random.below(high - low + 1)
    }

    /// True in `percent` of 100 cases.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.random.below(100) < percent
    }

    /// Draws one template and expands it.
    pub fn say(&mut self, templates: &[&str]) -> String {
        let template = self.draw(templates);
        self.expand(template)
    }

    /// Draws one template of each list and joins them to a paragraph.
    pub fn paragraph(&mut self, steps: &[&[&str]]) -> String {
        let sentences: Vec<String> =
            steps.iter().map(|templates| capitalised(&self.say(templates))).collect();
        sentences.join(" ") + "\n\n"
    }

    /// Fills the slots of a template.
    pub fn expand(&mut self, template: &str) -> String {
        let mut text = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((slot, after)) = after.split_once('}') else { break };
            text += before;
            text += &self.slot(slot);
            rest = after;
        }
        text + rest
    }

    fn slot(&mut self, slot: &str) -> String {
        let (article, slot) = slot.strip_prefix("a ").map_or((false, slot), |slot| (true, slot));
        let lower = slot.to_lowercase();
        let value = match self.bound.get(&lower) {
            Some(value) => value.clone(),
            None => self.draw(lexicon::list(&lower)).to_owned(),
        };
        let value = self.expand(&value);
        let value = if article { with_article(&value) } else { value };
        if slot == lower { value } else { first_upper(&value) }
    }

    /// Binds the town, the drink and the people of a story: a hero, and a friend of the other sex, so that pronouns are clear.
    pub fn cast(&mut self) {
        for slot in ["town", "drink"] {
            let value = self.draw(lexicon::list(slot));
            self.bind(slot, value);
        }
        let heroine = self.chance(50);
        let (hers, his) = (lexicon::WOMEN, lexicon::MEN);
        let (hero, friend) =
            if heroine { (self.draw(hers), self.draw(his)) } else { (self.draw(his), self.draw(hers)) };
        let relation =
            if heroine { self.draw(lexicon::MALE_RELATIONS) } else { self.draw(lexicon::FEMALE_RELATIONS) };
        let pronouns = |is_she: bool| if is_she { ["she", "her", "her"] } else { ["he", "him", "his"] };
        self.bind("hero", hero);
        self.bind("friend", friend);
        self.bind("relation", relation);
        for (slot, value) in ["they", "them", "their"].iter().zip(pronouns(heroine)) {
            self.bind(slot, value);
        }
        for (slot, value) in ["fthey", "fthem", "ftheir"].iter().zip(pronouns(!heroine)) {
            self.bind(slot, value);
        }
    }
}

/// "a" or "an" by sound, for the words that occur here.
fn with_article(value: &str) -> String {
    let sounds_like_vowel = value.starts_with(['a', 'e', 'i', 'o', 'u']) || value.starts_with("hour");
    let sounds_like_consonant = ["use", "uni", "one", "eu"].iter().any(|begin| value.starts_with(begin));
    let article = if sounds_like_vowel && !sounds_like_consonant { "an" } else { "a" };
    format!("{article} {value}")
}

/// "rain" as "Rain".
pub fn first_upper(value: &str) -> String {
    let mut characters = value.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// Begins every sentence with a capital.
fn capitalised(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut at_start = true;
    let (mut after_end, mut after_stop) = (false, false);
    for character in text.chars() {
        let begins = at_start && character.is_ascii_lowercase();
        result.push(if begins { character.to_ascii_uppercase() } else { character });
        at_start = (at_start && character == '"') || (after_end && character == ' ');
        // Speech that ends with a full stop ends its sentence too; after a question "asked" may follow.
        after_end = matches!(character, '.' | '!' | '?') || (after_stop && character == '"');
        after_stop = character == '.';
    }
    result
}

/// A cardinal number in words up to 99, then in digits with commas.
pub fn spelled(number: u64) -> String {
    const SMALL: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 10] =
        ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    let word = |words: &[&str], index: u64| {
        usize::try_from(index).ok().and_then(|index| words.get(index).map(|word| (*word).to_owned()))
    };
    match (number, word(&TENS, number / 10), word(&SMALL, number % 10)) {
        (0..20, ..) => word(&SMALL, number).unwrap_or_default(),
        (_, Some(tens), _) if number.is_multiple_of(10) => tens,
        (_, Some(tens), Some(ones)) => format!("{tens}-{ones}"),
        _ => digits(number),
    }
}

/// 1234567 as "1,234,567".
pub fn digits(number: u64) -> String {
    let plain = number.to_string();
    let mut text = String::new();
    for (index, digit) in plain.chars().enumerate() {
        if index > 0 && (plain.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
