//! Points in the plane, for lessons that show where a small network draws its line.
//!
//! Every point is a pure function of (kind, seed, index): position along its shape, then normal noise added to both
//! coordinates. Shapes fit into [-1, 1]^2 with room for noise; a point that noise throws out is put onto the edge.

use super::philox::{Philox, cosine_of_turns, sine_of_turns};

/// At most this many points at a time.
pub const LARGEST_TOY_COUNT: usize = 100_000;
/// A grid has at most this many points per side.
pub const LARGEST_GRID_RESOLUTION: usize = 1024;
/// Shapes stay within this distance of the middle, so that noise shows.
const REACH: f32 = 0.85;

/// A data set in the plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toy {
    /// Two interleaved spirals.
    Spiral,
    /// Three interleaved spirals.
    ThreeSpirals,
    /// Two half circles that hook into each other.
    Moons,
    /// A circle around another.
    Circles,
    /// Two round heaps.
    Blobs,
    /// Opposite quadrants share a class.
    Xor,
}

impl Toy {
    /// Every kind, in the order of the page.
    pub const ALL: [Self; 6] =
        [Self::Spiral, Self::ThreeSpirals, Self::Moons, Self::Circles, Self::Blobs, Self::Xor];

    /// Number of classes; labels are smaller.
    #[must_use]
    pub const fn classes(self) -> u32 {
        match self {
            Self::ThreeSpirals => 3,
            Self::Spiral | Self::Moons | Self::Circles | Self::Blobs | Self::Xor => 2,
        }
    }

    /// `count` points (at most [`LARGEST_TOY_COUNT`]) and their classes, which take turns. `noise` is the standard
    /// deviation of what is added to each coordinate; 0.05 is a little, 0.2 a lot, and what is not a number is 0.
    #[must_use]
    pub fn points(self, count: usize, noise: f32, seed: u32) -> (Vec<[f32; 2]>, Vec<u32>) {
        let noise = if noise.is_finite() { noise.max(0.0) } else { 0.0 };
        (0..count.min(LARGEST_TOY_COUNT) as u32).map(|index| self.point(index, noise, seed)).unzip()
    }

    fn point(self, index: u32, noise: f32, seed: u32) -> ([f32; 2], u32) {
        let class = index % self.classes();
        let stream = u64::from(index) | ((self as u64 + 1) << 32);
        let mut random = Philox::new(u64::from(seed), stream);
        let clean = self.clean(class, &mut random);
        (clean.map(|coordinate| (coordinate + noise * random.normal()).clamp(-1.0, 1.0)), class)
    }

    /// A point of a class before the noise.
    fn clean(self, class: u32, random: &mut Philox) -> [f32; 2] {
        let upper = class == 0;
        match self {
            Self::Spiral | Self::ThreeSpirals => {
                // Equal density along the arm: the length of arc grows with the square of the angle.
                let along = (0.02 + 0.98 * random.uniform()).sqrt();
                let turns = 1.25 * along + class as f32 / self.classes() as f32;
                on_circle(turns, REACH * along)
            }
            Self::Moons => {
                let [x, y] = on_circle(0.5 * random.uniform(), 0.55);
                let [x, y] = if upper { [x - 0.275, y - 0.14] } else { [0.275 - x, 0.14 - y] };
                [x, y]
            }
            Self::Circles => on_circle(random.uniform(), if upper { REACH } else { 0.4 }),
            Self::Blobs => {
                let side = if upper { -0.45 } else { 0.45 };
                [side + 0.12 * random.normal(), side + 0.12 * random.normal()]
            }
            Self::Xor => {
                let x = random.between(-REACH, REACH);
                let size = random.between(0.0, REACH);
                [x, if (x >= 0.0) == upper { size } else { -size }]
            }
        }
    }
}

fn on_circle(turns: f32, radius: f32) -> [f32; 2] {
    let turns = f64::from(turns);
    [radius * cosine_of_turns(turns) as f32, radius * sine_of_turns(turns) as f32]
}

/// The middles of `resolution` x `resolution` cells over [-1, 1]^2, row by row from the top (y = 1) as pixels of a
/// picture are. At most [`LARGEST_GRID_RESOLUTION`] per side.
#[must_use]
pub fn grid(resolution: usize) -> Vec<[f32; 2]> {
    let side = resolution.min(LARGEST_GRID_RESOLUTION);
    let middle = |index: usize| (2 * index + 1) as f32 / side as f32 - 1.0;
    (0..side).flat_map(|row| (0..side).map(move |column| [middle(column), -middle(row)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length([x, y]: [f32; 2]) -> f32 {
        x.hypot(y)
    }

    #[test]
    fn points_stay_in_the_square_and_classes_take_turns() {
        for kind in Toy::ALL {
            for noise in [0.0, 0.1, 10.0, -1.0, f32::NAN, f32::INFINITY] {
                let (points, labels) = kind.points(500, noise, 3);
                assert_eq!((points.len(), labels.len()), (500, 500));
                assert!(points.iter().flatten().all(|x| (-1.0..=1.0).contains(x)), "{kind:?} {noise}");
                assert!(labels.iter().zip(0..).all(|(label, index)| *label == index % kind.classes()));
            }
        }
        assert_eq!(Toy::Xor.points(usize::MAX, 0.0, 0).0.len(), LARGEST_TOY_COUNT);
    }

    #[test]
    fn the_same_seed_gives_the_same_points_and_another_seed_others() {
        for kind in Toy::ALL {
            let (points, _) = kind.points(100, 0.1, 7);
            assert_eq!(kind.points(60, 0.1, 7).0, points[..60]);
            assert_ne!(kind.points(100, 0.1, 8).0, points);
        }
    }

    /// The nearest of 400 clean points of the other classes is never close: the classes can be told apart.
    #[test]
    fn classes_do_not_touch_without_noise() {
        for (kind, gap) in
            [(Toy::Spiral, 0.1), (Toy::ThreeSpirals, 0.06), (Toy::Moons, 0.1), (Toy::Circles, 0.4)]
        {
            let (points, labels) = kind.points(800, 0.0, 1);
            let mut nearest = f32::INFINITY;
            for (a, class) in points.iter().zip(&labels) {
                for (b, _) in points.iter().zip(&labels).filter(|(_, other)| *other != class) {
                    nearest = nearest.min(length([a[0] - b[0], a[1] - b[1]]));
                }
            }
            assert!(nearest > gap, "{kind:?}: {nearest}");
        }
    }

    #[test]
    fn shapes() {
        let (points, labels) = Toy::Xor.points(1000, 0.0, 2);
        assert!(points.iter().zip(&labels).all(|([x, y], class)| ((x * y) >= 0.0) == (*class == 0)));
        let (points, labels) = Toy::Circles.points(1000, 0.0, 2);
        for (point, class) in points.iter().zip(&labels) {
            assert!((length(*point) - if *class == 0 { REACH } else { 0.4 }).abs() < 1e-6);
        }
        // No straight line divides spirals or circles: both classes have their mean near the middle.
        for kind in [Toy::Spiral, Toy::Circles, Toy::Xor] {
            let (points, labels) = kind.points(4000, 0.0, 2);
            for class in 0..2 {
                let mine = points.iter().zip(&labels).filter(|(_, label)| **label == class);
                let mean =
                    mine.fold([0.0, 0.0], |sum, (p, _)| [sum[0] + p[0] / 2000.0, sum[1] + p[1] / 2000.0]);
                assert!(length(mean) < 0.25, "{kind:?} {mean:?}");
            }
        }
        let (points, labels) = Toy::Blobs.points(2000, 0.0, 2);
        assert!(points.iter().zip(&labels).all(|([x, y], class)| (x + y < 0.0) == (*class == 0)));
    }

    #[test]
    fn noise_has_the_deviation_it_says() {
        let clean = Toy::Circles.points(5000, 0.0, 5).0;
        let noisy = Toy::Circles.points(5000, 0.02, 5).0;
        let square: f32 =
            clean.iter().flatten().zip(noisy.iter().flatten()).map(|(a, b)| (a - b).powi(2)).sum();
        let deviation = (square / 10_000.0).sqrt();
        assert!((deviation - 0.02).abs() < 0.001, "{deviation}");
    }

    #[test]
    fn the_grid_begins_at_the_top_left() {
        assert_eq!(grid(2), [[-0.5, 0.5], [0.5, 0.5], [-0.5, -0.5], [0.5, -0.5]]);
        assert!(grid(0).is_empty());
        assert_eq!(grid(usize::MAX).len(), LARGEST_GRID_RESOLUTION * LARGEST_GRID_RESOLUTION);
    }
}
