//! Attention: fused kernels that never store the scores; three for the gradient on the GPU, one on the CPU.

use super::{Kernel, Location, Lowering, groups_of, word};
use crate::{
    EngineError,
    graph::{AttentionShape, NodeId, layout::aligned},
};
use shaders::KernelId;

impl Lowering<'_> {
    pub(super) fn attention(&mut self, id: NodeId, shape: AttentionShape) -> Result<(), EngineError> {
        let [q, k, v] = self.distinct(id)?;
        let both = self.result(id)?;
        let (o, lse) = parts(&shape, both);
        let buffers = vec![q, k, v, o, lse];
        if self.options.is_gpu {
            self.head_call(KernelId::Attention, &shape, shape.row_words(), buffers, shape.forward_flops());
        } else {
            self.call(Kernel::Attention(shape), vec![], buffers, [0; 3], shape.forward_flops());
        }
        Ok(())
    }

    pub(super) fn attention_grad(&mut self, id: NodeId, shape: AttentionShape) -> Result<(), EngineError> {
        let inputs = self.inputs::<5>(id)?;
        let [q, k, v] = self.distinct(id)?;
        let (o, lse) = parts(&shape, self.place(inputs[3])?);
        let o_grad = self.place(inputs[4])?;
        let all = self.result(id)?;
        let (query, key) = (shape.query_words(), shape.key_words());
        let q_grad = all.part(0, query);
        let k_grad = all.part(aligned(query), key);
        let v_grad = all.part(aligned(query) + aligned(key), key);
        // Five products where the forward pass has two (Dao 2023, section 3.1).
        let flops = shape.forward_flops() * 2.5;
        if !self.options.is_gpu {
            let buffers = vec![q, k, v, o, lse, o_grad, q_grad, k_grad, v_grad];
            self.call(Kernel::AttentionGrad(shape), vec![], buffers, [0; 3], flops);
            return Ok(());
        }
        let rows = shape.row_words();
        let delta = self.temporary(rows);
        let params = shaders::attention_delta::Params {
            count: word(rows),
            heads: word(shape.heads),
            length: word(shape.length),
            head_dim: word(shape.head_dim),
        };
        self.flat(
            KernelId::AttentionDelta,
            params.to_words(),
            vec![o, o_grad, delta],
            rows,
            2.0 * query as f64,
        );
        let buffers = vec![q, k, v, o_grad, lse, delta, q_grad];
        self.head_call(KernelId::AttentionGradQuery, &shape, rows, buffers, flops * 0.4);
        let buffers = vec![q, k, v, o_grad, lse, delta, k_grad, v_grad];
        let keys = shape.batch * shape.kv_heads * shape.length;
        self.head_call(KernelId::AttentionGradKeyValue, &shape, keys, buffers, flops * 0.6);
        Ok(())
    }

    /// q, k and v; a copy where two are the same.
    fn distinct(&mut self, id: NodeId) -> Result<[Location; 3], EngineError> {
        let inputs = self.graph.node(id).inputs.clone();
        let mut places: Vec<Location> = vec![];
        for input in inputs.into_iter().take(3) {
            let place = self.place(input)?;
            let taken = places.iter().any(|other| other.overlaps(place));
            places.push(if taken { self.copied(place) } else { place });
        }
        places.try_into().map_err(|_| EngineError::Shape { message: "attention takes q, k and v".into() })
    }

    fn head_call(
        &mut self,
        id: KernelId,
        shape: &AttentionShape,
        count: usize,
        buffers: Vec<Location>,
        flops: f64,
    ) {
        let params = shaders::attention::Params {
            count: word(count),
            heads: word(shape.heads),
            kv_heads: word(shape.kv_heads),
            length: word(shape.length),
            causal: u32::from(shape.causal),
            scale: shape.scale,
        };
        let kernel = Kernel::Fixed { id, head_quads: word(shape.head_dim / 4) };
        self.call(kernel, params.to_words(), buffers, groups_of(count), flops);
    }
}

fn parts(shape: &AttentionShape, both: Location) -> (Location, Location) {
    let query = shape.query_words();
    (both.part(0, query), both.part(aligned(query), shape.row_words()))
}
