//! Recording movements: views, transposes, slices, concatenation.

use super::{Graph, NodeId, Op, StridedCopy};
use crate::EngineError;

type Recorded = Result<NodeId, EngineError>;

/// Words that every buffer and every view starts at: 256 bytes, WebGPU's strictest binding alignment.
pub(crate) const ALIGNMENT: usize = 64;

/// The next multiple of [`ALIGNMENT`].
pub(crate) const fn aligned(words: usize) -> usize {
    words.div_ceil(ALIGNMENT) * ALIGNMENT
}

impl Graph {
    /// The same values under another shape.
    ///
    /// # Errors
    /// Names both shapes where the number of elements differs.
    pub fn reshape(&mut self, x: NodeId, shape: &[usize]) -> Recorded {
        if self.elements(x) != shape.iter().product::<usize>() {
            let message = format!("reshape of {:?} to {shape:?}", self.shape(x));
            return Err(EngineError::Shape { message });
        }
        if self.shape(x) == shape {
            return Ok(x);
        }
        Ok(self.push(Op::View { offset: 0 }, vec![x], shape.to_vec(), "reshape"))
    }

    /// A contiguous part of x from word `offset` on, which is a multiple of 64.
    ///
    /// # Errors
    /// Names the shapes where the part is not inside or not aligned.
    pub fn view(&mut self, x: NodeId, offset: usize, shape: &[usize]) -> Recorded {
        let end = offset + shape.iter().product::<usize>();
        if end > self.node(x).words || !offset.is_multiple_of(ALIGNMENT) {
            let message = format!("view of {:?} from {offset} as {shape:?}", self.shape(x));
            return Err(EngineError::Shape { message });
        }
        Ok(self.push(Op::View { offset }, vec![x], shape.to_vec(), "view"))
    }

    /// Axes in another order: axis `i` of the result is axis `axes[i]` of x.
    ///
    /// # Errors
    /// Names the shape where `axes` is no permutation of at most five axes.
    pub fn permute(&mut self, x: NodeId, axes: &[usize]) -> Recorded {
        let shape = self.shape(x).to_vec();
        let mut seen = axes.to_vec();
        seen.sort_unstable();
        if shape.len() > 5 || !seen.into_iter().eq(0..shape.len()) {
            return Err(self.misfit("permute", x, x));
        }
        let strides = strides(&shape);
        let pick =
            |from: &[usize]| axes.iter().filter_map(|axis| from.get(*axis).copied()).collect::<Vec<_>>();
        let out = pick(&shape);
        let copy = block(&out, &pick(&strides), 0, &self::strides(&out), 0);
        Ok(self.push(Op::Gather(copy), vec![x], out, "permute"))
    }

    /// Elements `[begin, begin + length)` along one axis.
    ///
    /// # Errors
    /// Names the shape where the range is not inside.
    pub fn slice(&mut self, x: NodeId, axis: usize, begin: usize, length: usize) -> Recorded {
        let shape = self.shape(x).to_vec();
        if shape.get(axis).is_none_or(|size| begin + length > *size) || length == 0 {
            return Err(self.misfit("slice", x, x));
        }
        let (outer, size, inner) = around(&shape, axis);
        let mut out = shape;
        if let Some(slot) = out.get_mut(axis) {
            *slot = length;
        }
        let copy =
            block(&[outer, length * inner], &[size * inner, 1], begin * inner, &[length * inner, 1], 0);
        Ok(self.push(Op::Gather(copy), vec![x], out, "slice"))
    }

    /// Parts one after the other along one axis.
    ///
    /// # Errors
    /// Names the shapes that differ in another axis.
    pub fn concat(&mut self, parts: &[NodeId], axis: usize) -> Recorded {
        let Some(first) = parts.first() else {
            return Err(EngineError::Shape { message: "concat of nothing".into() });
        };
        let mut out = self.shape(*first).to_vec();
        let mut total = 0;
        for part in parts {
            let shape = self.shape(*part);
            let fits = shape.len() == out.len()
                && shape.iter().zip(&out).enumerate().all(|(at, (a, b))| at == axis || a == b);
            let Some(size) = shape.get(axis).filter(|_| fits) else {
                return Err(self.misfit("concat", *first, *part));
            };
            total += size;
        }
        if let Some(slot) = out.get_mut(axis) {
            *slot = total;
        }
        let (outer, _, inner) = around(&out, axis);
        let mut begin = 0;
        let mut copies = Vec::with_capacity(parts.len());
        for part in parts {
            let size = self.shape(*part).get(axis).copied().unwrap_or(0);
            let row = size * inner;
            copies.push(block(&[outer, row], &[row, 1], 0, &[total * inner, 1], begin * inner));
            begin += size;
        }
        Ok(self.push(Op::Scatter(copies), parts.to_vec(), out, "concat"))
    }

    /// Repeats along axes of size 1 to reach `shape`.
    ///
    /// # Errors
    /// Names the shapes where x does not broadcast to `shape`, or has more than five axes.
    pub fn expand(&mut self, x: NodeId, shape: &[usize]) -> Recorded {
        let own = self.shape(x).to_vec();
        let fits = super::elementwise::broadcast(&own, shape).is_some_and(|reached| reached == shape);
        if !fits || shape.len() > 5 {
            return Err(EngineError::Shape { message: format!("expand of {own:?} to {shape:?}") });
        }
        let mut padded = vec![1; shape.len() - own.len()];
        padded.extend(&own);
        let in_strides: Vec<usize> = strides(&padded)
            .into_iter()
            .zip(&padded)
            .map(|(stride, size)| if *size == 1 { 0 } else { stride })
            .collect();
        let copy = block(shape, &in_strides, 0, &strides(shape), 0);
        Ok(self.push(Op::Gather(copy), vec![x], shape.to_vec(), "expand"))
    }
}

/// Elements before, along and after an axis.
fn around(shape: &[usize], axis: usize) -> (usize, usize, usize) {
    let outer = shape.iter().take(axis).product();
    let inner = shape.iter().skip(axis + 1).product();
    (outer, shape.get(axis).copied().unwrap_or(1), inner)
}

/// Row-major strides.
pub(crate) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (0..shape.len().saturating_sub(1)).rev() {
        let next = strides.get(axis + 1).copied().unwrap_or(1) * shape.get(axis + 1).copied().unwrap_or(1);
        if let Some(slot) = strides.get_mut(axis) {
            *slot = next;
        }
    }
    strides
}

/// A copy with axes filled up in front to five.
pub(crate) fn block(
    sizes: &[usize],
    in_strides: &[usize],
    in_offset: usize,
    out_strides: &[usize],
    out_offset: usize,
) -> StridedCopy {
    let fill = |values: &[usize], filler: usize| {
        let mut filled = [filler; 5];
        for (slot, value) in filled.iter_mut().rev().zip(values.iter().rev()) {
            *slot = *value;
        }
        filled
    };
    StridedCopy {
        sizes: fill(sizes, 1),
        in_strides: fill(in_strides, 0),
        in_offset,
        out_strides: fill(out_strides, 0),
        out_offset,
    }
}
