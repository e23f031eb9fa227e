//! Times of serving by physics alone.

use super::parameters::ServingParameters;
use crate::prediction::Resource;
use crate::shape::ModelShape;

/// How requests come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// So many users, each sending its next request when it has its answer.
    Online,
    /// More requests than the system can hold: what it can do at most.
    Saturated,
    /// One batch, started together and run to its end.
    Static,
    /// One stream on a device.
    Edge,
}

/// What is served, and to how many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServingWorkload {
    /// Shape of the model.
    pub shape: ModelShape,
    /// Tokens of a request.
    pub input_tokens: f64,
    /// Tokens of an answer.
    pub output_tokens: f64,
    /// Requests in flight over the whole system; ignored by [`Mode::Saturated`].
    pub concurrency: f64,
    /// How they come.
    pub mode: Mode,
    /// Bytes of a weight in dense products, scales included.
    pub weight_bytes: f64,
    /// Bytes of a weight of an expert.
    pub expert_bytes: f64,
    /// Bytes of a number in the cache.
    pub cache_bytes: f64,
}

/// How a model is split.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServingLayout {
    /// Accelerators of the system.
    pub accelerator_count: f64,
    /// Ranks that share each product outside the experts.
    pub tensor_parallel_size: f64,
    /// Stages.
    pub pipeline_parallel_size: f64,
    /// Groups that each keep their own requests' cache and attention, and share the experts.
    pub attention_data_parallel_size: f64,
    /// Ranks that share the experts by whole experts.
    pub expert_parallel_size: f64,
    /// Separate copies of all that.
    pub replicas: f64,
}

/// What the model reads of a chip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServingChip {
    /// Peak of the products, FLOP/s.
    pub flops: f64,
    /// Peak of 16-bit products, FLOP/s.
    pub wide_flops: f64,
    /// Bytes per second.
    pub memory_bytes_per_second: f64,
    /// Bytes.
    pub memory_bytes: f64,
    /// Bytes per second and direction.
    pub link_bytes_per_second: f64,
    /// Accelerators joined by it.
    pub domain: f64,
    /// The same between domains.
    pub network_bytes_per_second: f64,
}

/// What comes out, seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServingTimes {
    /// Until the first token.
    pub first_token: f64,
    /// Between tokens of one answer, prefills of others included.
    pub per_output_token: f64,
    /// One decode step without any prefill.
    pub decode_step: f64,
    /// Prefill of one request alone.
    pub prefill: f64,
    /// Requests that run at once in one replica.
    pub running: f64,
    /// Output tokens per second of the whole system.
    pub tokens_per_second: f64,
    /// Bytes on the fullest accelerator.
    pub memory_bytes: f64,
    /// Share of the decode step that reads weights.
    pub weight_share: f64,
    /// Share of the time per output token that is other users' prefill.
    pub prefill_share: f64,
    /// What binds the decode step.
    pub binding: Resource,
}

/// Bytes that one token keeps in the cache of one layer stack.
#[must_use]
pub fn cache_bytes_per_token(workload: &ServingWorkload) -> f64 {
    let shape = &workload.shape;
    let layers = f64::from(shape.num_hidden_layers) - f64::from(shape.num_recurrent_layers);
    layers.max(1.0) * shape.cached_width() * workload.cache_bytes
}

/// Parts of one pass of `tokens` through the model, seconds.
struct Pass {
    weights: f64,
    cache: f64,
    products: f64,
    exchange: f64,
    launches: f64,
}

impl Pass {
    /// Weights stream while products run; the cache is read by attention alone.
    fn total(&self) -> f64 {
        self.weights.max(self.products) + self.cache + self.exchange + self.launches
    }

    fn binding(&self) -> Resource {
        let memory = self.weights + self.cache;
        if self.exchange > memory && self.exchange > self.products {
            Resource::IntraNodeNetwork
        } else if self.products > memory {
            Resource::Compute
        } else {
            Resource::Memory
        }
    }
}

struct System<'a> {
    workload: &'a ServingWorkload,
    layout: &'a ServingLayout,
    chip: &'a ServingChip,
    parameters: &'a ServingParameters,
}

impl System<'_> {
    /// Ranks that share the weights outside the experts: the tensor group; groups of attention keep copies.
    fn dense_split(&self) -> f64 {
        self.layout.tensor_parallel_size * self.layout.pipeline_parallel_size
    }

    /// Ranks that share the experts.
    fn expert_split(&self) -> f64 {
        let group = self.layout.tensor_parallel_size * self.layout.attention_data_parallel_size;
        group.max(self.layout.expert_parallel_size) * self.layout.pipeline_parallel_size
    }

    /// Bytes of weights on one accelerator: dense, experts of all layers.
    fn weights(&self) -> (f64, f64) {
        let shape = &self.workload.shape;
        let routed = shape.expert_layers() * shape.routed_parameters();
        let dense = shape.parameters() - routed;
        (
            dense * self.workload.weight_bytes / self.dense_split(),
            routed * self.workload.expert_bytes / self.expert_split(),
        )
    }

    /// One pass of `tokens` (over one replica), whose queries look back on `context` tokens each, for `sequences`.
    fn pass(&self, tokens: f64, sequences: f64, context: f64, cached: f64) -> Pass {
        let shape = &self.workload.shape;
        let p = self.parameters;
        let groups = self.layout.attention_data_parallel_size;
        let tensor = self.layout.tensor_parallel_size;
        let layers = f64::from(shape.num_hidden_layers);
        let (dense_bytes, expert_bytes) = self.weights();
        let own = tokens / groups;
        let (met, chosen) = shape.experts.map_or((0.0, 0.0), |experts| {
            let (all, each) = (f64::from(experts.num_experts), f64::from(experts.num_experts_per_token));
            (1.0 - libm::pow(1.0 - (each / all).min(1.0), tokens.max(1.0)), each)
        });
        let memory = self.chip.memory_bytes_per_second;
        let stages = self.layout.pipeline_parallel_size;
        let hidden = f64::from(shape.hidden_size);
        let width = p.token_passes * hidden * layers * 2.0 / tensor;
        let weights = (dense_bytes + expert_bytes * met) * stages / (memory * p.weight_share)
            + own * width / (memory * p.weight_share);
        let cache = sequences / groups * cached * cache_bytes_per_token(self.workload)
            / self.cache_split()
            / (memory * p.cache_share);
        let routed = shape.expert_layers() * chosen * shape.expert_parameters();
        let always = shape.active_parameters() - routed;
        let rate = self.chip.flops * p.product_share;
        let attended = shape.attended_tokens(context);
        let scores = 4.0 * own * attended * shape.score_width() * layers / tensor;
        let expert_ranks = self.expert_split() / stages;
        let products = 2.0 * own * always / tensor / rate
            + 2.0 * tokens * routed / expert_ranks / rate
            + scores / (self.chip.wide_flops * p.product_share * 0.7);
        Pass { weights, cache, products, exchange: self.exchange(own, tokens, chosen), launches: self.launches(sequences) }
    }

    /// Ranks that share one sequence's cache: heads can be split as often as there are key heads; a latent cache is
    /// one head.
    fn cache_split(&self) -> f64 {
        let heads = if self.workload.shape.latent_attention.is_some() {
            1.0
        } else {
            f64::from(self.workload.shape.num_key_value_heads)
        };
        self.layout.tensor_parallel_size.min(heads).max(1.0)
    }

    /// All-reduces of tensor parallelism, and tokens on their way to experts and back.
    fn exchange(&self, own: f64, tokens: f64, chosen: f64) -> f64 {
        let shape = &self.workload.shape;
        let p = self.parameters;
        let layers = f64::from(shape.num_hidden_layers);
        let hidden = f64::from(shape.hidden_size);
        let link = |ranks: f64| {
            let inside = ranks <= self.chip.domain;
            p.link_share * if inside { self.chip.link_bytes_per_second } else { self.chip.network_bytes_per_second }
        };
        let tensor = self.layout.tensor_parallel_size;
        let mut seconds = 0.0;
        if tensor > 1.0 {
            let bytes = 2.0 * own * hidden * 2.0 * (tensor - 1.0) / tensor;
            seconds += layers * 2.0 * (p.reduce_seconds + bytes / link(tensor));
        }
        let group = self.layout.expert_parallel_size.max(self.layout.attention_data_parallel_size);
        if chosen > 0.0 && self.layout.attention_data_parallel_size > 1.0 && group > 1.0 {
            let reached = group * (1.0 - libm::pow(1.0 - 1.0 / group, chosen));
            let bytes = tokens / group * hidden * 3.0 * reached;
            seconds += shape.expert_layers() * 2.0 * (p.reduce_seconds + bytes / link(group));
        }
        seconds
    }

    fn launches(&self, sequences: f64) -> f64 {
        let p = self.parameters;
        f64::from(self.workload.shape.num_hidden_layers) * p.layer_seconds
            + p.engine_seconds
            + sequences * p.request_seconds
    }
}

/// The times of a workload on a system.
#[must_use]
pub fn times(
    workload: &ServingWorkload,
    layout: &ServingLayout,
    chip: &ServingChip,
    parameters: &ServingParameters,
) -> ServingTimes {
    let system = System { workload, layout, chip, parameters };
    let (dense, experts) = system.weights();
    let (input, output) = (workload.input_tokens.max(1.0), workload.output_tokens.max(1.0));
    let each = (input + output) * cache_bytes_per_token(workload) / system.cache_split() / layout.pipeline_parallel_size;
    let free = (chip.memory_bytes * 0.96 - dense - experts - 2e9).max(0.0) * parameters.cache_fraction;
    let room = (free / each.max(1.0)).floor().max(1.0) * layout.attention_data_parallel_size;
    let asked = match workload.mode {
        Mode::Saturated => room.min(2048.0 * layout.attention_data_parallel_size),
        _ => (workload.concurrency / layout.replicas).max(1.0),
    };
    let running = asked.min(room);
    let middle = input + output / 2.0;
    let step = system.pass(running, running, middle, middle);
    let prefill_pass = system.pass(input, 1.0, input / 2.0, 0.0);
    let (decode_step, prefill) = (step.total(), prefill_pass.total());
    // Of the users beside one's own, each is prefilled once while one's answer grows.
    let others = match workload.mode {
        Mode::Online => (running - 1.0) * parameters.interference,
        Mode::Saturated => running,
        Mode::Static | Mode::Edge => 0.0,
    };
    let between = others * prefill / output;
    let per_output_token = decode_step + between;
    let together = match workload.mode {
        Mode::Static => running,
        _ => 1.0,
    };
    let queue = match workload.mode {
        Mode::Online => (asked - 1.0) * parameters.queueing * prefill + (asked - running).max(0.0) / running * output * per_output_token,
        _ => 0.0,
    };
    let first_token = system.pass(input * together, together, input / 2.0, 0.0).total() + queue + decode_step * 0.5;
    let tokens_per_second = match workload.mode {
        Mode::Static => running * output / (first_token + (output - 1.0) * decode_step),
        _ => running / per_output_token,
    } * layout.replicas;
    ServingTimes {
        first_token,
        per_output_token,
        decode_step,
        prefill,
        running,
        tokens_per_second,
        memory_bytes: dense + experts + each * (running / layout.attention_data_parallel_size) + 3.5e9,
        weight_share: step.weights / decode_step,
        prefill_share: between / per_output_token,
        binding: step.binding(),
    }
}
