// m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  w = w - rate[step] * m / (sqrt(v) + epsilon[step])
// Adam (Kingma and Ba 2015, section 2, last paragraph): bias corrections folded into rate and epsilon, which come from
// schedule[step % schedule_length] so that steps can be queued without the host.
// Shapes: weight, gradient, first_moment, second_moment count; schedule schedule_length x 2; clock 2 (step, 0); flags 1.
// A non-finite gradient sets the flag; decided on the bits.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/adam.rs
struct Params { count: u32, beta1: f32, beta2: f32, schedule_length: u32 }
@group(0) @binding(0) var<storage, read_write> weight: array<f32>;
@group(0) @binding(1) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(2) var<storage, read_write> first_moment: array<f32>;
@group(0) @binding(3) var<storage, read_write> second_moment: array<f32>;
@group(0) @binding(4) var<storage, read_write> schedule: array<f32>;
@group(0) @binding(5) var<storage, read_write> clock: array<u32>;
@group(0) @binding(6) var<storage, read_write> flags: array<atomic<u32>>;
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let slot = (clock[0] % params.schedule_length) * 2u;
  let g = gradient[index];
  if ((bitcast<u32>(g) & 0x7f800000u) == 0x7f800000u) { atomicOr(&flags[0], 2u); }
  let m = params.beta1 * first_moment[index] + (1.0 - params.beta1) * g;
  let v = params.beta2 * second_moment[index] + (1.0 - params.beta2) * g * g;
  first_moment[index] = m;
  second_moment[index] = v;
  weight[index] = weight[index] - schedule[slot] * m / (sqrt(v) + schedule[slot + 1u]);
}
