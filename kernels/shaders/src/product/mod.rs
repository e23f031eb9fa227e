//! The family of matrix products: one description, printed as WGSL in several variants; which one is fast is found by
//! measuring on the adapter at hand.
//!
//! `product[s, b, m, n] = sum over the k of part s of op(lhs)[b, m, k] op(rhs)[b, k, n]`, row-major, with an optional
//! elementwise epilogue. Bindings: lhs, rhs, product, the epilogue's other buffers, uniform.
//! Dispatch: [`workgroups`]. Twin: [`twin`].

mod source;
#[cfg(test)]
mod tests;
mod twin;

pub use source::source;
pub use twin::twin;

use crate::program::MapKernel;
use std::rc::Rc;

/// How the work is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cut {
    /// Every invocation keeps a tile of the result in registers and reads operands straight from memory.
    Registers,
    /// The same tile, with operands staged in workgroup memory.
    Shared,
    /// One invocation for `rows` rows of a matrix times a vector (n = 1).
    Rows,
    /// The same, sixteen terms at a read; k is a multiple of 16.
    RowBlocks,
    /// One workgroup a row of a matrix times a vector (n = 1), summed through workgroup memory.
    RowGroups,
}

/// One variant of the family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Variant {
    /// How the work is cut.
    pub cut: Cut,
    /// Rows of an invocation's tile.
    pub rows: u32,
    /// Columns of it, in fours.
    pub quads: u32,
    /// Invocations of a workgroup, along columns and rows.
    pub workgroup: [u32; 2],
    /// Name for tables.
    pub name: &'static str,
}

const fn tile(rows: u32, quads: u32, workgroup: [u32; 2], name: &'static str) -> Variant {
    Variant { cut: Cut::Registers, rows, quads, workgroup, name }
}

const fn staged(rows: u32, quads: u32, workgroup: [u32; 2], name: &'static str) -> Variant {
    Variant { cut: Cut::Shared, rows, quads, workgroup, name }
}

const fn vector(cut: Cut, rows: u32, threads: u32, name: &'static str) -> Variant {
    Variant { cut, rows, quads: 1, workgroup: [threads, 1], name }
}

/// All variants. Order is the order of trial where the guess of their cost is equal.
pub const VARIANTS: [Variant; 25] = [
    // Adapters that run on a CPU make four invocations one vector, and every load four single loads: few, large tiles
    // read least, and four rows side by side share the other operand's cache lines.
    tile(8, 4, [1, 4], "8x16 tile, workgroup of 4"),
    tile(16, 4, [1, 4], "16x16 tile, workgroup of 4"),
    tile(8, 2, [2, 2], "8x8 tile, workgroup of 4"),
    // Few columns (a convolution's channels, ten classes) and many rows.
    tile(16, 2, [1, 4], "16x8 tile, workgroup of 4"),
    tile(16, 1, [1, 4], "16x4 tile, workgroup of 4"),
    // Few rows.
    tile(4, 4, [4, 1], "4x16 tile, workgroup of 4"),
    tile(4, 2, [4, 1], "4x8 tile, workgroup of 4"),
    tile(4, 1, [4, 1], "4x4 tile, workgroup of 4"),
    // A tile that fills a workgroup of 64: most GPUs.
    tile(4, 1, [8, 8], "4x4 tile"),
    tile(8, 1, [8, 8], "8x4 tile"),
    tile(4, 2, [8, 8], "4x8 tile"),
    tile(8, 2, [8, 8], "8x8 tile"),
    // Many invocations for few rows or small products.
    tile(2, 1, [8, 8], "2x4 tile"),
    tile(1, 1, [16, 4], "1x4 tile"),
    // Operands through workgroup memory: large products on GPUs with small caches.
    staged(4, 1, [8, 8], "4x4 tile, shared"),
    staged(4, 1, [16, 16], "4x4 tile, shared by 256"),
    staged(8, 1, [16, 8], "8x4 tile, shared by 128"),
    staged(8, 2, [8, 8], "8x8 tile, shared"),
    // Matrix times vector: several rows use what was read of the vector, or several invocations share a row.
    // Reads of sixteen words are checked against the buffer's end once, which is what limits adapters on a CPU.
    vector(Cut::RowBlocks, 8, 4, "eight rows in sixteens, workgroup of 4"),
    vector(Cut::RowBlocks, 8, 16, "eight rows in sixteens, workgroup of 16"),
    vector(Cut::Rows, 8, 4, "eight rows, workgroup of 4"),
    vector(Cut::Rows, 4, 4, "four rows, workgroup of 4"),
    vector(Cut::Rows, 1, 16, "one row, workgroup of 16"),
    vector(Cut::Rows, 1, 64, "one row"),
    vector(Cut::RowGroups, 1, 64, "64 to a row"),
];

/// What the text depends on besides the variant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Form {
    /// lhs is k x m.
    pub transpose_lhs: bool,
    /// rhs is n x k.
    pub transpose_rhs: bool,
    /// Rows of lhs as they lie in memory are whole fours.
    pub lhs_in_quads: bool,
    /// Rows of rhs as they lie in memory are whole fours.
    pub rhs_in_quads: bool,
    /// n is a multiple of 4.
    pub product_in_quads: bool,
    /// Adds to what is there.
    pub accumulate: bool,
    /// Applied to each element before it is written; the element is the program's input 0.
    pub epilogue: Option<Rc<MapKernel>>,
}

/// Sizes: the uniform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    /// Rows.
    pub m: u32,
    /// Columns.
    pub n: u32,
    /// Terms.
    pub k: u32,
    /// Slices.
    pub batch: u32,
    /// Terms of one part of a sum, a multiple of 4 unless it is all of them.
    pub split_length: u32,
    /// Parts.
    pub splits: u32,
}

impl Form {
    /// The form of a product of these sizes.
    #[must_use]
    pub fn of(
        sizes: [u32; 3],
        transposes: [bool; 2],
        accumulate: bool,
        epilogue: Option<Rc<MapKernel>>,
    ) -> Self {
        let [m, n, k] = sizes;
        let [transpose_lhs, transpose_rhs] = transposes;
        Self {
            transpose_lhs,
            transpose_rhs,
            lhs_in_quads: (if transpose_lhs { m } else { k }).is_multiple_of(4),
            rhs_in_quads: (if transpose_rhs { k } else { n }).is_multiple_of(4),
            product_in_quads: n.is_multiple_of(4)
                && epilogue.as_ref().is_none_or(|epilogue| epilogue.takes_quads((m * n) as usize)),
            accumulate,
            epilogue,
        }
    }

    /// Words of the uniform: sizes, then what the epilogue's accesses need.
    #[must_use]
    pub fn uniform(&self, params: &Params) -> Vec<u32> {
        let Params { m, n, k, batch, split_length, splits } = *params;
        let mut words = vec![m, n, k, batch, split_length, splits];
        if let Some(epilogue) = &self.epilogue {
            words.extend(epilogue.uniform(0).into_iter().skip(1));
        }
        words
    }
}

impl Variant {
    /// Whether the variant computes this form at these sizes.
    #[must_use]
    pub fn takes(&self, form: &Form, params: &Params) -> bool {
        match self.cut {
            Cut::Registers | Cut::Shared => true,
            Cut::Rows | Cut::RowBlocks | Cut::RowGroups => {
                params.n == 1
                    && (self.cut != Cut::RowBlocks || params.k.is_multiple_of(16))
                    && params.splits == 1
                    && !form.transpose_lhs
                    && form.lhs_in_quads
                    && form.epilogue.is_none()
                    && !form.accumulate
            }
        }
    }
}

/// Workgroups of a variant: columns, rows, and parts times slices; rows of matrix-vector products wrap at 65,535.
#[must_use]
pub fn workgroups(variant: &Variant, params: &Params) -> [u32; 3] {
    let [x, y] = variant.workgroup;
    match variant.cut {
        Cut::Registers | Cut::Shared => [
            params.n.div_ceil(x * variant.quads * 4),
            params.m.div_ceil(y * variant.rows),
            params.splits * params.batch,
        ],
        Cut::Rows | Cut::RowBlocks => {
            let groups = params.m.div_ceil(x * variant.rows);
            [groups.min(65_535), groups.div_ceil(65_535), params.batch]
        }
        Cut::RowGroups => [params.m.min(65_535), params.m.div_ceil(65_535), params.batch],
    }
}
