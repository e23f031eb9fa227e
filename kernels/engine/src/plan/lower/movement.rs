//! Copies by strides: transposes, slices, concatenation, padding.

use super::{Location, Lowering, word};
use crate::{
    EngineError,
    graph::{NodeId, StridedCopy},
};
use shaders::KernelId;

impl Lowering<'_> {
    pub(super) fn gather(&mut self, id: NodeId, copy: &StridedCopy) -> Result<(), EngineError> {
        let [input] = self.inputs(id)?;
        let mut source = [self.place(input)?];
        let target = self.result(id)?;
        self.separate(&mut source, target);
        self.copy(copy, source[0], target);
        Ok(())
    }

    pub(super) fn scatter(&mut self, id: NodeId, copies: &[StridedCopy]) -> Result<(), EngineError> {
        let mut sources = self.places(id)?;
        let target = self.result(id)?;
        self.separate(&mut sources, target);
        if copies.iter().map(StridedCopy::count).sum::<usize>() < target.words {
            let params = shaders::fill::Params { count: word(target.words), offset: 0, bits: 0 };
            self.flat(KernelId::Fill, params.to_words(), vec![target], target.words, 0.0);
        }
        for (copy, source) in copies.iter().zip(sources) {
            self.copy(copy, source, target);
        }
        Ok(())
    }

    pub(super) fn copy(&mut self, copy: &StridedCopy, source: Location, target: Location) {
        let [_, size1, size2, size3, size4] = copy.sizes.map(word);
        let [in_stride0, in_stride1, in_stride2, in_stride3, in_stride4] = copy.in_strides.map(word);
        let [out_stride0, out_stride1, out_stride2, out_stride3, out_stride4] = copy.out_strides.map(word);
        let params = shaders::copy_strided::Params {
            count: word(copy.count()),
            size1,
            size2,
            size3,
            size4,
            in_stride0,
            in_stride1,
            in_stride2,
            in_stride3,
            in_stride4,
            in_offset: word(copy.in_offset),
            out_stride0,
            out_stride1,
            out_stride2,
            out_stride3,
            out_stride4,
            out_offset: word(copy.out_offset),
        };
        self.flat(KernelId::CopyStrided, params.to_words(), vec![source, target], copy.count(), 0.0);
    }
}
