enable f16;
// Probe: result[i] = a chain of fused multiply-adds, 64 operations an invocation and iteration
// (8 chains of 4 lanes, multiply and add). Nothing but registers inside the loop: the arithmetic ceiling.
// Shapes: result count; y of the dispatch is 1. Twin: src/cpu/probe_fma_f16.rs
struct Params { count: u32, iterations: u32, scale: f32 }
@group(0) @binding(0) var<storage, read_write> result: array<f32>;
@group(0) @binding(1) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  if (gid.x >= params.count) { return; }
  let s = vec4<f16>(f16(params.scale));
  let t = vec4<f16>(f16(f32(gid.x & 7u) * 0.125));
  var a = t; var b = t + s; var c = t - s; var d = t * s;
  var e = s; var f = s + s; var g = s - t; var h = s * s;
  for (var i = 0u; i < params.iterations; i++) {
    a = fma(a, s, t); b = fma(b, s, t); c = fma(c, s, t); d = fma(d, s, t);
    e = fma(e, s, t); f = fma(f, s, t); g = fma(g, s, t); h = fma(h, s, t);
  }
  let sum = ((a + b) + (c + d)) + ((e + f) + (g + h));
  result[gid.x] = f32(sum.x + sum.y + sum.z + sum.w);
}
