// Starts the compute worker. Its address carries the build id, and hands it on to the two files that carry no
// hash in their names, so that a cached worker never meets a newer page.
const version = self.location.search;
const waiting = [];
self.onmessage = (event) => waiting.push(event);

const tell = (error) => self.postMessage(['trap', String((error && error.message) || error)]);
self.addEventListener('unhandledrejection', (event) => tell(event.reason));

// Where these throw (no memory for a buffer, say), the module would stop. The device is given up instead, and what was
// asked for is made on a lost device, as browsers do: the run then recovers as from any loss.
for (const name of ['createBuffer', 'createComputePipeline']) {
  const { prototype } = self.GPUDevice ?? {};
  const make = prototype?.[name];
  if (!make) continue;
  prototype[name] = function (descriptor) {
    try {
      return make.call(this, descriptor);
    } catch {
      this.destroy();
      return make.call(this, descriptor);
    }
  };
}

// Runs are kept through this; loaded when it is first needed.
self.openRunStore = async () => (await import(new URL(`./run-store.js${version}`, self.location.href).href)).openStore();

try {
  const { fused, moduleName } = await import(new URL(`./relaxed.js${version}`, self.location.href).href);
  const module = await import(new URL(`./compute-worker.js${version}`, self.location.href).href);
  await module.default({ module_or_path: new URL(`./${moduleName}${version}`, self.location.href) });
  module.useFused(fused);
  // The worker has put its own handler in place; it gets what came before.
  for (const event of waiting) {
    self.onmessage(event);
  }
} catch (error) {
  tell(error);
}
