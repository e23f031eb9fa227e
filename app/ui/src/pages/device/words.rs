//! Plain words for tiers and for missing GPUs.

use protocol::{CapabilityTier, GpuUnavailable};

/// What a tier means for the visitor.
pub const fn tier(tier: CapabilityTier) -> &'static str {
    match tier {
        CapabilityTier::CpuOnly => "No GPU for this tab: the processor does everything.",
        CapabilityTier::SoftwareGpu => {
            "The browser's GPU is emulated by the processor: it works, and is slower than the CPU backend."
        }
        CapabilityTier::BaseGpu => "A GPU at WebGPU's default limits, with 32-bit floats.",
        CapabilityTier::HalfGpu => "A GPU with 16-bit floats in shaders.",
    }
}

/// What is missing, why, and what would help.
pub fn unavailable(reason: &GpuUnavailable) -> (&'static str, String, &'static str) {
    match reason {
        GpuUnavailable::NoWebGpu => (
            "This browser has no WebGPU.",
            "It is too old for it, or WebGPU is switched off. The CPU backend does the work.".into(),
            "Chrome or Edge 113, Safari 26, and Firefox 141 on Windows have it; on Linux, Chrome may need the flag enable-unsafe-webgpu.",
        ),
        GpuUnavailable::InsecureOrigin => (
            "WebGPU is hidden on this page.",
            "The page came over plain http from another machine, and browsers give WebGPU to secure pages only. The CPU backend does the work.".into(),
            "Open the page over https, or on the machine that serves it as http://localhost.",
        ),
        GpuUnavailable::NoAdapter => (
            "The browser offers no GPU adapter.",
            "WebGPU is there, but no adapter: no GPU, a blocked driver, or a GPU that crashed repeatedly. The CPU backend does the work.".into(),
            "Reload the page, which lifts a block after crashes; see chrome://gpu for the driver's state.",
        ),
        GpuUnavailable::DeviceRefused { message } => (
            "The GPU refused to work.",
            format!("The browser said: {message}. The CPU backend does the work."),
            "Close other tabs that use the GPU, then measure again.",
        ),
        GpuUnavailable::SelfTestFailed { message } => (
            "The GPU gave a wrong answer.",
            format!("A kernel was asked a known question: {message}. Nothing is run on this GPU; the CPU backend does the work."),
            "Update the graphics driver or the browser, then measure again.",
        ),
    }
}
