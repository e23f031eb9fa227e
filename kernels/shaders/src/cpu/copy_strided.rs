//! Twin of `wgsl/copy_strided.wgsl`.

use crate::copy_strided::Params;

/// See the WGSL file for the formula and the shapes.
pub fn copy_strided(params: &Params, x: &[u32], y: &mut [u32]) {
    let p = params;
    for index in 0..p.count {
        let mut rest = index;
        let c4 = rest % p.size4;
        rest /= p.size4;
        let c3 = rest % p.size3;
        rest /= p.size3;
        let c2 = rest % p.size2;
        rest /= p.size2;
        let c1 = rest % p.size1;
        let c0 = rest / p.size1;
        let source = p.in_offset
            + c0 * p.in_stride0
            + c1 * p.in_stride1
            + c2 * p.in_stride2
            + c3 * p.in_stride3
            + c4 * p.in_stride4;
        let place = p.out_offset
            + c0 * p.out_stride0
            + c1 * p.out_stride1
            + c2 * p.out_stride2
            + c3 * p.out_stride3
            + c4 * p.out_stride4;
        y[place as usize] = x[source as usize];
    }
}
