//! Charts as SVG: axes with units, hover and keyboard values, log axes, a table behind, export.

mod bars;
mod chart;
mod draw;
mod export;
mod scale;

pub use bars::{BarPart, StackedBar};
pub use chart::Chart;

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeriesKind {
    /// A line.
    Line,
    /// Points only.
    Dots,
    /// A broken line.
    Dashed,
}

/// Values of one thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Name in the legend.
    pub name: String,
    /// How it is drawn.
    pub kind: SeriesKind,
    /// Points, in the order of x.
    pub points: Vec<(f64, f64)>,
}

/// One axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// What it shows.
    pub title: String,
    /// Unit of the plain number, to which a prefix is added ("FLOP/s"); may be empty.
    pub unit: String,
    /// Logarithmic at first; the visitor may switch.
    pub log: bool,
}

/// A labelled point.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Where.
    pub x: f64,
    /// Where.
    pub y: f64,
    /// What.
    pub label: String,
}

/// A whole chart, as data.
#[derive(Debug, Clone, PartialEq)]
pub struct ChartSpec {
    /// Title.
    pub title: String,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// Series, at most eight.
    pub series: Vec<Series>,
    /// Labelled points.
    pub marks: Vec<Mark>,
    /// Vertical range; of the data if `None`.
    pub y_range: Option<(f64, f64)>,
}

/// Colours that are safe for colour-blind eyes (Okabe and Ito 2008), in an order that reads on light and dark.
pub const COLOURS: [&str; 8] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#8a8a8a", "#b59f00"];

/// The colour of series number `index`.
pub fn colour(index: usize) -> &'static str {
    COLOURS.get(index % COLOURS.len()).copied().unwrap_or("#0072b2")
}
