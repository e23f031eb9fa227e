//! From the engine's measurements to the page's report.

use crate::context::Gpu;
use engine::{backends::gpu::GpuDevice, probe::Rates};
use protocol::{
    BackendKind, BandwidthPoint, CapabilityTier, DeviceReport, GpuReport, GpuUnavailable, MeasuredRates,
};

/// The whole report.
pub fn device(gpu: Result<GpuReport, GpuUnavailable>, cpu: Rates, elapsed_seconds: f64) -> DeviceReport {
    let cpu = rates(cpu);
    let gigaflops = |rates: &MeasuredRates| rates.matmul_f32_flops_per_second / 1e9;
    let (faster, reason) = match &gpu {
        Ok(report) => {
            let (on_gpu, on_cpu) = (gigaflops(&report.rates), gigaflops(&cpu));
            let faster = if on_gpu > on_cpu { BackendKind::Gpu } else { BackendKind::Cpu };
            let words = format!(
                "The product of two 512x512 matrices runs at {on_gpu:.1} GFLOP/s on the GPU and {on_cpu:.1} GFLOP/s on the CPU."
            );
            (faster, words)
        }
        Err(_) => (
            BackendKind::Cpu,
            format!("There is no GPU to use; the CPU runs at {:.1} GFLOP/s.", gigaflops(&cpu)),
        ),
    };
    let tier = match &gpu {
        Err(_) => CapabilityTier::CpuOnly,
        Ok(report) if report.is_software => CapabilityTier::SoftwareGpu,
        Ok(report) if report.rates.peak_f16_flops_per_second.is_some() => CapabilityTier::HalfGpu,
        Ok(_) => CapabilityTier::BaseGpu,
    };
    DeviceReport { tier, gpu, cpu, faster, reason, elapsed_seconds }
}

/// The GPU's part.
pub fn gpu(gpu: &Gpu, measured: Rates, names: [String; 3]) -> GpuReport {
    let device: &GpuDevice = &gpu.device;
    let [vendor, architecture, description] = names;
    GpuReport {
        vendor,
        architecture,
        description,
        is_software: device.is_software(),
        limits: limits(device),
        features: device
            .adapter_features
            .iter_names()
            .map(|(name, _)| name.to_lowercase().replace('_', "-"))
            .collect(),
        has_packed_int8_dot: device.has_packed_int8_dot,
        rates: rates(measured),
        self_test: (gpu.self_test.passed, gpu.self_test.total),
        quarantined: device
            .quarantined()
            .into_iter()
            .map(|(variant, message)| format!("{variant}: {message}"))
            .collect(),
    }
}

fn rates(measured: Rates) -> MeasuredRates {
    let Rates {
        peak_f32_flops_per_second,
        peak_f16_flops_per_second,
        peak_int8_ops_per_second,
        matmul_f32_flops_per_second,
        matmul_variant,
        bandwidth,
        dispatch_latency_seconds,
        round_trip_seconds,
        upload_bytes_per_second,
        readback_bytes_per_second,
    } = measured;
    let point = |point: engine::probe::BandwidthPoint| BandwidthPoint {
        working_set_bytes: point.working_set_bytes,
        bytes_per_second: point.bytes_per_second,
    };
    MeasuredRates {
        peak_f32_flops_per_second,
        peak_f16_flops_per_second,
        peak_int8_ops_per_second,
        matmul_f32_flops_per_second,
        matmul_variant: matmul_variant.to_owned(),
        bandwidth: bandwidth.into_iter().map(point).collect(),
        dispatch_latency_seconds,
        round_trip_seconds,
        upload_bytes_per_second,
        readback_bytes_per_second,
    }
}

/// The limits that decide what fits, under their names in the specification.
fn limits(device: &GpuDevice) -> Vec<(String, u64)> {
    let l = &device.limits;
    let named: [(&str, u64); 10] = [
        ("maxBufferSize", l.max_buffer_size),
        ("maxStorageBufferBindingSize", l.max_storage_buffer_binding_size),
        ("maxStorageBuffersPerShaderStage", l.max_storage_buffers_per_shader_stage.into()),
        ("maxUniformBufferBindingSize", l.max_uniform_buffer_binding_size),
        ("maxComputeWorkgroupStorageSize", l.max_compute_workgroup_storage_size.into()),
        ("maxComputeInvocationsPerWorkgroup", l.max_compute_invocations_per_workgroup.into()),
        ("maxComputeWorkgroupSizeX", l.max_compute_workgroup_size_x.into()),
        ("maxComputeWorkgroupSizeY", l.max_compute_workgroup_size_y.into()),
        ("maxComputeWorkgroupSizeZ", l.max_compute_workgroup_size_z.into()),
        ("maxComputeWorkgroupsPerDimension", l.max_compute_workgroups_per_dimension.into()),
    ];
    named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
