//! Published measurements as rows of a CSV, in the columns of `validation/*.csv`.

pub mod answer;
pub mod csv;
pub mod inference;
pub mod shapes;
pub mod training;

use crate::catalog::{Accelerator, CatalogError};

/// Bytes that an accelerator reports. Data sheets say GB of units of 2^30 bytes less a little for the driver: parts of
/// 40, 80, 141 and 180 "GB" report 39.4, 79.15, 139.8 and 178.4 GiB, 1.06 times as many bytes as the name says. Parts
/// of 288 GB report just that, and TPU v4's sheet is in GiB already.
pub(crate) fn device_bytes(accelerator: &Accelerator) -> Result<f64, CatalogError> {
    let named = accelerator.memory()?.value.0;
    let exact = ["b300", "gb300", "tpu-v4"].contains(&accelerator.id) || accelerator.id.starts_with("xeon");
    Ok(if exact { named } else { named * 1.06 })
}
