// Which of the two compute modules this browser takes: the one whose products multiply and add in one instruction
// (relaxed SIMD) where the browser accepts this module of one such function, else the plain one.
const probe = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0, 65, 0, 253, 17, 65, 0, 253, 17, 65, 0, 253, 17, 253, 133, 2, 11);
export const fused = WebAssembly.validate(probe);
export const moduleName = fused ? 'compute-worker_relaxed.wasm' : 'compute-worker_bg.wasm';
