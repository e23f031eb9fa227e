// x_grad = scale * (g - mean(g) - y * mean(g * y)), y = (x - mean) * scale, scale = 1 / sqrt(variance + epsilon)
// center = 0 leaves out both means (RMSNorm). Shapes: x, g and x_grad count x columns.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/normalize_grad.rs
struct Params { count: u32, columns: u32, center: u32, epsilon: f32 }
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> g: array<f32>;
@group(0) @binding(2) var<storage, read_write> x_grad: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let base = index * params.columns;
  let columns = f32(params.columns);
  var mean = 0.0;
  if (params.center == 1u) {
    for (var c = 0u; c < params.columns; c++) {
      mean += x[base + c];
    }
    mean = mean / columns;
  }
  var variance = 0.0;
  for (var c = 0u; c < params.columns; c++) {
    let distance = x[base + c] - mean;
    variance += distance * distance;
  }
  let scale = inverseSqrt(variance / columns + params.epsilon);
  var g_mean = 0.0;
  var product_mean = 0.0;
  for (var c = 0u; c < params.columns; c++) {
    g_mean += g[base + c];
    product_mean += g[base + c] * ((x[base + c] - mean) * scale);
  }
  g_mean = select(0.0, g_mean / columns, params.center == 1u);
  product_mean = product_mean / columns;
  for (var c = 0u; c < params.columns; c++) {
    let normal = (x[base + c] - mean) * scale;
    x_grad[base + c] = scale * (g[base + c] - g_mean - normal * product_mean);
  }
}
