//! Elementwise nodes: generated kernels, in place where the memory allows.

use super::{Kernel, Kind, Location, Lowering, groups_of};
use crate::{
    EngineError,
    graph::{NodeId, Op},
};
use shaders::program::{Access, Binary, MapKernel, Program, Target};
use std::rc::Rc;

impl Lowering<'_> {
    pub(super) fn map(&mut self, id: NodeId, program: &Rc<Program>) -> Result<(), EngineError> {
        let elements = self.graph.node(id).words;
        let (accesses, mut buffers) = self.reach(id)?;
        if self.fuse_epilogue(id, program, &accesses, &buffers)? {
            return Ok(());
        }
        let target = self.reusable(id, &accesses);
        let targets = match target {
            Some(input) => {
                let at = self.graph.node(id).inputs.get(usize::from(input)).copied().unwrap_or(id);
                let location = self.place(at)?;
                self.set_place(id, location);
                vec![Target::InPlace(input)]
            }
            None => {
                let location = self.result(id)?;
                self.separate(&mut buffers, location);
                buffers.push(location);
                vec![Target::Fresh]
            }
        };
        let program = Rc::clone(program);
        self.map_call(MapKernel { program: (*program).clone(), accesses, targets }, elements, buffers);
        Ok(())
    }

    pub(super) fn update(&mut self, id: NodeId, program: &Rc<Program>) -> Result<(), EngineError> {
        let (accesses, buffers) = self.reach(id)?;
        let outputs = program.outputs().len() as u8;
        let elements = self.graph.elements(id);
        let targets = (0..outputs).map(Target::InPlace).collect();
        self.map_call(MapKernel { program: (**program).clone(), accesses, targets }, elements, buffers);
        Ok(())
    }

    pub(super) fn store(&mut self, id: NodeId, offset: usize, accumulate: bool) -> Result<(), EngineError> {
        let inputs = self.graph.node(id).inputs.clone();
        let (&state, &value) = match inputs.as_slice() {
            [state, value, ..] => (state, value),
            _ => return Err(EngineError::Shape { message: "store takes a state and a value".into() }),
        };
        let root = self.root(value);
        if self.stored.get(root.index()).copied().flatten() == Some((state, offset)) && !accumulate {
            return Ok(());
        }
        let value_place = self.place(value)?;
        let target = self.place(state)?.part(offset, value_place.words);
        let mut program = Program::new();
        let (old, new) = (program.input(0), program.input(1));
        let mut accesses = vec![Access::Same, Access::Same];
        let mut buffers = vec![target, value_place];
        let written = match inputs.get(2).filter(|_| accumulate) {
            Some(keep) => {
                let (access, place) = self.scalar(*keep)?;
                accesses.push(access);
                buffers.push(place);
                let sum = program.binary(Binary::Add, old, new);
                let keep = program.input(2);
                program.select(keep, sum, new)
            }
            None => new,
        };
        program.output(written);
        let kernel = MapKernel { program, accesses, targets: vec![Target::InPlace(0)] };
        self.map_call(kernel, value_place.words, buffers);
        Ok(())
    }

    pub(super) fn map_call(&mut self, kernel: MapKernel, elements: usize, buffers: Vec<Location>) {
        let uniform = kernel.uniform(elements);
        let flops = kernel.program.operations() * elements as f64;
        let groups = groups_of(kernel.invocations(elements));
        self.call(Kernel::Map { kernel: Rc::new(kernel), elements }, uniform, buffers, groups, flops);
    }

    /// How each input of an elementwise node is reached, and the buffers to bind.
    fn reach(&mut self, id: NodeId) -> Result<(Vec<Access>, Vec<Location>), EngineError> {
        let node = self.graph.node(id);
        let (inputs, shape) = (node.inputs.clone(), node.shape.clone());
        let mut accesses: Vec<Access> = vec![];
        let mut buffers: Vec<Location> = vec![];
        let mut owners: Vec<u8> = vec![];
        for (number, input) in inputs.iter().enumerate() {
            let is_apart = shape.iter().product::<usize>() != 1
                || !self.place(*input)?.offset.is_multiple_of(crate::graph::layout::ALIGNMENT);
            let (access, place) = if self.graph.elements(*input) == 1 && is_apart {
                self.scalar(*input)?
            } else {
                self.broadcast(*input, &shape)?
            };
            let shared = buffers.iter().position(|other| other.overlaps(place));
            match (shared, access) {
                (Some(other), Access::Scalar(offset)) => {
                    let base = buffers.get(other).map_or(0, |other| other.offset);
                    let offset = place.offset + offset as usize - base;
                    let with = owners.get(other).copied().unwrap_or(0);
                    accesses.push(Access::Shared { with, offset: super::word(offset) });
                    if let Some(bound) = buffers.get_mut(other) {
                        bound.words = bound.words.max(offset + 1);
                    }
                    continue;
                }
                // Two overlapping parts of one buffer: the second is read from a copy.
                (Some(_), _) => buffers.push(self.copied(place)),
                (None, _) => buffers.push(place),
            }
            accesses.push(access);
            owners.push(number as u8);
        }
        Ok((accesses, buffers))
    }

    /// One value, wherever it stands: the binding starts at the aligned word before it.
    fn scalar(&self, input: NodeId) -> Result<(Access, Location), EngineError> {
        let place = self.place(input)?;
        let before = place.offset % crate::graph::layout::ALIGNMENT;
        let bound = Location { buffer: place.buffer, offset: place.offset - before, words: before + 1 };
        Ok((Access::Scalar(super::word(before)), bound))
    }

    fn broadcast(&mut self, input: NodeId, shape: &[usize]) -> Result<(Access, Location), EngineError> {
        let own = self.graph.shape(input).to_vec();
        let place = self.place(input)?;
        if let Some(access) = access(&own, shape) {
            return Ok((access, place));
        }
        // Repeated along axes that do not lie side by side: materialised first.
        let mut padded = vec![1; shape.len().saturating_sub(own.len())];
        padded.extend(&own);
        let steps = crate::graph::layout::strides(&padded);
        let steps: Vec<usize> = steps
            .into_iter()
            .zip(&padded)
            .map(|(stride, size)| if *size == 1 { 0 } else { stride })
            .collect();
        let out = crate::graph::layout::strides(shape);
        let copy = crate::graph::layout::block(shape, &steps, 0, &out, 0);
        let target = self.temporary(shape.iter().product());
        self.copy(&copy, place, target);
        Ok((Access::Same, target))
    }

    /// An input whose memory the result may take: read element by element, for the last time, nobody else's.
    fn reusable(&self, id: NodeId, accesses: &[Access]) -> Option<u8> {
        if !self.options.in_place || self.stored.get(id.index()).copied().flatten().is_some() {
            return None;
        }
        let node = self.graph.node(id);
        let found = node.inputs.iter().zip(accesses).position(|(input, access)| {
            let root = self.root(*input);
            let owner = self.graph.node(root);
            let place = self.location(*input);
            let buffer = place.and_then(|place| self.out.buffers.get(place.buffer.0));
            *access == Access::Same
                && self.uses.get(root.index()) == Some(&1)
                && owner.words == node.words
                && !owner.op.is_source()
                && !matches!(owner.op, Op::PackF16 | Op::QuantizeInt8 { .. })
                && buffer.is_some_and(|buffer| buffer.kind == Kind::Temporary && buffer.words == node.words)
                && place.is_some_and(|place| place.offset == 0)
        });
        found.map(|input| input as u8)
    }

    /// Inputs that overlap the result's place are read from copies.
    pub(super) fn separate(&mut self, inputs: &mut [Location], result: Location) {
        for input in inputs {
            if input.overlaps(result) {
                *input = self.copied(*input);
            }
        }
    }

    /// A copy of a place, for operands that may not be bound twice.
    pub(super) fn copied(&mut self, place: Location) -> Location {
        let target = self.temporary(place.words);
        let mut program = Program::new();
        let value = program.input(0);
        program.output(value);
        let kernel = MapKernel { program, accesses: vec![Access::Same], targets: vec![Target::Fresh] };
        self.map_call(kernel, place.words, vec![place, target]);
        target
    }
}

/// How an input of shape `own` is reached from the index of `shape`; `None` where it repeats along axes apart.
pub(crate) fn access(own: &[usize], shape: &[usize]) -> Option<Access> {
    let elements: usize = own.iter().product();
    if elements == shape.iter().product::<usize>() {
        return Some(Access::Same);
    }
    if elements == 1 {
        return Some(Access::Scalar(0));
    }
    let mut padded = vec![1; shape.len().saturating_sub(own.len())];
    padded.extend(own);
    // Axes of size 1 in both belong to either side.
    let varies: Vec<usize> =
        padded.iter().enumerate().filter(|(_, size)| **size > 1).map(|(axis, _)| axis).collect();
    let (first, last) = (*varies.first()?, *varies.last()?);
    let solid = (first..=last).all(|axis| padded.get(axis) == shape.get(axis));
    let divide: usize = shape.iter().skip(last + 1).product();
    solid.then(|| Access::Periodic { divide: super::word(divide), modulo: super::word(elements) })
}
