// Starts the compute worker. Its address carries the build id, and hands it on to the two files that carry no
// hash in their names, so that a cached worker never meets a newer page.
const version = self.location.search;
const waiting = [];
self.onmessage = (event) => waiting.push(event);

const tell = (error) => self.postMessage(['trap', String((error && error.message) || error)]);
self.addEventListener('unhandledrejection', (event) => tell(event.reason));

// A module of one function that multiplies and adds four floats at once: browsers without relaxed SIMD refuse it, and
// get the worker without such functions.
const probe = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0, 65, 0, 253, 17, 65, 0, 253, 17, 65, 0, 253, 17, 253, 133, 2, 11);
const fused = WebAssembly.validate(probe);

try {
  const module = await import(new URL(`./compute-worker.js${version}`, self.location.href).href);
  await module.default({ module_or_path: new URL(`./compute-worker_${fused ? 'bg' : 'baseline'}.wasm${version}`, self.location.href) });
  module.useFused(fused);
  // The worker has put its own handler in place; it gets what came before.
  for (const event of waiting) {
    self.onmessage(event);
  }
} catch (error) {
  tell(error);
}
