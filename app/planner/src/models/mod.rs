//! Models beside the catalog's decoders: pasted configs, and networks for images, at the level that sizing needs.

pub mod config;
pub mod convolution;
pub mod vision;

/// What one example of a model for images costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ImageModel {
    /// Weights.
    pub parameters: f64,
    /// Multiplications with an addition of the forward pass of one image.
    pub multiply_adds: f64,
    /// Numbers kept for the backward pass of one image.
    pub activations: f64,
}

impl ImageModel {
    /// Operations of forward and backward pass of one image: two for each multiplication with its addition, the
    /// backward pass twice the forward one.
    #[must_use]
    pub fn training_flops(&self) -> f64 {
        6.0 * self.multiply_adds
    }

    /// Bytes of a replica in mixed precision with Adam: 18 for each weight (Rajbhandari et al. 2020) and 2 for each kept
    /// number of `images`.
    #[must_use]
    pub fn training_bytes(&self, images: f64) -> f64 {
        18.0 * self.parameters + 2.0 * images * self.activations
    }
}
