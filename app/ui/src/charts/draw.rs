//! A chart as shapes: what is put into the page, and what is written into an exported file.

use super::{
    ChartSpec, SeriesKind, colour,
    scale::{Scale, short},
};

/// Size of the drawing in its own units.
pub const WIDTH: f64 = 640.0;
/// Size of the drawing in its own units.
pub const HEIGHT: f64 = 320.0;
// Room for the texts of the axes at the size they have in a narrow window.
const LEFT: f64 = 84.0;
const RIGHT: f64 = 28.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 48.0;
/// Points of a series beyond which only the extremes of each column of pixels are drawn.
const MOST_POINTS: usize = 2000;

/// A series as shapes.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Number of the series, for its colour.
    pub index: usize,
    /// Path of a line; empty for dots.
    pub path: String,
    /// Broken line.
    pub dashed: bool,
    /// Places of dots.
    pub dots: Vec<(f64, f64)>,
}

/// A chart as shapes.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    /// Scale of x.
    pub x: Scale,
    /// Scale of y.
    pub y: Scale,
    /// Ticks with place and text.
    pub x_ticks: Vec<(f64, String)>,
    /// Ticks with place and text.
    pub y_ticks: Vec<(f64, String)>,
    /// Series in view.
    pub shapes: Vec<Shape>,
    /// Marks: place, text, and whether the text goes to the left.
    pub marks: Vec<(f64, f64, String, bool)>,
}

/// The frame of the plot: left, top, right, bottom.
pub const FRAME: (f64, f64, f64, f64) = (LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM);

/// Draws; `hidden` series are left out, but scales stay when one is hidden.
pub fn draw(spec: &ChartSpec, logs: (bool, bool), hidden: &[usize]) -> Drawing {
    let (left, top, right, bottom) = FRAME;
    let points = || spec.series.iter().flat_map(|series| series.points.iter().copied());
    let marks = || spec.marks.iter().map(|mark| (mark.x, mark.y));
    let x = Scale::over(points().chain(marks()).map(|point| point.0), logs.0, (left, right));
    let y = match spec.y_range {
        Some((low, high)) if !logs.1 => Scale::over([low, high].into_iter(), false, (bottom, top)),
        _ => Scale::over(points().chain(marks()).map(|point| point.1), logs.1, (bottom, top)).rounded(),
    };
    let x = if logs.0 { x.rounded() } else { x };
    let ticks = |scale: &Scale| {
        scale.ticks().into_iter().filter_map(|tick| Some((scale.place(tick)?, short(tick)))).collect()
    };
    let shapes = spec
        .series
        .iter()
        .enumerate()
        .filter(|(index, _)| !hidden.contains(index))
        .map(|(index, series)| {
            let places: Vec<(f64, f64)> = series
                .points
                .iter()
                .filter_map(|&(px, py)| Some((x.place(px)?, y.place(py)?.clamp(top, bottom))))
                .collect();
            let is_dots = series.kind == SeriesKind::Dots;
            Shape {
                index,
                path: if is_dots { String::new() } else { path(&thinned(&places)) },
                dashed: series.kind == SeriesKind::Dashed,
                dots: if is_dots { places } else { vec![] },
            }
        })
        .collect();
    let marks = spec
        .marks
        .iter()
        .filter_map(|mark| {
            let at = x.place(mark.x)?;
            Some((at, y.place(mark.y)?, mark.label.clone(), at > WIDTH * 0.6))
        })
        .collect();
    Drawing { x_ticks: ticks(&x), y_ticks: ticks(&y), x, y, shapes, marks }
}

/// Keeps the lowest and highest point of each column of pixels.
fn thinned(places: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if places.len() <= MOST_POINTS {
        return places.to_vec();
    }
    let mut kept: Vec<(f64, f64)> = Vec::with_capacity(MOST_POINTS);
    let column = |place: &(f64, f64)| place.0.floor();
    for group in places.chunk_by(|a, b| column(a) == column(b)) {
        let low = group.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1));
        let high = group.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1));
        kept.extend([low, high].into_iter().flatten());
    }
    kept
}

fn path(places: &[(f64, f64)]) -> String {
    use std::fmt::Write as _;
    let mut path = String::with_capacity(places.len() * 14);
    for (index, (x, y)) in places.iter().enumerate() {
        let _ = write!(path, "{}{x:.1} {y:.1}", if index == 0 { 'M' } else { 'L' });
    }
    path
}

/// The drawing as a file of its own, dark text on white.
pub fn svg_file(spec: &ChartSpec, drawing: &Drawing) -> String {
    use std::fmt::Write as _;
    let (left, top, right, bottom) = FRAME;
    let legend = spec.series.len() as f64 * 18.0 + 8.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{0}\" viewBox=\"0 -24 {WIDTH} {0}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#1a1a1a\"><rect y=\"-24\" width=\"{WIDTH}\" height=\"{0}\" fill=\"#fff\"/>",
        HEIGHT + 24.0 + legend
    );
    let _ = write!(out, "<text x=\"{left}\" y=\"-6\" font-weight=\"bold\">{}</text>", escaped(&spec.title));
    for (x, text) in &drawing.x_ticks {
        let _ = write!(
            out,
            "<path d=\"M{x:.1} {top}V{bottom}\" stroke=\"#ddd\"/><text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            bottom + 16.0,
            escaped(text)
        );
    }
    for (y, text) in &drawing.y_ticks {
        let _ = write!(
            out,
            "<path d=\"M{left} {y:.1}H{right}\" stroke=\"#ddd\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            left - 6.0,
            y + 4.0,
            escaped(text)
        );
    }
    let _ = write!(
        out,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
        (left + right) / 2.0,
        HEIGHT - 10.0,
        escaped(&axis_title(&spec.x.title, &spec.x.unit))
    );
    let _ = write!(
        out,
        "<text transform=\"translate(16 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
        (top + bottom) / 2.0,
        escaped(&axis_title(&spec.y.title, &spec.y.unit))
    );
    for shape in &drawing.shapes {
        let stroke = colour(shape.index);
        if !shape.path.is_empty() {
            let dash = if shape.dashed { " stroke-dasharray=\"6 4\"" } else { "" };
            let _ = write!(
                out,
                "<path d=\"{}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"2\"{dash}/>",
                shape.path
            );
        }
        for (x, y) in &shape.dots {
            let _ = write!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{stroke}\"/>");
        }
    }
    for (x, y, label, to_left) in &drawing.marks {
        let (dx, anchor) = if *to_left { (-8.0, "end") } else { (8.0, "start") };
        let _ = write!(
            out,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"#1a1a1a\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
            x + dx,
            y - 8.0,
            escaped(label)
        );
    }
    for (index, series) in spec.series.iter().enumerate() {
        let y = HEIGHT + 14.0 + index as f64 * 18.0;
        let _ = write!(
            out,
            "<path d=\"M{left} {0}h18\" stroke=\"{1}\" stroke-width=\"3\"/><text x=\"{2}\" y=\"{3}\">{4}</text>",
            y - 4.0,
            colour(index),
            left + 26.0,
            y,
            escaped(&series.name)
        );
    }
    out.push_str("</svg>");
    out
}

/// "Rate (FLOP/s)".
pub fn axis_title(title: &str, unit: &str) -> String {
    if unit.is_empty() { title.to_owned() } else { format!("{title} ({unit})") }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
