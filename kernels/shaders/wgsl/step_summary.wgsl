// ring[clock % ring_length] = (loss, matches, norm, clock);  clock = clock + 1
// Shapes: loss, matches and norm 1; clock 2 (step, 0); ring ring_length x 4. Values go by their bits: the host decides
// whether they are finite.
// Dispatch: one invocation. Twin: src/cpu/step_summary.rs
struct Params { count: u32, ring_length: u32 }
@group(0) @binding(0) var<storage, read_write> loss: array<u32>;
@group(0) @binding(1) var<storage, read_write> matches: array<u32>;
@group(0) @binding(2) var<storage, read_write> norm: array<u32>;
@group(0) @binding(3) var<storage, read_write> clock: array<u32>;
@group(0) @binding(4) var<storage, read_write> ring: array<u32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) local: u32) {
  if (local >= params.count) { return; }
  let slot = (clock[0] % params.ring_length) * 4u;
  ring[slot] = loss[0];
  ring[slot + 1u] = matches[0];
  ring[slot + 2u] = norm[0];
  ring[slot + 3u] = clock[0];
  clock[0] = clock[0] + 1u;
}
