//! Vision and diffusion transformers.

use super::ImageModel;

/// Sizes of a transformer over patches of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patches {
    /// Width.
    pub hidden_size: u32,
    /// Layers.
    pub num_hidden_layers: u32,
    /// Height and width of a patch.
    pub patch_size: u32,
    /// Height and width of the image, or of what an encoder made of it.
    pub side: u32,
    /// Channels of it.
    pub channels: u32,
    /// Classes that are told apart, or that a picture is asked for by.
    pub classes: u32,
}

/// ViT-B/16 at 224 pixels (Dosovitskiy et al. 2020, arXiv 2010.11929).
pub const VIT_B_16: Patches = Patches {
    hidden_size: 768,
    num_hidden_layers: 12,
    patch_size: 16,
    side: 224,
    channels: 3,
    classes: 1_000,
};
/// DiT-XL/2 at 256 pixels, on 32 x 32 latents (Peebles and Xie 2022, arXiv 2212.09748).
pub const DIT_XL_2: Patches = Patches {
    hidden_size: 1_152,
    num_hidden_layers: 28,
    patch_size: 2,
    side: 32,
    channels: 4,
    classes: 1_000,
};

impl Patches {
    fn tokens(&self) -> f64 {
        let across = f64::from(self.side / self.patch_size.max(1));
        across * across
    }

    /// Weights, multiplications and kept numbers of one layer's attention and MLP over `tokens`.
    fn layer(&self, tokens: f64) -> [f64; 3] {
        let h = f64::from(self.hidden_size);
        // Four projections and an MLP of four times the width, with biases; kept: two norms, queries, keys, values, the
        // sum of values, and twice the MLP's inside.
        [12.0 * h * h + 9.0 * h, tokens * 12.0 * h * h + 2.0 * tokens * tokens * h, tokens * 16.0 * h]
    }

    /// A classifier: a token more than patches, learned positions, norms with scale and shift.
    #[must_use]
    pub fn vision_transformer(&self) -> ImageModel {
        let (h, layers) = (f64::from(self.hidden_size), f64::from(self.num_hidden_layers));
        let patch = f64::from(self.patch_size * self.patch_size * self.channels);
        let (tokens, classes) = (self.tokens() + 1.0, f64::from(self.classes));
        let [weights, products, kept] = self.layer(tokens);
        ImageModel {
            parameters: patch * h
                + h
                + (tokens + 1.0) * h
                + layers * (weights + 4.0 * h)
                + 2.0 * h
                + classes * (h + 1.0),
            multiply_adds: self.tokens() * patch * h + layers * products + classes * h,
            activations: layers * kept + tokens * h,
        }
    }

    /// A denoiser: norms without weights, whose scale, shift and gate come from time and class through a product of six
    /// widths in every layer (adaLN-Zero); it predicts noise and variance.
    #[must_use]
    pub fn diffusion_transformer(&self) -> ImageModel {
        let (h, layers) = (f64::from(self.hidden_size), f64::from(self.num_hidden_layers));
        let patch = f64::from(self.patch_size * self.patch_size * self.channels);
        let (tokens, classes) = (self.tokens(), f64::from(self.classes));
        let [weights, products, kept] = self.layer(tokens);
        let conditions = 6.0 * h * h;
        let (time, last) = (256.0 * h + h + h * h + h, 2.0 * h * h + 2.0 * h);
        ImageModel {
            parameters: patch * h
                + h
                + time
                + (classes + 1.0) * h
                + layers * (weights + conditions + 6.0 * h)
                + last
                + 2.0 * patch * (h + 1.0),
            multiply_adds: tokens * 3.0 * patch * h + layers * (products + conditions) + time + 2.0 * h * h,
            activations: layers * (kept + 6.0 * h) + tokens * h,
        }
    }
}
