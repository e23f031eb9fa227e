//! WGSL kernels, a CPU twin for each, and what build time reflected of them. No wgpu in here.
//!
//! One file in `wgsl/` is one kernel with the entry point `main`; the twin of the same name in `cpu/` computes
//! the same thing in the same order and reads side by side with it. All storage bindings are `read_write`: the
//! engine binds ranges of one arena, and WebGPU forbids mixing read-only and writable uses of one buffer in a
//! dispatch. The uniform is always the last binding.

pub mod cpu;
pub mod product;
pub mod program;

/// What is known of a kernel without running it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernel {
    /// Its id.
    pub id: KernelId,
    /// Name of the file and of the twin.
    pub name: &'static str,
    /// WGSL text without comments.
    pub source: &'static str,
    /// Invocations of a workgroup.
    pub workgroup_size: [u32; 3],
    /// Names of the storage buffers, in the order of their bindings; the uniform follows.
    pub buffers: &'static [&'static str],
    /// Needs the adapter's `shader-f16`.
    pub needs_f16: bool,
    /// Needs the WGSL language feature `packed_4x8_integer_dot_product`.
    pub needs_packed_int8_dot: bool,
    /// Words of the uniform.
    pub uniform_words: usize,
}

impl KernelId {
    /// Everything that is known of the kernel.
    #[must_use]
    pub fn kernel(self) -> &'static Kernel {
        &KERNELS[self as usize]
    }
}

include!(concat!(env!("OUT_DIR"), "/kernels.rs"));
