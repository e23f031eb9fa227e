//! Products, split along the sum where they have few tiles, with what follows them fused in.

use super::{Kernel, Location, Lowering, word};
use crate::{
    EngineError,
    graph::{NodeId, Op},
    plan::Product,
};
use shaders::{
    KernelId,
    program::{Access, MapKernel, Program, Target},
};
use std::rc::Rc;

/// Storage buffers of one kernel at WebGPU's default limits.
const MOST_BUFFERS: usize = 8;

impl Lowering<'_> {
    pub(super) fn matmul(
        &mut self,
        id: NodeId,
        transpose_lhs: bool,
        transpose_rhs: bool,
    ) -> Result<(), EngineError> {
        let [lhs, rhs] = self.inputs(id)?;
        let node = self.graph.node(id);
        let [batch @ .., m, n] = node.shape.as_slice() else {
            return Err(EngineError::Shape { message: format!("{} is no matrix", node.label) });
        };
        let (batch, m, n) = (batch.iter().product::<usize>().max(1), *m, *n);
        let k = self.graph.elements(lhs) / (batch * m).max(1);
        let lhs = self.place(lhs)?;
        let mut operands = [self.place(rhs)?];
        self.separate(&mut operands, lhs);
        let [rhs] = operands;
        let out = self.result(id)?;
        let splits = if batch == 1 { self.splits(m, n, k) } else { 1 };
        let product = Product {
            m,
            n,
            k,
            batch,
            transpose_lhs,
            transpose_rhs,
            splits,
            accumulate: false,
            epilogue: None,
        };
        if splits == 1 {
            self.product(product, [lhs, rhs, out]);
        } else {
            let partial = self.temporary(splits * m * n);
            self.product(product, [lhs, rhs, partial]);
            self.sum_rows(partial, splits, m * n, out);
        }
        Ok(())
    }

    /// How many parts the sum over k is made in, so that a product with few tiles fills the adapter.
    pub(super) fn splits(&self, m: usize, n: usize, k: usize) -> usize {
        let tiles = m.div_ceil(32) * n.div_ceil(32);
        let wanted = self.options.min_tiles.div_ceil(tiles.max(1)).min(k / 256).max(1);
        k.div_ceil(k.div_ceil(wanted).next_multiple_of(4).max(1)).max(1)
    }

    pub(super) fn product(&mut self, product: Product, buffers: [Location; 3]) {
        let flops = product.flops();
        self.call(Kernel::Product(Rc::new(product)), vec![], buffers.to_vec(), [0; 3], flops);
    }

    /// Sums `rows` rows of `columns` in groups, and the groups' sums again, so that the order is fixed and no column
    /// waits long.
    pub(super) fn sum_rows(&mut self, x: Location, rows: usize, columns: usize, out: Location) {
        self.reduce(KernelId::ReduceSum, x, [1, rows, columns], out);
    }

    /// Reduces the middle of `[outer, length, inner]`, in stages where it is long.
    pub(super) fn reduce(&mut self, id: KernelId, x: Location, sizes: [usize; 3], out: Location) {
        let [outer, length, inner] = sizes;
        let per_group = self.options.rows_per_group.min(length).max(1);
        let groups = length.div_ceil(per_group);
        let target = if groups > 1 { self.temporary(outer * groups * inner) } else { out };
        let count = outer * groups * inner;
        let params = shaders::reduce_sum::Params {
            count: word(count),
            length: word(length),
            inner: word(inner),
            groups: word(groups),
            per_group: word(per_group),
        };
        let flops = (outer * length * inner) as f64;
        self.flat(id, params.to_words(), vec![x, target], count, flops);
        if groups > 1 {
            self.reduce(id, target, [outer, groups, inner], out);
        }
    }

    /// Makes an elementwise node part of the product that it follows; says whether it could.
    pub(super) fn fuse_epilogue(
        &mut self,
        id: NodeId,
        program: &Program,
        accesses: &[Access],
        buffers: &[Location],
    ) -> Result<bool, EngineError> {
        if !self.options.epilogues || self.stored.get(id.index()).copied().flatten().is_some() {
            return Ok(false);
        }
        let inputs = self.graph.node(id).inputs.clone();
        for (number, input) in inputs.iter().enumerate() {
            if accesses.get(number) != Some(&Access::Same) {
                continue;
            }
            let place = self.place(*input)?;
            let Some(at) = self.product_of(*input, place) else { continue };
            let between = self.root(*input).index() + 1..id.index();
            let changes = self.graph.nodes().get(between).is_some_and(|nodes| {
                nodes.iter().any(|node| matches!(node.op, Op::Update(_) | Op::Store { .. }))
            });
            let others_ready = !changes
                && inputs.iter().enumerate().all(|(other, node)| {
                    other == number
                        || self.root(*node) < self.root(*input)
                        || self.graph.node(self.root(*node)).op.is_source()
                });
            if others_ready && self.attach(at, (number, program), accesses, buffers) {
                self.set_place(id, place);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The call that computes `input` as a plain product which nobody else reads.
    fn product_of(&self, input: NodeId, place: Location) -> Option<usize> {
        let root = self.root(input);
        let single = self.readers.get(root.index()) == Some(&1);
        let is_matmul = matches!(self.graph.node(root).op, Op::MatMul { .. } | Op::Conv2d(_));
        let whole = place.words == self.graph.node(root).words;
        let mut writers = self.out.calls.iter().enumerate().filter(|(_, call)| {
            matches!(call.kernel, Kernel::Product(_))
                && call.buffers.get(2).is_some_and(|out| out.overlaps(place))
        });
        let (at, call) = writers.next()?;
        // A convolution in chunks has several writers.
        let alone = writers.next().is_none() && call.buffers.get(2) == Some(&place);
        let plain = matches!(&call.kernel, Kernel::Product(product)
            if product.epilogue.is_none() && product.splits == 1 && !product.accumulate);
        (single && is_matmul && whole && alone && plain).then_some(at)
    }

    fn attach(
        &mut self,
        at: usize,
        (number, program): (usize, &Program),
        accesses: &[Access],
        buffers: &[Location],
    ) -> bool {
        let Some(call) = self.out.calls.get_mut(at) else { return false };
        let Kernel::Product(product) = &call.kernel else { return false };
        let kernel =
            MapKernel { program: program.clone(), accesses: accesses.to_vec(), targets: vec![Target::Fresh] };
        let own = kernel.buffer_of(number);
        let shares = accesses
            .iter()
            .any(|access| matches!(access, Access::Shared { with, .. } if usize::from(*with) == number));
        let extra: Vec<Location> =
            buffers.iter().enumerate().filter(|(at, _)| *at != own).map(|(_, place)| *place).collect();
        let clashes = extra.iter().any(|place| call.buffers.iter().any(|bound| bound.overlaps(*place)));
        if shares || clashes || call.buffers.len() + extra.len() > MOST_BUFFERS {
            return false;
        }
        // The product's value becomes input 0, so that both backends know where it is.
        let Some(epilogue) = first_is(&kernel, number) else { return false };
        let mut product = (**product).clone();
        call.flops += program.operations() * (product.batch * product.m * product.n) as f64;
        product.epilogue = Some(Rc::new(epilogue));
        call.kernel = Kernel::Product(Rc::new(product));
        call.buffers.extend(extra);
        true
    }
}

/// The kernel with input `number` moved to the front.
fn first_is(kernel: &MapKernel, number: usize) -> Option<MapKernel> {
    let moved = |input: usize| match input {
        input if input == number => 0,
        input if input < number => input + 1,
        input => input,
    };
    let program = kernel.program.compact(|input| moved(usize::from(input)) as u8);
    let mut order: Vec<usize> = (0..kernel.accesses.len()).collect();
    order.sort_by_key(|input| moved(*input));
    let accesses = order
        .iter()
        .map(|input| {
            let access = kernel.accesses.get(*input)?;
            Some(match access {
                Access::Shared { with, offset } => {
                    Access::Shared { with: moved(usize::from(*with)) as u8, offset: *offset }
                }
                other => *other,
            })
        })
        .collect::<Option<Vec<_>>>()?;
    Some(MapKernel { program, accesses, targets: vec![Target::InPlace(0)] })
}
