//! Data and helpers that engine tests share.

use engine::datasets::{Dataset, DigitGenerator, PIXELS, Split};
use std::rc::Rc;

/// The first `train` and `held_out` images of the drawn digits.
pub fn digits(seed: u32, train: usize, held_out: usize) -> Rc<Dataset> {
    let dataset = DigitGenerator::new(seed).finish();
    let first = |split: &Split, count: usize| Split {
        pixels: split.pixels[..count * PIXELS].to_vec(),
        labels: split.labels[..count].to_vec(),
    };
    Rc::new(Dataset {
        name: dataset.name.clone(),
        train: first(&dataset.train, train),
        held_out: first(&dataset.held_out, held_out),
        notes: vec![],
    })
}
