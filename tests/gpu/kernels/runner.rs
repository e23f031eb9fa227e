//! Runs many calls of one kernel in one submit, straight on wgpu: the text of the kernel is a parameter, so that a
//! mutant of it can be run as well.

use super::case::Case;
use engine::backends::gpu::GpuDevice;
use pollster::block_on;
use std::{num::NonZeroU64, sync::mpsc};

/// WebGPU's default alignment of offsets, in bytes.
const ALIGNMENT: u64 = 256;
/// The line that whoever compiles an attention kernel replaces.
pub const HEAD_QUADS: &str = "const HEAD_QUADS: u32 = 8u;";

pub fn device() -> GpuDevice {
    let device = block_on(GpuDevice::request()).expect("the adapter gives a device");
    device.expect("a Vulkan adapter is installed (Debian: mesa-vulkan-drivers)")
}

/// What the buffers of each case hold afterwards, or what the device says against the text.
pub fn run(device: &GpuDevice, source: &str, cases: &[Case]) -> Result<Vec<Vec<Vec<u32>>>, String> {
    let mut results = vec![vec![]; cases.len()];
    let mut sizes: Vec<Option<u32>> = cases.iter().map(|case| case.head_quads).collect();
    sizes.sort_unstable();
    sizes.dedup();
    for head_quads in sizes {
        assert!(head_quads.is_none() || source.contains(HEAD_QUADS), "the head's size has its line");
        let text = head_quads.map_or_else(
            || source.to_owned(),
            |quads| source.replace(HEAD_QUADS, &format!("const HEAD_QUADS: u32 = {quads}u;")),
        );
        let alike: Vec<usize> =
            (0..cases.len()).filter(|index| cases[*index].head_quads == head_quads).collect();
        let pipeline = pipeline(device, &text, cases[alike[0]].buffers.len())?;
        let batch: Vec<&Case> = alike.iter().map(|index| &cases[*index]).collect();
        for (index, found) in alike.into_iter().zip(submit(device, &pipeline, &batch)) {
            results[index] = found;
        }
    }
    Ok(results)
}

/// The pipeline with a layout of all bindings, also of those that a mutant no longer uses.
fn pipeline(device: &GpuDevice, text: &str, buffers: usize) -> Result<wgpu::ComputePipeline, String> {
    let scope = device.device.push_error_scope(wgpu::ErrorFilter::Validation);
    let module = device.device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: None,
        source: wgpu::ShaderSource::Wgsl(text.into()),
    });
    let entry = |binding: usize| wgpu::BindGroupLayoutEntry {
        binding: binding as u32,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer {
            ty: if binding == buffers {
                wgpu::BufferBindingType::Uniform
            } else {
                wgpu::BufferBindingType::Storage { read_only: false }
            },
            has_dynamic_offset: false,
            min_binding_size: None,
        },
        count: None,
    };
    let entries: Vec<_> = (0..=buffers).map(entry).collect();
    let descriptor = wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries };
    let bindings = device.device.create_bind_group_layout(&descriptor);
    let layout = device.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: None,
        bind_group_layouts: &[Some(&bindings)],
        immediate_size: 0,
    });
    let pipeline = device.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: None,
        layout: Some(&layout),
        module: &module,
        entry_point: Some("main"),
        compilation_options: wgpu::PipelineCompilationOptions::default(),
        cache: None,
    });
    match block_on(scope.pop()) {
        Some(error) => Err(error.to_string()),
        None => Ok(pipeline),
    }
}

fn bytes(words: &[u32]) -> impl Iterator<Item = u8> + '_ {
    words.iter().flat_map(|word| word.to_le_bytes())
}

/// Puts words at the next aligned offset; gives offset and length in bytes.
fn place(memory: &mut Vec<u8>, words: &[u32], least: u64) -> (u64, u64) {
    memory.resize(memory.len().next_multiple_of(ALIGNMENT as usize), 0);
    let offset = memory.len() as u64;
    memory.extend(bytes(words));
    memory.resize(memory.len().max((offset + least) as usize), 0);
    (offset, memory.len() as u64 - offset)
}

/// Offset and length in bytes.
type Span = (u64, u64);

/// All buffers and uniforms of a batch, one behind the other, and where those of each case lie.
struct Layout {
    arena: Vec<u8>,
    uniforms: Vec<u8>,
    spans: Vec<(Vec<Span>, Span)>,
}

impl Layout {
    fn of(cases: &[&Case]) -> Self {
        let (mut arena, mut uniforms, mut spans) = (vec![], vec![], vec![]);
        for case in cases {
            let buffers = case.buffers.iter().map(|words| place(&mut arena, words, 4)).collect();
            let whole = case.uniform.len().next_multiple_of(4) as u64 * 4;
            spans.push((buffers, place(&mut uniforms, &case.uniform, whole)));
        }
        Self { arena, uniforms, spans }
    }
}

fn submit(device: &GpuDevice, pipeline: &wgpu::ComputePipeline, cases: &[&Case]) -> Vec<Vec<Vec<u32>>> {
    use wgpu::BufferUsages as Usage;
    let layout = Layout::of(cases);
    let buffer = |contents: &[u8], usage| {
        let descriptor = wgpu::BufferDescriptor {
            label: None,
            size: contents.len() as u64,
            usage,
            mapped_at_creation: false,
        };
        device.device.create_buffer(&descriptor)
    };
    let arena = buffer(&layout.arena, Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST);
    let uniforms = buffer(&layout.uniforms, Usage::UNIFORM | Usage::COPY_DST);
    let staging = buffer(&layout.arena, Usage::COPY_DST | Usage::MAP_READ);
    device.queue.write_buffer(&arena, 0, &layout.arena);
    device.queue.write_buffer(&uniforms, 0, &layout.uniforms);
    let mut encoder = device.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None });
    {
        let descriptor = wgpu::ComputePassDescriptor { label: None, timestamp_writes: None };
        let mut pass = encoder.begin_compute_pass(&descriptor);
        pass.set_pipeline(pipeline);
        for (case, spans) in cases.iter().zip(&layout.spans) {
            pass.set_bind_group(0, &bind(device, pipeline, &arena, &uniforms, spans), &[]);
            let [x, y, z] = case.workgroups;
            pass.dispatch_workgroups(x, y, z);
        }
    }
    encoder.copy_buffer_to_buffer(&arena, 0, &staging, 0, layout.arena.len() as u64);
    device.queue.submit([encoder.finish()]);
    let read = read(device, &staging);
    let words = |(offset, size): &Span| read[*offset as usize / 4..(*offset + *size) as usize / 4].to_vec();
    layout.spans.iter().map(|(buffers, _)| buffers.iter().map(words).collect()).collect()
}

fn bind(
    device: &GpuDevice,
    pipeline: &wgpu::ComputePipeline,
    arena: &wgpu::Buffer,
    uniforms: &wgpu::Buffer,
    (buffers, uniform): &(Vec<Span>, Span),
) -> wgpu::BindGroup {
    let range = |buffer, (offset, size): Span| {
        wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer, offset, size: NonZeroU64::new(size) })
    };
    let storage = buffers.iter().map(|span| range(arena, *span));
    let resources = storage.chain([range(uniforms, *uniform)]);
    let entries: Vec<_> =
        (0..).zip(resources).map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource }).collect();
    device.device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &pipeline.get_bind_group_layout(0),
        entries: &entries,
    })
}

fn read(device: &GpuDevice, staging: &wgpu::Buffer) -> Vec<u32> {
    let (sender, receiver) = mpsc::channel();
    staging.map_async(wgpu::MapMode::Read, .., move |result| {
        let _ = sender.send(result);
    });
    device.device.poll(wgpu::PollType::wait_indefinitely()).expect("the device stays");
    receiver.recv().expect("an answer").expect("the buffer is mapped");
    let view = staging.get_mapped_range(..).expect("mapped");
    view.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().expect("four bytes"))).collect()
}
