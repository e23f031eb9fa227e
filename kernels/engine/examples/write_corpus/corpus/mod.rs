//! The corpus: short stories and plain explanations, in an order drawn from the seed.

mod concepts;
mod concepts_more;
mod grammar;
mod guides;
mod lexicon;
mod numbers;
mod stories;
mod story_rows;

use engine::datasets::philox::Philox;
use grammar::Writer;

/// Where the corpus is kept, from the root of the repository.
pub const FILE: &str = "public/corpus/stories-and-explanations.txt";
/// About this many bytes are written.
const SIZE_BYTES: usize = 280_000;
const SEED: u64 = 2026;

/// The whole text: pieces with a title line each, with an empty line between paragraphs and two between pieces.
pub fn text() -> String {
    let mut writer = Writer::new(Philox::new(SEED, 0));
    let mut text = String::new();
    let mut order: Vec<fn(&mut Writer) -> String> = Vec::new();
    while text.len() < SIZE_BYTES {
        let piece = order.pop().unwrap_or_else(|| {
            order = deck();
            writer.random.shuffle(&mut order);
            order.pop().unwrap_or(stories::repair)
        });
        text += piece(&mut writer).trim_end();
        text += "\n\n\n";
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// What is written before any kind comes again as often.
fn deck() -> Vec<fn(&mut Writer) -> String> {
    let often: [fn(&mut Writer) -> String; 8] = [
        stories::repair,
        stories::kitchen,
        stories::garden,
        stories::cluster,
        stories::storm,
        stories::lost,
        concepts::explanation,
        concepts::explanation,
    ];
    let mut deck = [often, often].concat();
    deck.extend::<[fn(&mut Writer) -> String; 9]>([
        concepts::conversation,
        concepts::conversation,
        numbers::ridge_point,
        numbers::memory,
        numbers::network,
        numbers::recipe,
        guides::how_to,
        guides::forecast,
        guides::letter,
    ]);
    deck
}
