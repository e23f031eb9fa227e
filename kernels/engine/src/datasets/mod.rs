//! Training data: digits drawn from a seed, and IDX and CSV files that a visitor drops.
//!
//! Every image data set here has images of 28 x 28 pixels with ink = 255 on paper = 0, and labels 0 to 9.

mod content;
mod csv;
mod drawing;
mod drawn;
mod error;
mod files;
mod idx;
pub mod philox;
mod strokes;
#[cfg(test)]
mod tests;
pub mod text;
pub mod toys;

pub use content::{LARGEST_FILE_BYTES, LARGEST_INFLATED_BYTES};
pub use drawing::normalise_drawing;
pub use drawn::{DigitGenerator, HELD_OUT_IMAGES, TRAIN_IMAGES};
pub use error::DatasetError;
pub use files::{LARGEST_FILE_COUNT, LARGEST_IMAGE_COUNT, load_files};

/// Width and height of an image.
pub const SIDE: usize = 28;
/// Pixels of an image.
pub const PIXELS: usize = SIDE * SIDE;
/// Number of classes; labels are smaller.
pub const CLASSES: u8 = 10;

/// Images with their labels, divided into those to train on and those to measure with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// For the page: "Drawn digits, seed 1", or the names of the files.
    pub name: String,
    /// Images to train on; never empty.
    pub train: Split,
    /// Images that training never sees; never empty.
    pub held_out: Split,
    /// What was decided while loading, in whole sentences for the page.
    pub notes: Vec<String>,
}

/// Some images and their labels.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Split {
    /// [`PIXELS`] bytes per image, row by row, ink = 255.
    pub pixels: Vec<u8>,
    /// One label per image, 0 to 9.
    pub labels: Vec<u8>,
}

impl Split {
    /// Number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The pixels of image `index`.
    #[must_use]
    pub fn image(&self, index: usize) -> Option<&[u8]> {
        let start = index.checked_mul(PIXELS)?;
        self.pixels.get(start..start.checked_add(PIXELS)?)
    }
}
