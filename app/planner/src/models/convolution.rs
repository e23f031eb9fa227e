//! Convolutional networks as lists of layers.

use super::ImageModel;

/// A convolution with its normalisation, repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Convolution {
    /// Height and width of the window.
    pub kernel: u32,
    /// Channels that come in.
    pub in_channels: u32,
    /// Channels that go out.
    pub out_channels: u32,
    /// Groups of channels that do not meet; 1 for all.
    pub groups: u32,
    /// Height and width of what goes out.
    pub side: u32,
    /// How often the layer occurs.
    pub repeats: u32,
}

/// Sums of a list of layers, and of a classifier of `classes` at its end.
#[must_use]
pub fn count(layers: &[Convolution], features: u32, classes: u32) -> ImageModel {
    let (features, classes) = (f64::from(features), f64::from(classes));
    let mut sum = ImageModel {
        parameters: features * classes + classes,
        multiply_adds: features * classes,
        activations: features,
    };
    for layer in layers {
        let [kernel, inputs, outputs, groups, side, repeats] = [
            layer.kernel,
            layer.in_channels,
            layer.out_channels,
            layer.groups.max(1),
            layer.side,
            layer.repeats,
        ]
        .map(f64::from);
        let weights = kernel * kernel * inputs / groups * outputs;
        // Scale and shift of the normalisation; its input and the activation's are kept.
        sum.parameters += repeats * (weights + 2.0 * outputs);
        sum.multiply_adds += repeats * weights * side * side;
        sum.activations += repeats * 2.0 * outputs * side * side;
    }
    sum
}

/// ResNet-50 (He et al. 2015, arXiv 1512.03385) as torchvision and MLPerf run it: the 3x3 convolution carries the stride.
/// `side` is the height and width of the image, a multiple of 32.
#[must_use]
pub fn resnet_50(side: u32) -> ImageModel {
    let layer = |kernel, in_channels, out_channels, side, repeats| Convolution {
        kernel,
        in_channels,
        out_channels,
        groups: 1,
        side,
        repeats,
    };
    let mut layers = vec![layer(7, 3, 64, side / 2, 1)];
    let mut inputs = 64;
    for (stage, blocks) in [3_u32, 4, 6, 3].into_iter().enumerate() {
        let width = 64_u32 << stage;
        let out = side / (4 << stage);
        // The first block of a later stage still sees the larger image before its stride.
        let before = if stage == 0 { out } else { out * 2 };
        layers.push(layer(1, inputs, width, before, 1));
        layers.push(layer(1, inputs, 4 * width, out, 1));
        layers.push(layer(1, 4 * width, width, out, blocks - 1));
        layers.push(layer(3, width, width, out, blocks));
        layers.push(layer(1, width, 4 * width, out, blocks));
        inputs = 4 * width;
    }
    count(&layers, 2_048, 1_000)
}
