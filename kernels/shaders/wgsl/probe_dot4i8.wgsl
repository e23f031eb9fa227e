requires packed_4x8_integer_dot_product;
// Probe: result[i] = a chain of packed 4-byte dot products, 64 operations an invocation and iteration
// (8 chains, 4 multiplies and 4 adds each). The INT8 arithmetic ceiling.
// Shapes: result count. Twin: src/cpu/probe_dot4i8.rs
struct Params { count: u32, iterations: u32, seed: u32 }
@group(0) @binding(0) var<storage, read_write> result: array<i32>;
@group(0) @binding(1) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  if (gid.x >= params.count) { return; }
  let s = params.seed ^ gid.x;
  var a = 0; var b = 1; var c = 2; var d = 3;
  var e = 4; var f = 5; var g = 6; var h = 7;
  for (var i = 0u; i < params.iterations; i++) {
    a += dot4I8Packed(s, bitcast<u32>(b)); b += dot4I8Packed(s, bitcast<u32>(c));
    c += dot4I8Packed(s, bitcast<u32>(d)); d += dot4I8Packed(s, bitcast<u32>(e));
    e += dot4I8Packed(s, bitcast<u32>(f)); f += dot4I8Packed(s, bitcast<u32>(g));
    g += dot4I8Packed(s, bitcast<u32>(h)); h += dot4I8Packed(s, bitcast<u32>(a));
  }
  result[gid.x] = a ^ b ^ c ^ d ^ e ^ f ^ g ^ h;
}
