//! The parameters of the serving model: one set for every engine, chip and model.

/// Fitted on published rows; each has a meaning and a plausible range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServingParameters {
    /// Share of the memory bandwidth that reading weights reaches.
    pub weight_share: f64,
    /// Share of the memory bandwidth that reading the cache reaches.
    pub cache_share: f64,
    /// Share of the peak that large products reach.
    pub product_share: f64,
    /// Seconds between the kernels of one layer.
    pub layer_seconds: f64,
    /// Seconds of one small all-reduce.
    pub reduce_seconds: f64,
    /// Share of the link that large exchanges reach.
    pub link_share: f64,
    /// Seconds of an engine's own work in each step (scheduling, sampling).
    pub engine_seconds: f64,
    /// Seconds of the same for each request in the batch.
    pub request_seconds: f64,
    /// Share of the other users' prefills that delays an answer.
    pub interference: f64,
    /// Share of the other users' prefills that a first token waits for.
    pub queueing: f64,
    /// Share of the memory beyond the weights that the cache may take.
    pub cache_fraction: f64,
    /// Bytes moved for each token and width of the model in a layer, in widths.
    pub token_passes: f64,
}

/// Name, place, low and high end.
pub type Range = (&'static str, fn(&mut ServingParameters) -> &mut f64, f64, f64);

impl ServingParameters {
    /// Where every fit starts.
    pub const NEUTRAL: Self = Self {
        weight_share: 0.7,
        cache_share: 0.6,
        product_share: 0.55,
        layer_seconds: 2e-5,
        reduce_seconds: 1.2e-5,
        link_share: 0.6,
        engine_seconds: 1.5e-3,
        request_seconds: 1e-5,
        interference: 0.7,
        queueing: 0.3,
        cache_fraction: 0.85,
        token_passes: 20.0,
    };

    /// The fitted parameters with their physical ranges.
    pub const RANGES: [Range; 12] = [
        ("weight_share", |p| &mut p.weight_share, 0.3, 0.95),
        ("cache_share", |p| &mut p.cache_share, 0.1, 0.95),
        ("product_share", |p| &mut p.product_share, 0.15, 0.85),
        ("layer_seconds", |p| &mut p.layer_seconds, 2e-6, 2e-4),
        ("reduce_seconds", |p| &mut p.reduce_seconds, 2e-6, 1e-4),
        ("link_share", |p| &mut p.link_share, 0.2, 0.95),
        ("engine_seconds", |p| &mut p.engine_seconds, 1e-4, 2e-2),
        ("request_seconds", |p| &mut p.request_seconds, 1e-7, 3e-4),
        ("interference", |p| &mut p.interference, 0.05, 1.5),
        ("queueing", |p| &mut p.queueing, 0.01, 1.0),
        ("cache_fraction", |p| &mut p.cache_fraction, 0.5, 0.95),
        ("token_passes", |p| &mut p.token_passes, 4.0, 80.0),
    ];
}
