// u = momentum u + g;  w = w - rate[step] u
// Shapes: weight, gradient, velocity count; schedule schedule_length x 2 (rate, unused); clock 2 (step, 0); flags 1.
// A non-finite gradient sets the flag; decided on the bits.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/sgd.rs
struct Params { count: u32, momentum: f32, schedule_length: u32 }
@group(0) @binding(0) var<storage, read_write> weight: array<f32>;
@group(0) @binding(1) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(2) var<storage, read_write> velocity: array<f32>;
@group(0) @binding(3) var<storage, read_write> schedule: array<f32>;
@group(0) @binding(4) var<storage, read_write> clock: array<u32>;
@group(0) @binding(5) var<storage, read_write> flags: array<atomic<u32>>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let slot = (clock[0] % params.schedule_length) * 2u;
  let g = gradient[index];
  if ((bitcast<u32>(g) & 0x7f800000u) == 0x7f800000u) { atomicOr(&flags[0], 2u); }
  let u = params.momentum * velocity[index] + g;
  velocity[index] = u;
  weight[index] = weight[index] - schedule[slot] * u;
}
