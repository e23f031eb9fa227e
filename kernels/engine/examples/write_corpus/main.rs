//! Writes the corpus that is shipped for training small language models: `cargo run -p engine --example write_corpus`.
//!
//! The text belongs to this project and is in the public domain. It is made from a grammar and a fixed seed, so anyone
//! can make it again; a test compares the committed file with what this program writes.

mod corpus;

use std::{error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(corpus::FILE);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let text = corpus::text();
    fs::write(&path, &text)?;
    eprintln!("{} bytes in {}", text.len(), path.display());
    Ok(())
}
