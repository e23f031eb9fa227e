// Starts the planner worker. Its address carries the build id, and hands it on to the two files that carry no hash in
// their names, so that a cached worker never meets a newer page.
const version = self.location.search;
const waiting = [];
self.onmessage = (event) => waiting.push(event);

const tell = (error) => self.postMessage([-1, 'trap', String((error && error.message) || error)]);
self.addEventListener('unhandledrejection', (event) => tell(event.reason));

try {
  const module = await import(new URL(`./planner-worker.js${version}`, self.location.href).href);
  await module.default({ module_or_path: new URL(`./planner-worker_bg.wasm${version}`, self.location.href) });
  // The worker has put its own handler in place; it gets what came before.
  for (const event of waiting) self.onmessage(event);
} catch (error) {
  tell(error);
}
