//! From a call of a plan to WGSL, uniform and workgroups.

use super::{device::GpuDevice, tuning::form_of};
use crate::{
    EngineError,
    plan::{Call, Kernel, Product},
};
use shaders::{
    KernelId,
    product::{self, Form, Params, Variant},
};

/// WGSL with the dispatches that one call takes: each has its uniform and workgroups.
#[derive(Debug, Clone)]
pub(super) struct Compiled {
    /// Name for messages.
    pub name: &'static str,
    /// WGSL.
    pub source: String,
    /// Uniform and workgroups of each dispatch.
    pub dispatches: Vec<(Vec<u32>, [u32; 3])>,
}

/// Compiles a call.
///
/// # Errors
/// [`EngineError::Shape`] where the call belongs to the CPU.
pub(super) fn compile(device: &GpuDevice, call: &Call) -> Result<Compiled, EngineError> {
    let own = vec![(call.uniform.clone(), call.workgroups)];
    match &call.kernel {
        Kernel::Fixed { id, head_quads } => {
            Ok(Compiled { name: id.kernel().name, source: fixed_source(*id, *head_quads), dispatches: own })
        }
        Kernel::Map { kernel, elements } => {
            let source = kernel.source(kernel.takes_quads(*elements));
            Ok(Compiled { name: "map", source, dispatches: own })
        }
        Kernel::Product(product) => Ok(product_kernel(device, product)),
        Kernel::Attention(_) | Kernel::AttentionGrad(_) => {
            Err(EngineError::Shape { message: "a CPU kernel in a GPU plan".into() })
        }
    }
}

/// The file's text, with the head dimension put in where the kernel has one.
pub(super) fn fixed_source(id: KernelId, head_quads: u32) -> String {
    let source = id.kernel().source;
    if head_quads == 0 {
        return source.to_owned();
    }
    source.replace("const HEAD_QUADS: u32 = 8u;", &format!("const HEAD_QUADS: u32 = {head_quads}u;"))
}

/// The sizes that a product's uniform holds.
pub(super) fn params_of(p: &Product) -> Params {
    let word = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
    Params {
        m: word(p.m),
        n: word(p.n),
        k: word(p.k),
        batch: word(p.batch),
        split_length: word(p.split_length()),
        splits: word(p.splits),
    }
}

pub(super) fn product_source(variant: &Variant, form: &Form) -> String {
    product::source(variant, form)
}

fn product_kernel(device: &GpuDevice, p: &Product) -> Compiled {
    let (variant, form, params) = (device.variant_of(p), form_of(p), params_of(p));
    let dispatches = vec![(form.uniform(&params), product::workgroups(variant, &params))];
    Compiled { name: "product", source: product_source(variant, &form), dispatches }
}
