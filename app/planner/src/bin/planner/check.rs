//! `catalog check`: what the build cannot refuse.

use planner::catalog::Catalog;
use planner::scenario::Dtype;
use planner::training::{Chip, Recipe};
use std::fmt::Write as _;

/// Counts the facts, and names what is missing.
pub fn check() -> Result<String, String> {
    let catalog = Catalog::builtin();
    let mut out = String::new();
    let mut wrong = Vec::new();
    for accelerator in catalog.accelerators() {
        if let Err(error) = Chip::of(accelerator, Recipe::Bf16) {
            wrong.push(format!("{}: {error}", accelerator.id));
        }
        if accelerator.peak_flops(Dtype::Bf16).is_err() && accelerator.peak_flops(Dtype::F16).is_err() {
            let _ = writeln!(out, "note: {} has no 16-bit peak: it is predicted at F32", accelerator.id);
        }
        if catalog.prices_for(accelerator.id).is_empty() {
            let _ = writeln!(out, "note: no rent is published for {}", accelerator.id);
        }
    }
    for model in catalog.models() {
        let counted = model.shape.parameters();
        let off = (counted / model.parameters.value - 1.0).abs();
        if off > 0.01 {
            wrong.push(format!(
                "{}: {counted:.4e} parameters by its shape, {:.4e} published",
                model.id, model.parameters.value
            ));
        }
    }
    let _ = writeln!(
        out,
        "{} accelerators, {} interconnects, {} models: every fact has a value, a source and a date (the build refuses \
         others)",
        catalog.accelerators().len(),
        catalog.interconnects().len(),
        catalog.models().len()
    );
    if wrong.is_empty() { Ok(out) } else { Err(format!("{out}{}\n", wrong.join("\n"))) }
}
