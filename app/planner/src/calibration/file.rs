//! What a fit leaves: lines of `kind,key,value` that a diff shows and a person can read.

use crate::residual::{Kernel, Residual, Spread};
use crate::rows::csv;

/// Numbers of a fit by kind and key.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Numbers {
    rows: Vec<(String, String, f64)>,
}

impl Numbers {
    /// Reads a file.
    ///
    /// # Errors
    /// The first line whose value is no number.
    pub fn read(text: &str) -> Result<Self, String> {
        let table = csv::read(text)?;
        let mut rows = Vec::with_capacity(table.rows.len());
        for row in table.iter() {
            let value: f64 = row.text("value").parse().map_err(|_| {
                format!("{} {} is \"{}\", not a number", row.text("kind"), row.text("key"), row.text("value"))
            })?;
            rows.push((row.text("kind").to_owned(), row.text("key").to_owned(), value));
        }
        Ok(Self { rows })
    }

    /// Adds a number.
    pub fn push(&mut self, kind: &str, key: impl ToString, value: f64) {
        self.rows.push((kind.to_owned(), key.to_string(), value));
    }

    /// The file.
    #[must_use]
    pub fn write(&self) -> String {
        let mut out = String::from("kind,key,value\n");
        for (kind, key, value) in &self.rows {
            // Rust writes the shortest text that reads back to the same bits.
            out.push_str(&format!("{kind},{},{value}\n", csv::quoted(key)));
        }
        out
    }

    /// Keys and values of a kind, in the file's order.
    pub fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.rows.iter().filter(move |row| row.0 == kind).map(|row| (row.1.as_str(), row.2))
    }

    /// One number.
    ///
    /// # Errors
    /// Its name, where the file lacks it.
    pub fn one(&self, kind: &str, key: &str) -> Result<f64, String> {
        self.of(kind)
            .find(|row| row.0 == key)
            .map(|row| row.1)
            .ok_or_else(|| format!("the calibration lacks {kind} {key}"))
    }

    /// Adds a correction under a name; `ids` name its anchors.
    pub fn push_residual(&mut self, name: &str, residual: &Residual, ids: &[&str]) {
        let kernel = &residual.kernel;
        for (at, length) in kernel.lengths.iter().enumerate() {
            self.push(&format!("{name}_length"), at, *length);
        }
        for (at, penalty) in kernel.penalties.iter().enumerate() {
            self.push(&format!("{name}_penalty"), at, *penalty);
        }
        for (key, value) in [("far", kernel.far), ("near", kernel.near), ("noise", kernel.noise)] {
            self.push(&format!("{name}_variance"), key, value);
        }
        for (nearness, half_width) in &residual.spread.knots {
            self.push(&format!("{name}_spread"), nearness, *half_width);
        }
        for (id, weight) in ids.iter().zip(&residual.weights) {
            self.push(&format!("{name}_weight"), id, *weight);
        }
    }

    /// A correction by its name, with anchors found by `anchor`.
    ///
    /// # Errors
    /// What the file or the rows lack.
    pub fn residual(
        &self,
        name: &str,
        anchor: &dyn Fn(&str) -> Option<crate::residual::Point>,
    ) -> Result<Residual, String> {
        let variance = |key: &str| self.one(&format!("{name}_variance"), key);
        let mut kernel = Kernel {
            lengths: [1.0; crate::residual::CONTINUOUS],
            penalties: [0.0; crate::residual::CATEGORIES],
            far: variance("far")?,
            near: variance("near")?,
            noise: variance("noise")?,
        };
        for (at, length) in kernel.lengths.iter_mut().enumerate() {
            *length = self.one(&format!("{name}_length"), &at.to_string())?;
        }
        for (at, penalty) in kernel.penalties.iter_mut().enumerate() {
            *penalty = self.one(&format!("{name}_penalty"), &at.to_string())?;
        }
        let mut spread = Spread::default();
        for (key, half_width) in self.of(&format!("{name}_spread")) {
            let nearness = key.parse().map_err(|_| format!("{name}_spread {key} is not a number"))?;
            spread.knots.push((nearness, half_width));
        }
        let (mut anchors, mut weights) = (Vec::new(), Vec::new());
        for (id, weight) in self.of(&format!("{name}_weight")) {
            anchors.push(anchor(id).ok_or_else(|| format!("the rows lack {id}, which the calibration names"))?);
            weights.push(weight);
        }
        Ok(Residual { kernel, anchors, weights, spread })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_to_the_bit() {
        let mut numbers = Numbers::default();
        numbers.push("parameter", "a, b", 0.1 + 0.2);
        numbers.push("parameter", 7, -1.5e-12);
        assert_eq!(Numbers::read(&numbers.write()), Ok(numbers));
        assert!(Numbers::read("kind,key,value\na,b,c\n").unwrap_err().contains("a b"));
    }
}
