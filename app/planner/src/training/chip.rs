//! A chip of the catalog as the model reads it.

use super::layout::{Chip, Link, Recipe};
use crate::catalog::{Accelerator, AcceleratorKind, CatalogError};
use crate::scenario::Dtype;

/// Bytes that an accelerator reports. Data sheets say GB of units of 2^30 bytes less a little for the driver: parts of
/// 40, 80, 141 and 180 "GB" report 39.4, 79.15, 139.8 and 178.4 GiB, 1.06 times as many bytes as the name says. Parts
/// of 288 GB report just that, and TPU v4's sheet is in GiB already.
pub(crate) fn device_bytes(accelerator: &Accelerator) -> Result<f64, CatalogError> {
    let named = accelerator.memory()?.value.0;
    let exact = ["b300", "gb300", "tpu-v4"].contains(&accelerator.id) || accelerator.id.starts_with("xeon");
    Ok(if exact { named } else { named * 1.06 })
}

impl Chip {
    /// A catalog accelerator among its like, with the network that clusters of its generation have.
    ///
    /// # Errors
    /// [`CatalogError`] where a fact is missing.
    pub fn of(accelerator: &'static Accelerator, recipe: Recipe) -> Result<Self, CatalogError> {
        let wide = if accelerator.peak_flops(Dtype::Bf16).is_ok() { Dtype::Bf16 } else { Dtype::F16 };
        let peak = |dtype: Dtype| accelerator.peak_flops(dtype).map(|fact| fact.value.0);
        let wide_flops = peak(wide)?;
        let narrow = match recipe {
            Recipe::F32 => peak(Dtype::F32)?,
            Recipe::Bf16 | Recipe::F16 => wide_flops,
            Recipe::Int8 => peak(Dtype::I8).unwrap_or(wide_flops),
            // A chip without 8-bit units runs such a recipe at its 16-bit rate.
            Recipe::Fp8 | Recipe::Fp8Rowwise | Recipe::Mxfp8 => peak(Dtype::F8E4m3).unwrap_or(wide_flops),
            Recipe::Nvfp4 => peak(Dtype::F8E4m3).unwrap_or(wide_flops) * 2.0,
        };
        let achievable = accelerator.achievable_flops(wide).map(|fact| fact.value.0 / wide_flops);
        let domain = accelerator.accelerators_per_node.value as u32;
        let between = match accelerator.id {
            id if id.starts_with("v100") => 100e9 / 8.0,
            id if id.starts_with("a100") => 200e9 / 8.0,
            id if id.starts_with("b300") || id.starts_with("gb300") => 800e9 / 8.0,
            _ if accelerator.kind == AcceleratorKind::Tpu => 25e9 / 8.0 * 4.0,
            _ => 400e9 / 8.0,
        };
        Ok(Self {
            wide_flops,
            recipe_flops: narrow,
            achievable,
            memory_bytes_per_second: accelerator.memory_bandwidth()?.value.0,
            memory_bytes: device_bytes(accelerator)?,
            domain,
            inside: Link {
                bytes_per_second: accelerator.intra_node_bandwidth().map_or(between, |fact| fact.value.0),
                latency_seconds: 1e-5,
            },
            between: Link { bytes_per_second: between, latency_seconds: 2e-5 },
        })
    }
}
