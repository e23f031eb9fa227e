//! Digits drawn from a seed: 10,000 to train on and 2,000 held out.
//!
//! An image is a pure function of (seed, index). Its digit's skeleton ([`super::strokes`]) is chosen among
//! the writing styles, its points are moved, it is stretched, slanted, turned and tapered, and a pen of
//! varying width follows it. As in MNIST (LeCun, Cortes and Burges), the result fits a box of about 20 x 20
//! pixels and its centre of mass is about the centre of the 28 x 28 image.
//!
//! Left out on purpose: elastic distortion of the finished image and clutter. The difficulty comes from
//! shapes that overlap between digits, as in handwriting.

use super::philox::{Philox, cosine_of_turns, sine_of_turns};
use super::strokes::{STYLES, Style};
use super::{CLASSES, Dataset, PIXELS, SIDE, Split};

/// Images to train on.
pub const TRAIN_IMAGES: usize = 10_000;
/// Images held out to measure with.
pub const HELD_OUT_IMAGES: usize = 2_000;

/// The streams of the two orders; image `i` uses stream `i`.
const ORDER_STREAMS: [u64; 2] = [1 << 32, 2 << 32];
/// Points of a curve between two points of the skeleton.
const SUBDIVISIONS: usize = 6;
/// Side of the box that a digit fills, in pixels, before its random scale.
const BOX_SIDE: f32 = 20.0;

/// Draws the data set a few images at a time, so that a worker can report progress in between.
///
/// The seed alone determines the result, however the calls are divided.
#[derive(Debug, Clone)]
pub struct DigitGenerator {
    seed: u32,
    /// Labels of all images: training, then held out; each part balanced and in random order.
    labels: Vec<u8>,
    pixels: Vec<u8>,
}

impl DigitGenerator {
    /// A generator that has drawn nothing yet.
    #[must_use]
    pub fn new(seed: u32) -> Self {
        let mut labels = Vec::with_capacity(TRAIN_IMAGES + HELD_OUT_IMAGES);
        for (count, stream) in [TRAIN_IMAGES, HELD_OUT_IMAGES].into_iter().zip(ORDER_STREAMS) {
            let mut part: Vec<u8> = (0..CLASSES).cycle().take(count).collect();
            Philox::new(u64::from(seed), stream).shuffle(&mut part);
            labels.extend(part);
        }
        Self { seed, labels, pixels: Vec::new() }
    }

    /// Images drawn so far and in all.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        (self.pixels.len() / PIXELS, self.labels.len())
    }

    /// Draws up to `images` more and says how many were drawn: 0 when the set is complete.
    pub fn generate(&mut self, images: usize) -> usize {
        let (done, total) = self.progress();
        let count = images.min(total - done);
        self.pixels.reserve_exact(if done == 0 { total * PIXELS } else { 0 });
        for (index, label) in self.labels.iter().enumerate().skip(done).take(count) {
            self.pixels.extend_from_slice(&draw(self.seed, index, *label));
        }
        count
    }

    /// Draws what is missing and divides the images.
    #[must_use]
    pub fn finish(mut self) -> Dataset {
        self.generate(usize::MAX);
        let held_out = Split {
            pixels: self.pixels.split_off(TRAIN_IMAGES * PIXELS),
            labels: self.labels.split_off(TRAIN_IMAGES),
        };
        Dataset {
            name: format!("Drawn digits, seed {}", self.seed),
            train: Split { pixels: self.pixels, labels: self.labels },
            held_out,
            notes: Vec::new(),
        }
    }
}

/// A point of a flattened stroke and the half-width of the pen there, in pixels.
#[derive(Debug, Clone, Copy, Default)]
struct PenPoint {
    x: f32,
    y: f32,
    radius: f32,
}

/// One image.
fn draw(seed: u32, index: usize, label: u8) -> [u8; PIXELS] {
    let mut random = Philox::new(u64::from(seed), index as u64);
    let style = choose(STYLES.get(usize::from(label)).copied().unwrap_or(&[]), &mut random);
    let Some(style) = style else { return [0; PIXELS] };
    let mut strokes = flatten(style, &mut random);
    transform(&mut strokes, &mut random);
    place(&mut strokes, &mut random);
    ink(&strokes, &mut random)
}

fn choose<'s>(styles: &'s [Style], random: &mut Philox) -> Option<&'s Style> {
    let total: f32 = styles.iter().map(|style| style.weight).sum();
    let mut left = random.uniform() * total;
    let chosen = styles.iter().find(|style| {
        left -= style.weight;
        left < 0.0
    });
    chosen.or(styles.last())
}

/// A normal deviate that is cut off at 2.5 standard deviations: no digit becomes unreadable by one extreme.
fn bounded_normal(random: &mut Philox) -> f32 {
    random.normal().clamp(-2.5, 2.5)
}

/// Moves the points of a skeleton and turns its strokes into short straight pieces.
fn flatten(style: &Style, random: &mut Philox) -> Vec<Vec<PenPoint>> {
    let care = random.between(0.012, 0.042);
    let tremor = random.between(0.0, 0.008);
    // A hasty mouse leaves straight lines between few points.
    let roundness = if random.uniform() < 0.15 { random.between(0.0, 0.6) } else { 1.0 };
    let points: Vec<(f32, f32)> = style
        .points
        .iter()
        .map(|&(x, y)| (x + care * bounded_normal(random), y + care * bounded_normal(random)))
        .collect();
    style
        .strokes
        .iter()
        .map(|stroke| {
            let mut knots: Vec<(f32, f32)> =
                stroke.iter().filter_map(|&index| points.get(index).copied()).collect();
            let closed = knots.len() > 2 && stroke.first() == stroke.last();
            if !closed {
                shift_ends(&mut knots, random);
            }
            let mut curve = curve(&knots, closed, roundness);
            for point in &mut curve {
                point.x += tremor * bounded_normal(random);
                point.y += tremor * bounded_normal(random);
            }
            curve
        })
        .collect()
}

/// Lets a stroke begin and end a little early or late, along its direction.
fn shift_ends(knots: &mut [(f32, f32)], random: &mut Philox) {
    let mut extend = |end: &mut (f32, f32), next: (f32, f32)| {
        let amount = 0.10 * bounded_normal(random).clamp(-1.5, 1.5);
        *end = (end.0 + amount * (end.0 - next.0), end.1 + amount * (end.1 - next.1));
    };
    if let [first, second, ..] = knots {
        extend(first, *second);
    }
    if let [.., second, last] = knots {
        extend(last, *second);
    }
}

/// The uniform Catmull-Rom curve through the knots, mixed with the straight lines between them: `roundness`
/// 1 is the curve, 0 the lines.
fn curve(knots: &[(f32, f32)], closed: bool, roundness: f32) -> Vec<PenPoint> {
    let last = knots.len().saturating_sub(1);
    let knot = |index: usize| knots.get(index).copied().unwrap_or_default();
    let point = |(x, y): (f32, f32)| PenPoint { x, y, radius: 0.0 };
    let mut points = vec![point(knot(0))];
    for index in 0..last {
        let (from, to) = (knot(index), knot(index + 1));
        let before = match (index, closed) {
            (0, true) => knot(last.saturating_sub(1)),
            (0, false) => from,
            _ => knot(index - 1),
        };
        let after = match (index + 2 > last, closed) {
            (true, true) => knot(1),
            (true, false) => to,
            _ => knot(index + 2),
        };
        for step in 1..=SUBDIVISIONS {
            let t = step as f32 / SUBDIVISIONS as f32;
            let blend = |p0: f32, p1: f32, p2: f32, p3: f32| {
                let cubic = 3.0 * (p1 - p2) + p3 - p0;
                let square = 2.0 * p0 - 5.0 * p1 + 4.0 * p2 - p3;
                let smooth = 0.5 * (p2 - p0 + t * (square + t * cubic));
                p1 + t * (p2 - p1 + roundness * (smooth - (p2 - p1)))
            };
            points.push(point((
                blend(before.0, from.0, to.0, after.0),
                blend(before.1, from.1, to.1, after.1),
            )));
        }
    }
    points
}

/// Stretches, bends, tapers, slants and turns the whole digit about its middle.
fn transform(strokes: &mut [Vec<PenPoint>], random: &mut Philox) {
    let width = 1.0 + 0.16 * bounded_normal(random);
    let slant = 0.08 + 0.17 * bounded_normal(random);
    let taper = 0.12 * bounded_normal(random);
    let bend = 0.05 * bounded_normal(random);
    let turn = f64::from(0.014 * bounded_normal(random));
    let (cosine, sine) = (cosine_of_turns(turn) as f32, sine_of_turns(turn) as f32);
    for point in strokes.iter_mut().flatten() {
        let (x, y) = (point.x - 0.33, point.y - 0.5);
        let x = x * width * (1.0 + taper * 2.0 * y) - slant * y + bend * (4.0 * y * y - 0.5);
        (point.x, point.y) = (cosine * x - sine * y, sine * x + cosine * y);
    }
}

/// Scales the digit to its box, gives the pen its width and puts the centre of mass near the middle.
fn place(strokes: &mut [Vec<PenPoint>], random: &mut Philox) {
    // Mostly a ballpoint, now and then a marker: the cube of a uniform number is small most of the time.
    let broad = random.uniform();
    let radius = random.between(0.6, 1.05) + 1.3 * broad * broad * broad;
    let side = BOX_SIDE * (1.0 + 0.05 * bounded_normal(random)) - 2.0 * radius;
    let bounds = strokes.iter().flatten().fold(None, |bounds: Option<[f32; 4]>, point| {
        let [left, top, right, bottom] = bounds.unwrap_or([point.x, point.y, point.x, point.y]);
        Some([left.min(point.x), top.min(point.y), right.max(point.x), bottom.max(point.y)])
    });
    let [left, top, right, bottom] = bounds.unwrap_or_default();
    let scale = side / (right - left).max(bottom - top).max(0.1);
    let pressure = 0.12 * bounded_normal(random);
    for stroke in strokes.iter_mut() {
        let length = stroke.len() as f32;
        for (index, point) in stroke.iter_mut().enumerate() {
            let along = index as f32 / length - 0.5;
            point.radius = radius * (1.0 + 2.0 * pressure * along);
            (point.x, point.y) = (point.x * scale, point.y * scale);
        }
    }
    let (x, y) = centre_of_mass(strokes);
    let middle = (SIDE as f32 - 1.0) / 2.0;
    let (dx, dy) = (middle - x + 0.7 * bounded_normal(random), middle - y + 0.7 * bounded_normal(random));
    for point in strokes.iter_mut().flatten() {
        (point.x, point.y) = (point.x + dx, point.y + dy);
    }
}

/// The centre of mass of lines of even weight: the mean of the pieces' middles, weighted by length.
fn centre_of_mass(strokes: &[Vec<PenPoint>]) -> (f32, f32) {
    let (mut mass, mut x, mut y) = (1e-6f32, 0.0, 0.0);
    for [from, to] in strokes.iter().flat_map(|stroke| stroke.array_windows::<2>()) {
        let (dx, dy) = (to.x - from.x, to.y - from.y);
        let length = (dx * dx + dy * dy).sqrt();
        mass += length;
        x += length * 0.5 * (from.x + to.x);
        y += length * 0.5 * (from.y + to.y);
    }
    (x / mass, y / mass)
}

/// Draws the strokes: full ink inside the pen, a soft edge, then paper, gain and grain.
fn ink(strokes: &[Vec<PenPoint>], random: &mut Philox) -> [u8; PIXELS] {
    let edge = random.between(0.7, 1.5);
    let gain = random.between(0.82, 1.12);
    let grain = random.between(0.0, 0.09);
    let mut coverage = [0.0f32; PIXELS];
    for [from, to] in strokes.iter().flat_map(|stroke| stroke.array_windows::<2>()) {
        cover(&mut coverage, *from, *to, edge);
    }
    let mut pixels = [0; PIXELS];
    for (pixel, coverage) in pixels.iter_mut().zip(coverage) {
        if coverage > 0.0 {
            // The edge follows 3 t^2 - 2 t^3, which looks like a slightly blurred disc.
            let smooth = coverage * coverage * (3.0 - 2.0 * coverage);
            let value = smooth * gain * (1.0 + grain * bounded_normal(random));
            *pixel = (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
        }
    }
    pixels
}

/// Raises every pixel near a piece of a stroke to the share of it that the pen covers.
fn cover(coverage: &mut [f32; PIXELS], from: PenPoint, to: PenPoint, edge: f32) {
    let reach = from.radius.max(to.radius) + 0.5 * edge;
    let pixel_range = |a: f32, b: f32| {
        let (low, high) = ((a.min(b) - reach).max(0.0), (a.max(b) + reach + 1.0).clamp(0.0, SIDE as f32));
        low as usize..high as usize
    };
    let (dx, dy) = (to.x - from.x, to.y - from.y);
    let inverse_square = 1.0 / (dx * dx + dy * dy).max(1e-12);
    for row in pixel_range(from.y, to.y) {
        for column in pixel_range(from.x, to.x) {
            let (x, y) = (column as f32 - from.x, row as f32 - from.y);
            let along = ((x * dx + y * dy) * inverse_square).clamp(0.0, 1.0);
            let (off_x, off_y) = (x - along * dx, y - along * dy);
            let radius = from.radius + along * (to.radius - from.radius);
            let distance = (off_x * off_x + off_y * off_y).sqrt();
            let share = ((radius - distance) / edge + 0.5).clamp(0.0, 1.0);
            if let Some(pixel) = coverage.get_mut(row * SIDE + column) {
                *pixel = pixel.max(share);
            }
        }
    }
}

#[cfg(test)]
#[path = "drawn_tests.rs"]
mod tests;
