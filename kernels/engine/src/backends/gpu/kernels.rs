//! From a call of a plan to WGSL, uniform and workgroups.

use crate::{
    EngineError,
    plan::{Call, Kernel, Product},
};
use shaders::{KernelId, matmul_register};

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
pub(super) fn compile(call: &Call) -> Result<Compiled, EngineError> {
    let own = vec![(call.uniform.clone(), call.workgroups)];
    match &call.kernel {
        Kernel::Fixed { id, head_quads } => {
            Ok(Compiled { name: id.kernel().name, source: fixed_source(*id, *head_quads), dispatches: own })
        }
        Kernel::Map { kernel, elements } => {
            let source = kernel.source(kernel.takes_quads(*elements));
            Ok(Compiled { name: "map", source, dispatches: own })
        }
        Kernel::Product(product) => Ok(product_kernel(product)),
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

fn product_kernel(p: &Product) -> Compiled {
    let word = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
    let dispatches = (0..p.batch)
        .map(|slice| {
            let params = matmul_register::Params {
                m: word(p.m),
                n: word(p.n),
                k: word(p.k),
                lhs_row_stride: if p.transpose_lhs { 1 } else { word(p.k) },
                lhs_col_stride: if p.transpose_lhs { word(p.m) } else { 1 },
                rhs_row_stride: if p.transpose_rhs { 1 } else { word(p.n) },
                rhs_col_stride: if p.transpose_rhs { word(p.k) } else { 1 },
                lhs_offset: word(slice * p.m * p.k),
                rhs_offset: word(slice * p.k * p.n),
                product_offset: word(slice * p.m * p.n),
                split_length: word(p.split_length()),
            };
            let groups = [word(p.n.div_ceil(32)), word(p.m.div_ceil(32)), word(p.splits)];
            (params.to_words(), groups)
        })
        .collect();
    Compiled { name: "product", source: KernelId::MatmulRegister.kernel().source.to_owned(), dispatches }
}
