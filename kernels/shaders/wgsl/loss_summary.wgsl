// ring[slot] = (mean loss, examples read rightly, non-finite flag, step), slot = step % ring_length
// Shapes: rows examples x 2 (softmax_cross_entropy), flags 1 (set by the optimiser kernels), clock 2 (step, 0), ring ring_length x 4.
// The non-finite flag is a bit test: WGSL may assume that NaN does not occur. One invocation: the order of summation is fixed.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/loss_summary.rs
struct Params { count: u32, examples: u32, ring_length: u32 }
@group(0) @binding(0) var<storage, read_write> rows: array<f32>;
@group(0) @binding(1) var<storage, read_write> flags: array<u32>;
@group(0) @binding(2) var<storage, read_write> clock: array<u32>;
@group(0) @binding(3) var<storage, read_write> ring: array<u32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  var loss = 0.0;
  var correct = 0.0;
  var bad = flags[0];
  for (var r = 0u; r < params.examples; r++) {
    let row_loss = rows[r * 2u];
    if ((bitcast<u32>(row_loss) & 0x7f800000u) == 0x7f800000u) { bad |= 1u; }
    loss += row_loss;
    correct += rows[r * 2u + 1u];
  }
  let step = clock[0];
  let slot = (step % params.ring_length) * 4u;
  ring[slot] = bitcast<u32>(loss / f32(params.examples));
  ring[slot + 1u] = u32(correct);
  ring[slot + 2u] = bad;
  ring[slot + 3u] = step;
  clock[0] = step + 1u;
}
