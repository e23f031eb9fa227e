//! The drawn digits: reproducible, balanced, readable, of honest difficulty.

use super::super::{Dataset, PIXELS, SIDE, Split, normalise_drawing};
use super::{DigitGenerator, HELD_OUT_IMAGES, TRAIN_IMAGES, draw};

/// FNV-1a of all pixels and labels.
fn fingerprint(data: &Dataset) -> u32 {
    let parts = [&data.train.pixels, &data.train.labels, &data.held_out.pixels, &data.held_out.labels];
    let bytes = parts.into_iter().flatten();
    bytes.fold(0x811c_9dc5, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn centre_of_mass(image: &[u8]) -> (f32, f32) {
    let sum = |weight: fn(usize) -> usize| -> f32 {
        image.iter().enumerate().map(|(index, ink)| f32::from(*ink) * weight(index) as f32).sum()
    };
    let mass = sum(|_| 1);
    (sum(|index| index % SIDE) / mass, sum(|index| index / SIDE) / mass)
}

/// Of seed 1, the same on every target. A deliberate change of the drawing changes it, and with it every
/// curve that a link with a seed reproduces.
const FINGERPRINT: u32 = 2_122_655_222;

#[test]
fn a_seed_gives_the_same_bits_however_the_work_is_divided() {
    let mut in_pieces = DigitGenerator::new(1);
    assert_eq!(in_pieces.progress(), (0, TRAIN_IMAGES + HELD_OUT_IMAGES));
    assert_eq!(in_pieces.generate(7), 7);
    while in_pieces.generate(997) > 0 {}
    let data = in_pieces.finish();
    assert_eq!(data, DigitGenerator::new(1).finish());
    assert_eq!(fingerprint(&data), FINGERPRINT);
    assert_ne!(data.train, DigitGenerator::new(2).finish().train);
}

#[test]
fn classes_are_balanced_and_in_random_order() {
    let data = DigitGenerator::new(3).finish();
    for (split, count) in [(&data.train, TRAIN_IMAGES), (&data.held_out, HELD_OUT_IMAGES)] {
        assert_eq!((split.len(), split.pixels.len()), (count, count * PIXELS));
        for class in 0..10 {
            assert_eq!(split.labels.iter().filter(|label| **label == class).count(), count / 10);
        }
        let repeats = split.labels.array_windows().filter(|[a, b]| a == b).count();
        assert!(repeats > count / 20 && repeats < count / 5, "{repeats}");
    }
}

fn mean_image(split: &Split, class: u8) -> Vec<f32> {
    let mut mean = vec![0.0; PIXELS];
    let images = split.pixels.chunks_exact(PIXELS).zip(&split.labels).filter(|(_, label)| **label == class);
    let mut count = 0.0;
    for (image, _) in images {
        mean.iter_mut().zip(image).for_each(|(sum, ink)| *sum += f32::from(*ink));
        count += 1.0;
    }
    mean.iter_mut().for_each(|sum| *sum /= count);
    mean
}

/// The nearest mean image reads most digits, but far from all: the set is neither broken nor trivial.
#[test]
fn digits_are_recognisable_but_not_by_their_mean() {
    let data = DigitGenerator::new(4).finish();
    let means: Vec<Vec<f32>> = (0..10).map(|class| mean_image(&data.train, class)).collect();
    let distance = |image: &[u8], mean: &[f32]| -> f32 {
        image.iter().zip(mean).map(|(ink, mean)| (f32::from(*ink) - mean).powi(2)).sum()
    };
    let read = |image: &[u8]| {
        let by_distance =
            |a: &usize, b: &usize| distance(image, &means[*a]).total_cmp(&distance(image, &means[*b]));
        (0..10).min_by(by_distance).unwrap()
    };
    let images = data.held_out.pixels.chunks_exact(PIXELS).zip(&data.held_out.labels);
    let right = images.filter(|(image, label)| read(image) == usize::from(**label)).count();
    assert!((1100..1800).contains(&right), "{right} of 2000");
}

#[test]
fn every_image_is_inked_centred_and_inside() {
    for index in 0..3000 {
        let image = draw(5, index, (index % 10) as u8);
        let ink: u32 = image.iter().map(|ink| u32::from(*ink)).sum();
        assert!((4_000..90_000).contains(&ink), "image {index}: {ink}");
        let (x, y) = centre_of_mass(&image);
        assert!((x - 13.5).abs() < 3.0 && (y - 13.5).abs() < 3.0, "image {index}: {x}, {y}");
    }
}

#[test]
fn a_drawing_is_scaled_and_centred_and_an_empty_one_stays_empty() {
    assert_eq!(normalise_drawing(&[0; PIXELS]), [0; PIXELS]);
    // A small upright bar in a corner.
    let mut drawing = [0; PIXELS];
    for row in 2..10 {
        drawing[row * SIDE + 3] = 255;
        drawing[row * SIDE + 4] = 255;
    }
    let image = normalise_drawing(&drawing);
    let (x, y) = centre_of_mass(&image);
    assert!((x - 13.5).abs() < 0.1 && (y - 13.5).abs() < 0.1, "{x}, {y}");
    let inked: Vec<usize> = (0..SIDE).filter(|row| image[row * SIDE + 13] > 127).collect();
    assert!((19..=21).contains(&inked.len()), "{inked:?}");
    // Normalising again changes little.
    let again = normalise_drawing(&image);
    let change: u32 = image.iter().zip(again).map(|(a, b)| u32::from(a.abs_diff(b))).sum();
    assert!(change < 6_000, "{change}");
}
