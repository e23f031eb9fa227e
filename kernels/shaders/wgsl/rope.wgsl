// (y[i], y[i + half]) = (x[i] cos - sign x[i + half] sin, x[i + half] cos + sign x[i] sin), half = head_dim / 2
// Rotary positions (Su et al. 2021) in the half-split form of Llama; sign = -1 turns back, which is the gradient.
// Shapes: x and y batch x length x heads x head_dim, table length x half x 2 (cos, sin);
// count = batch * length * heads * half.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/rope.rs
struct Params { count: u32, heads: u32, head_dim: u32, length: u32, sign: f32 }
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> table: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let half_dim = params.head_dim / 2u;
  let i = index % half_dim;
  let row = index / half_dim;
  let position = (row / params.heads) % params.length;
  let first = row * params.head_dim + i;
  let second = first + half_dim;
  let angle = (position * half_dim + i) * 2u;
  let cosine = table[angle];
  let sine = params.sign * table[angle + 1u];
  let a = x[first];
  let b = x[second];
  y[first] = a * cosine - b * sine;
  y[second] = b * cosine + a * sine;
}
