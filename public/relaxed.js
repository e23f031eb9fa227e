// Which of the two compute modules this browser takes: browsers without relaxed SIMD refuse this module of one function
// that multiplies and adds four floats at once, and get the module without such functions.
const probe = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0, 65, 0, 253, 17, 65, 0, 253, 17, 65, 0, 253, 17, 253, 133, 2, 11);
export const fused = WebAssembly.validate(probe);
export const moduleName = fused ? 'compute-worker_bg.wasm' : 'compute-worker_baseline.wasm';
