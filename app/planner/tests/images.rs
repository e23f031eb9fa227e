//! Networks for images against their published counts.

use planner::models::convolution::{Convolution, count, resnet_50};
use planner::models::vision::{DIT_XL_2, Patches, VIT_B_16};

fn assert_close(left: f64, right: f64, tolerance: f64) {
    assert!((left / right - 1.0).abs() <= tolerance, "{left} is not within {tolerance} of {right}");
}

#[test]
fn resnet_50_has_its_published_counts() {
    // torchvision: 25,557,032 weights, 4.089 GMAC at 224 pixels.
    let network = resnet_50(224);
    assert_close(network.parameters, 25_557_032.0, 1e-9);
    assert_close(network.multiply_adds, 4.089e9, 2e-3);
    // Convolutions grow with the area, weights do not.
    let large = resnet_50(448);
    assert_close(large.parameters, network.parameters, 1e-12);
    assert_close(large.multiply_adds, 4.0 * network.multiply_adds, 1e-2);
    assert_close(network.training_flops(), 6.0 * network.multiply_adds, 1e-12);
}

#[test]
fn transformers_for_images_have_their_published_counts() {
    // torchvision: 86,567,656 weights, 17.56 GMAC.
    let vit = VIT_B_16.vision_transformer();
    assert_close(vit.parameters, 86_567_656.0, 1e-9);
    assert_close(vit.multiply_adds, 17.58e9, 5e-3);
    // Peebles and Xie 2022, table 4: 675M weights, 118.6 "Gflops", which count multiplications.
    let dit = DIT_XL_2.diffusion_transformer();
    assert_close(dit.parameters, 675e6, 2e-3);
    assert_close(dit.multiply_adds, 118.6e9, 5e-3);
    // Half the patch is four times the tokens.
    let fine = Patches { patch_size: 8, ..VIT_B_16 }.vision_transformer();
    assert!(fine.multiply_adds > 4.0 * vit.multiply_adds);
    assert!(fine.training_bytes(8.0) > vit.training_bytes(8.0));
}

#[test]
fn a_grouped_convolution_is_counted_by_hand() {
    // 3 x 3, 64 channels in 64 groups: 9 x 64 weights and 128 of the norm, 576 x 196 products; a classifier of 10.
    let depthwise =
        Convolution { kernel: 3, in_channels: 64, out_channels: 64, groups: 64, side: 14, repeats: 1 };
    let network = count(&[depthwise], 64, 10);
    assert_close(network.parameters, 576.0 + 128.0 + 650.0, 1e-12);
    assert_close(network.multiply_adds, 576.0 * 196.0 + 640.0, 1e-12);
}
