//! From dropped files to a data set: recognises each file, pairs images with labels, and decides which pair
//! to train on.

use super::content::Content;
use super::error::{DatasetError, shown, thousands};
use super::idx::{self, Idx};
use super::{Dataset, PIXELS, SIDE, Split, csv};

/// At most this many images in a data set.
pub const LARGEST_IMAGE_COUNT: usize = 200_000;
/// At most this many files at a time: two pairs.
pub const LARGEST_FILE_COUNT: usize = 4;

/// One file's bytes with its name.
struct Named<T> {
    name: String,
    bytes: T,
}

/// A part of the data set with the names of its files.
struct Part {
    name: String,
    split: Split,
}

/// Reads MNIST-format IDX files (one or two pairs, plain or gzip) or CSV files (one or two).
///
/// Files are recognised by content. Pairs are matched by their counts and, where those are equal, by names.
/// Of two pairs the one whose name says "t10k" or "test" is held out, otherwise the smaller; of a single
/// pair the last sixth. Pictures with dark ink on white paper are inverted. `notes` says what was decided.
///
/// # Errors
/// In plain words, naming the file and what is wrong with it.
pub fn load_files(files: &[(String, Vec<u8>)]) -> Result<Dataset, DatasetError> {
    if files.is_empty() || files.len() > LARGEST_FILE_COUNT {
        return Err(DatasetError::new(
            format!("{} files were dropped; one to four can be read.", files.len()),
            "Drop an IDX pair (images and labels), two pairs, or one or two CSV files.",
        ));
    }
    let (mut images, mut labels, mut tables) = (Vec::new(), Vec::new(), Vec::new());
    let mut notes = Vec::new();
    for (name, bytes) in files {
        let content = Content::open(name, bytes)?;
        let name = name.clone();
        if idx::is_idx(content.head()) {
            match idx::read(&name, content)? {
                Idx::Images(bytes) => images.push(Named { name, bytes }),
                Idx::Labels(bytes) => labels.push(Named { name, bytes }),
            }
        } else if content.is_text() {
            let (split, column) = csv::read(&name, content)?;
            notes.push(format!("The labels of {} are in its {column} column.", shown(&name)));
            tables.push(Part { name, split });
        } else {
            return Err(content.unknown());
        }
    }
    let parts = match (images.is_empty() && labels.is_empty(), tables.is_empty()) {
        (true, _) => tables,
        (false, true) => pair(images, labels)?,
        (false, false) => {
            return Err(DatasetError::new(
                "IDX and CSV files were dropped together.",
                "Drop either IDX files or CSV files.",
            ));
        }
    };
    divide(parts, notes)
}

/// The error for a count above [`LARGEST_IMAGE_COUNT`].
pub(super) fn too_many(name: &str, count: u64) -> DatasetError {
    DatasetError::new(
        format!("{} holds {} images; at most 200,000 can be read.", shown(name), thousands(count)),
        "Drop fewer images.",
    )
}

/// Whether a name says that its file is for testing.
fn says_test(name: &str) -> bool {
    let name = name.to_lowercase();
    ["t10k", "test", "held", "valid"].iter().any(|word| name.contains(word))
}

/// Matches label files to image files.
fn pair(images: Vec<Named<Vec<u8>>>, labels: Vec<Named<Vec<u8>>>) -> Result<Vec<Part>, DatasetError> {
    if images.len() != labels.len() {
        return Err(unpaired(&images, &labels));
    }
    let mut labels = labels;
    let mut parts = Vec::new();
    for Named { name, bytes } in images {
        let count = bytes.len() / PIXELS;
        let fits = |labels: &Named<Vec<u8>>| labels.bytes.len() == count;
        let same_part = |labels: &Named<Vec<u8>>| fits(labels) && says_test(&labels.name) == says_test(&name);
        let Some(chosen) = labels.iter().position(same_part).or_else(|| labels.iter().position(fits)) else {
            let found: Vec<String> = labels
                .iter()
                .map(|labels| {
                    format!("{} has {} labels", shown(&labels.name), thousands(labels.bytes.len() as u64))
                })
                .collect();
            return Err(DatasetError::new(
                format!(
                    "{} has {} images but {}.",
                    shown(&name),
                    thousands(count as u64),
                    found.join(" and ")
                ),
                "Drop the label file that belongs to these images.",
            ));
        };
        let labels = labels.swap_remove(chosen);
        parts.push(Part {
            name: format!("{name} and {}", labels.name),
            split: Split { pixels: bytes, labels: labels.bytes },
        });
    }
    Ok(parts)
}

/// Names the file that has no partner, and says so when its name promises something else than it holds.
fn unpaired(images: &[Named<Vec<u8>>], labels: &[Named<Vec<u8>>]) -> DatasetError {
    let (files, holds, missing) =
        if images.len() > labels.len() { (images, "images", "label") } else { (labels, "labels", "image") };
    if let Some(file) = files.iter().find(|file| file.name.to_lowercase().contains(missing)) {
        return DatasetError::new(
            format!("{} holds {holds}, though its name says {missing}s.", shown(&file.name)),
            format!("Drop the right {missing} file."),
        );
    }
    let alone = files.iter().find(|file| {
        let others = if holds == "images" { labels } else { images };
        let count =
            |file: &Named<Vec<u8>>, is_images: bool| file.bytes.len() / if is_images { PIXELS } else { 1 };
        let own = count(file, holds == "images");
        !others.iter().any(|other| count(other, holds != "images") == own)
    });
    let name = alone.or(files.first()).map(|file| shown(&file.name)).unwrap_or_default();
    DatasetError::new(
        format!("{name} has no {missing} file with it."),
        format!("Drop it together with its {missing} file."),
    )
}

/// Decides what to train on and what to hold out.
fn divide(parts: Vec<Part>, mut notes: Vec<String>) -> Result<Dataset, DatasetError> {
    let name = parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>().join(", ");
    let total: usize = parts.iter().map(|part| part.split.len()).sum();
    if total > LARGEST_IMAGE_COUNT {
        return Err(too_many(&name, total as u64));
    }
    let mut parts = parts.into_iter();
    let (mut train, mut held_out) = match (parts.next(), parts.next(), parts.next()) {
        (Some(only), None, _) => {
            let (train, held_out) = hold_out_last_sixth(only)?;
            notes.push(format!(
                "One set was dropped: its last {} images are held out and never trained on.",
                thousands(held_out.len() as u64)
            ));
            (train, held_out)
        }
        (Some(first), Some(second), None) => {
            let (train, held_out) = order(first, second);
            notes.push(format!(
                "Training uses {}; {} is held out.",
                shown(&train.name),
                shown(&held_out.name)
            ));
            (train.split, held_out.split)
        }
        _ => {
            return Err(DatasetError::new(
                "More than two sets were dropped.",
                "Drop one set, or one to train on and one to hold out.",
            ));
        }
    };
    for (split, which) in [(&mut train, "training"), (&mut held_out, "held-out")] {
        if paper_is_white(split) {
            split.pixels.iter_mut().for_each(|pixel| *pixel = 255 - *pixel);
            notes.push(format!("The {which} images had white paper and were inverted."));
        }
    }
    Ok(Dataset { name, train, held_out, notes })
}

/// Of two parts, first the one to train on.
fn order(first: Part, second: Part) -> (Part, Part) {
    let swap = match (says_test(&first.name), says_test(&second.name)) {
        (true, false) => true,
        (false, true) => false,
        _ => first.split.len() < second.split.len(),
    };
    if swap { (second, first) } else { (first, second) }
}

fn hold_out_last_sixth(part: Part) -> Result<(Split, Split), DatasetError> {
    let Part { name, mut split } = part;
    let count = split.len();
    if count < 2 {
        return Err(DatasetError::new(
            format!("{} holds a single image; two are needed, one of them to measure with.", shown(&name)),
            "Drop more images.",
        ));
    }
    let kept = count - (count / 6).max(1);
    let held_out =
        Split { pixels: split.pixels.split_off(kept * PIXELS), labels: split.labels.split_off(kept) };
    Ok((split, held_out))
}

/// Whether the borders of the images are brighter than half: digits rarely touch the border.
fn paper_is_white(split: &Split) -> bool {
    let border = |index: usize| {
        let (row, column) = (index / SIDE, index % SIDE);
        row == 0 || row == SIDE - 1 || column == 0 || column == SIDE - 1
    };
    let (mut sum, mut count) = (0u64, 0u64);
    for image in split.pixels.chunks_exact(PIXELS).take(1000) {
        for pixel in image.iter().enumerate().filter(|(index, _)| border(*index)).map(|(_, pixel)| *pixel) {
            sum += u64::from(pixel);
            count += 1;
        }
    }
    sum > 128 * count
}
