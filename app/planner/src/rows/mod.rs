//! Published measurements as rows of a CSV, in the columns of `validation/*.csv`.

pub mod answer;
pub mod csv;
pub mod inference;
pub mod shapes;
pub mod training;
