// The shortest way from an address to the first 256x256 product: no page, no probe, no tuning. `window.coldDone` is
// the contract of the comparison with other engines.
const version = new URL(import.meta.url).search;
const isGpu = new URLSearchParams(location.search).get('backend') === 'webgpu';

// Everything that can start at once does: the modules, which the page has asked for already, the WASM, and the
// browser's GPU process.
const relaxed = import(`./relaxed.js${version}`);
const wasm = relaxed.then(({ moduleName }) => fetch(new URL(`./${moduleName}${version}`, import.meta.url)));
const glue = import(`./compute-worker.js${version}`);
const kit = import(`./bench-kit.js${version}`);
if (isGpu) {
  // The engine asks again for an adapter of its own; this wakes what is slow to wake.
  navigator.gpu?.requestAdapter();
}

async function first() {
  const marks = {};
  const mark = (name) => { marks[name] = performance.now(); };
  const n = 256;
  const { uniform, fingerprint } = await kit;
  const [a, b] = [uniform(11, n * n), uniform(12, n * n)];
  mark('data');
  const engine = await glue;
  await engine.default({ module_or_path: wasm });
  engine.useFused((await relaxed).fused);
  mark('module');
  let product;
  if (isGpu) {
    const gpu = await engine.Bench.open('webgpu');
    mark('device');
    const products = await gpu.products(Uint32Array.of(n, n, n), 1, a, b, false);
    mark('pipeline');
    await products.run();
    product = await products.output();
  } else {
    product = engine.product(a, b, n, n, n);
  }
  const t = performance.now();
  return { t, checksum: fingerprint(product), marks };
}

window.coldDone = first();
const place = document.getElementById('result');
window.coldDone.then(
  ({ t }) => { place.textContent = `First product after ${t.toFixed(0)} ms`; },
  (error) => { place.textContent = String((error && error.message) || error); },
);
