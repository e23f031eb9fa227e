//! Published measurements as rows of a CSV, in the columns of `validation/*.csv`.

pub mod csv;
