//! Geometry of convolutions and pooling, checked once when a node is recorded.

use crate::EngineError;

/// A square convolution over NHWC images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvGeometry {
    /// Images of a batch.
    pub batch: usize,
    /// Image height.
    pub height: usize,
    /// Image width.
    pub width: usize,
    /// Channels of the image.
    pub in_channels: usize,
    /// Channels of the result.
    pub out_channels: usize,
    /// Side of the kernel.
    pub kernel: usize,
    /// Step of the window.
    pub stride: usize,
    /// Zeros around the image.
    pub padding: usize,
    /// Channels are convolved in this many groups; as many groups as channels is depthwise.
    pub groups: usize,
}

impl ConvGeometry {
    /// Height of the result.
    #[must_use]
    pub const fn out_height(&self) -> usize {
        (self.height + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// Width of the result.
    #[must_use]
    pub const fn out_width(&self) -> usize {
        (self.width + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// Values under one window.
    #[must_use]
    pub const fn patch(&self) -> usize {
        self.kernel * self.kernel * (self.in_channels / self.groups)
    }

    /// Result pixels of one image.
    #[must_use]
    pub const fn pixels(&self) -> usize {
        self.out_height() * self.out_width()
    }

    /// Shape of the result.
    #[must_use]
    pub fn out_shape(&self) -> Vec<usize> {
        vec![self.batch, self.out_height(), self.out_width(), self.out_channels]
    }

    /// Shape of the image.
    #[must_use]
    pub fn image_shape(&self) -> Vec<usize> {
        vec![self.batch, self.height, self.width, self.in_channels]
    }

    /// From the shapes of image and weight.
    ///
    /// # Errors
    /// Names both shapes where they do not fit, or where the kernel is larger than the padded image.
    pub fn new(
        image: &[usize],
        weight: &[usize],
        stride: usize,
        padding: usize,
        groups: usize,
    ) -> Result<Self, EngineError> {
        let misfit = || EngineError::Shape {
            message: format!(
                "conv2d of image {image:?} with weight {weight:?}, stride {stride}, padding {padding}, groups {groups}"
            ),
        };
        let (&[batch, height, width, in_channels], &[kernel, kernel_width, weight_in, out_channels]) =
            (image, weight)
        else {
            return Err(misfit());
        };
        let fits = kernel == kernel_width
            && groups > 0
            && weight_in * groups == in_channels
            && out_channels.is_multiple_of(groups)
            && stride > 0
            && kernel > 0
            && padding < kernel
            && height + 2 * padding >= kernel
            && width + 2 * padding >= kernel;
        if !fits {
            return Err(misfit());
        }
        Ok(Self { batch, height, width, in_channels, out_channels, kernel, stride, padding, groups })
    }
}

/// Pooling over non-overlapping square windows of NHWC images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolGeometry {
    /// Images of a batch.
    pub batch: usize,
    /// Image height.
    pub height: usize,
    /// Image width.
    pub width: usize,
    /// Channels.
    pub channels: usize,
    /// Side and step of the window.
    pub window: usize,
}

impl PoolGeometry {
    /// From the shape of an image; `None` where it is none, or smaller than the window.
    #[must_use]
    pub fn new(image: &[usize], window: usize) -> Option<Self> {
        let &[batch, height, width, channels] = image else { return None };
        (window > 0 && height >= window && width >= window).then_some(Self {
            batch,
            height,
            width,
            channels,
            window,
        })
    }

    /// Shape of the result; pixels past the last whole window are dropped.
    #[must_use]
    pub fn out_shape(&self) -> Vec<usize> {
        vec![self.batch, self.height / self.window, self.width / self.window, self.channels]
    }
}
