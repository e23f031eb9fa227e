//! Training data: drawn digits, IDX and CSV files.
