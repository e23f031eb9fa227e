//! The parameters of the step model: one set for every source and chip.

/// Fitted on published rows (`planner fit`); each has a meaning and a plausible range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameters {
    /// Share of the best measured product rate that a training step's 16-bit products reach when large.
    pub matrix_share: f64,
    /// Share of the peak that the best product reaches where none is measured.
    pub default_achievable: f64,
    /// The same for FP8 products, relative to 16-bit ones.
    pub narrow_share: f64,
    /// The same for FP4 products.
    pub fp4_share: f64,
    /// Time at full rate in which a product reaches half its share, seconds.
    pub half_time_seconds: f64,
    /// Share of the 16-bit peak that fused attention reaches.
    pub attention_share: f64,
    /// Share of that rate where a head's size is no multiple of 8 and attention is not fused.
    pub misaligned_share: f64,
    /// Passes over the residual stream of a layer (norms, residuals, casts), in widths of the model.
    pub elementwise_passes: f64,
    /// Share of them that every tensor-parallel rank repeats where sequence parallelism does not split it.
    pub replicated_passes: f64,
    /// Share of the peak memory bandwidth that streaming kernels reach.
    pub memory_share: f64,
    /// Time between the kernels of one layer, seconds.
    pub launch_seconds: f64,
    /// Share of the inner link that collectives reach.
    pub inside_share: f64,
    /// Share of the outer network that collectives reach.
    pub between_share: f64,
    /// Share of the arithmetic under which gradient and weight traffic hides.
    pub overlap: f64,
    /// Share of tensor-parallel exchange that stays visible when it is overlapped.
    pub tensor_visible: f64,
    /// Share of the expert exchange that stays visible.
    pub expert_visible: f64,
    /// Share of the product rate that grouped products of experts reach.
    pub expert_share: f64,
    /// Passes over the residual stream of a recurrent layer's scan, in widths of the model.
    pub recurrent_passes: f64,
    /// Share of a forward pass that partial recomputation repeats.
    pub partial_recomputation: f64,
    /// Growth of a step per doubling of the accelerators beyond one domain (stragglers, congestion).
    pub straggling: f64,
    /// Share of the bubble that remains (schedules overlap part of it).
    pub bubble_share: f64,
}

/// Name, place, low and high end of a parameter.
pub type Range = (&'static str, fn(&mut Parameters) -> &mut f64, f64, f64);

impl Parameters {
    /// Where every fit starts.
    pub const NEUTRAL: Self = Self {
        matrix_share: 0.85,
        default_achievable: 0.8,
        narrow_share: 0.85,
        fp4_share: 0.6,
        half_time_seconds: 2e-5,
        attention_share: 0.5,
        misaligned_share: 0.5,
        elementwise_passes: 16.0,
        replicated_passes: 0.3,
        memory_share: 0.8,
        launch_seconds: 4e-5,
        inside_share: 0.7,
        between_share: 0.7,
        overlap: 0.6,
        tensor_visible: 0.4,
        expert_visible: 0.6,
        expert_share: 0.7,
        recurrent_passes: 40.0,
        partial_recomputation: 0.5,
        straggling: 0.005,
        bubble_share: 0.9,
    };

    /// The fitted parameters with their physical ranges.
    pub const RANGES: [Range; 21] = [
        ("matrix_share", |p| &mut p.matrix_share, 0.5, 1.0),
        ("default_achievable", |p| &mut p.default_achievable, 0.5, 0.98),
        ("narrow_share", |p| &mut p.narrow_share, 0.5, 1.0),
        ("fp4_share", |p| &mut p.fp4_share, 0.3, 1.0),
        ("half_time_seconds", |p| &mut p.half_time_seconds, 2e-6, 2e-4),
        ("attention_share", |p| &mut p.attention_share, 0.15, 0.85),
        ("misaligned_share", |p| &mut p.misaligned_share, 0.1, 1.0),
        ("elementwise_passes", |p| &mut p.elementwise_passes, 6.0, 60.0),
        ("replicated_passes", |p| &mut p.replicated_passes, 0.1, 0.4),
        ("memory_share", |p| &mut p.memory_share, 0.6, 0.95),
        ("launch_seconds", |p| &mut p.launch_seconds, 2e-6, 6e-4),
        ("inside_share", |p| &mut p.inside_share, 0.4, 0.95),
        ("between_share", |p| &mut p.between_share, 0.3, 0.95),
        ("overlap", |p| &mut p.overlap, 0.1, 1.0),
        ("tensor_visible", |p| &mut p.tensor_visible, 0.05, 1.0),
        ("expert_visible", |p| &mut p.expert_visible, 0.1, 1.0),
        ("expert_share", |p| &mut p.expert_share, 0.3, 1.0),
        ("recurrent_passes", |p| &mut p.recurrent_passes, 10.0, 400.0),
        ("partial_recomputation", |p| &mut p.partial_recomputation, 0.1, 1.0),
        ("straggling", |p| &mut p.straggling, 1e-4, 0.03),
        ("bubble_share", |p| &mut p.bubble_share, 0.5, 1.1),
    ];
}
