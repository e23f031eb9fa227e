//! From values to places and back; ticks; short texts for axes.

/// A linear or logarithmic scale onto a range of places.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    low: f64,
    high: f64,
    log: bool,
    from: f64,
    to: f64,
}

impl Scale {
    /// Over the finite values (positive ones, if logarithmic), onto `from`..`to`. Without values: 0 to 1.
    pub fn over(values: impl Iterator<Item = f64>, log: bool, (from, to): (f64, f64)) -> Self {
        let usable = values.filter(|value| value.is_finite() && (!log || *value > 0.0));
        let (mut low, mut high) =
            usable.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        if low > high {
            (low, high) = if log { (1.0, 10.0) } else { (0.0, 1.0) };
        }
        if low == high {
            (low, high) = if log { (low / 2.0, high * 2.0) } else { (low - 0.5, high + 0.5) };
        }
        Self { low, high, log, from, to }
    }

    /// The same scale, its ends moved outwards to round numbers.
    pub fn rounded(mut self) -> Self {
        if self.log {
            self.low = 10_f64.powf(self.low.log10().floor());
            self.high = 10_f64.powf(self.high.log10().ceil());
        } else {
            let step = step_of(self.high - self.low);
            self.low = (self.low / step).floor() * step;
            self.high = (self.high / step).ceil() * step;
        }
        self
    }

    /// The place of a value; `None` where it has none (not finite, or not positive on a log scale).
    pub fn place(&self, value: f64) -> Option<f64> {
        if !value.is_finite() || (self.log && value <= 0.0) {
            return None;
        }
        let share = if self.log {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        Some(self.from + share * (self.to - self.from))
    }

    /// The value at a place.
    pub fn value(&self, place: f64) -> f64 {
        let share = (place - self.from) / (self.to - self.from);
        if self.log {
            self.low * (self.high / self.low).powf(share)
        } else {
            self.low + share * (self.high - self.low)
        }
    }

    /// Round values inside, four to nine of them.
    pub fn ticks(&self) -> Vec<f64> {
        if self.log {
            let (first, last) = (self.low.log10().ceil() as i32, self.high.log10().floor() as i32);
            let every = ((last - first) / 8 + 1).max(1);
            let mut ticks: Vec<f64> = (first..=last)
                .step_by(every.unsigned_abs() as usize)
                .map(|power| 10_f64.powi(power))
                .collect();
            if ticks.len() < 3 {
                ticks = (first - 1..=last)
                    .flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)))
                    .filter(|tick| *tick >= self.low * 0.999 && *tick <= self.high * 1.001)
                    .collect();
            }
            return ticks;
        }
        let step = step_of(self.high - self.low);
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        (first..=last.min(first + 12)).map(|number| number as f64 * step).collect()
    }
}

/// 1, 2 or 5 times a power of ten, for about five steps over `span`.
fn step_of(span: f64) -> f64 {
    let rough = span / 5.0;
    let power = 10_f64.powf(rough.log10().floor());
    let digit = rough / power;
    power
        * if digit < 1.5 {
            1.0
        } else if digit < 3.5 {
            2.0
        } else if digit < 7.5 {
            5.0
        } else {
            10.0
        }
}

/// A short text with an SI prefix: "3.35 T", "250 m".
pub fn short(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let magnitude = value.abs();
    let prefixes = [
        (1e15, " P"),
        (1e12, " T"),
        (1e9, " G"),
        (1e6, " M"),
        (1e3, " k"),
        (1.0, ""),
        (1e-3, " m"),
        (1e-6, " µ"),
        (1e-9, " n"),
    ];
    // Shares and losses read better as plain decimals than in thousandths.
    let (unit, prefix) = if (1e-3..1.0).contains(&magnitude) {
        (1.0, "")
    } else {
        prefixes.into_iter().find(|(unit, _)| magnitude >= *unit * 0.999_95).unwrap_or((1e-12, " p"))
    };
    let scaled = value / unit;
    let digits = if scaled.abs() >= 99.95 {
        0
    } else if scaled.abs() >= 9.995 {
        1
    } else if scaled.abs() >= 0.995 {
        2
    } else {
        4
    };
    let text = format!("{scaled:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{prefix}")
}

/// [`short`] with the unit; the prefix joins it.
pub fn with_unit(value: f64, unit: &str) -> String {
    let text = short(value);
    match (unit.is_empty(), text.contains(' ')) {
        (true, _) => text,
        (false, true) => format!("{text}{unit}"),
        (false, false) => format!("{text} {unit}"),
    }
}
