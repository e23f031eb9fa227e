// Benchmarks of the engine: `window.bench` is the contract of the comparison with other engines (peerbench), and the
// page itself serves whoever opens it without that harness. Nothing runs before it is asked for.
const version = new URL(import.meta.url).search;
const beside = (file) => new URL(`./${file}${version}`, import.meta.url);
const asked = new URLSearchParams(location.search).get('backend');

// ---- the engine

// In this page and not in a worker: see app/workers/compute/src/bench.rs.
async function load() {
  const [engine, { fused, moduleName }] = await Promise.all(
    ['compute-worker.js', 'relaxed.js'].map((file) => import(beside(file).href)),
  );
  await engine.default({ module_or_path: beside(moduleName) });
  engine.useFused(fused);
  return engine;
}
let module;
const backends = {};
const open = (backend) => {
  module ??= load();
  backends[backend] ??= module.then((engine) => engine.Bench.open(backend));
  return backends[backend];
};

// ---- the workloads, for a job of the harness or of this page

const words = (values) => new Uint32Array(values.buffer, values.byteOffset, values.length);
const counts = (...sizes) => Uint32Array.from(sizes);

async function products(backend, job, sizes, lhs, rhs) {
  const engine = await open(backend);
  const ready = await engine.products(sizes, job.params.chain ?? 1, lhs, rhs, true);
  return job.bench(() => ready.run(), () => ready.output());
}
function matmul(backend, job) {
  const { n } = job.params;
  const { a, b } = job.data();
  return products(backend, job, counts(n, n, n), a, b);
}
function matvec(backend, job) {
  const { n } = job.params;
  const { w, x } = job.data();
  return products(backend, job, counts(n, n, 1), w, x);
}

const LAYER = ['g1', 'b1', 'wqkv', 'bqkv', 'wo', 'bo', 'g2', 'b2', 'w1', 'c1', 'w2', 'c2'];
const inOrder = (params) =>
  Array.isArray(params)
    ? params
    : [params.wte, params.wpe, ...params.layers.flatMap((layer) => LAYER.map((name) => layer[name])), params.gf, params.bf, params.head];

function joined(parts) {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.data.length, 0));
  let at = 0;
  for (const { data } of parts) {
    all.set(data, at);
    at += data.length;
  }
  return all;
}
async function train(backend, job, sizes) {
  const engine = await open(backend);
  const { params, batches } = job.data();
  const { lr, wd = 0, stepsPerRun } = job.params;
  const weights = joined(inOrder(params));
  const pairs = batches.map(({ x, y }) => [words(x), words(y)]);
  const run = await engine.training(job.family, sizes, lr, wd, weights, pairs);
  const losses = [];
  // One by one: on a slow adapter five steps and the compilation of all kernels take longer than a read-back may.
  while (losses.length < 5) losses.push(...(await run.steps(1)));
  return job.bench(() => run.steps(stepsPerRun), losses);
}
const IMPLEMENTED = {
  'matmul-256': matmul,
  'matmul-512': matmul,
  'matmul-1024': matmul,
  'matmul-2048': matmul,
  'matmul-256-chain': matmul,
  'matvec-4096': matvec,
  'train-mlp': (backend, job) => train(backend, job, counts(job.params.batch, ...job.params.sizes)),
  'train-cnn': (backend, job) => train(backend, job, counts(job.params.batch)),
  'train-gpt': (backend, job) => {
    const { B, L, D, H, T, V } = job.params;
    return train(backend, job, counts(B, L, D, H, T, V));
  },
};

// ---- the contract

const adapter = async () => {
  const found = await navigator.gpu?.requestAdapter();
  const { vendor = '', architecture = '', description = '', device = '' } = found?.info ?? {};
  return found ? [vendor, architecture, description || device].filter(Boolean).join(' ') || 'an adapter without a name' : null;
};
if (asked) {
  const functions = Object.entries(IMPLEMENTED).map(([name, run]) => [name, (job) => run(asked, job)]);
  window.bench = open(asked).then(() => Object.fromEntries(functions));
  window.benchInfo = (async () => {
    await open(asked);
    const build = (await module).build_id();
    return { backend: asked, build, threads: 1, adapter: asked === 'webgpu' ? await adapter() : undefined };
  })();
  // Told to whoever awaits the contract's promises; nobody else needs to hear.
  window.benchInfo.catch(() => {});
}

// ---- the page

const byId = (id) => document.getElementById(id);
const element = (name, text = '', attributes = {}) => {
  const made = Object.assign(document.createElement(name), { textContent: text });
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  return made;
};

/** Runs one workload by the rules of the kit. */
async function measured(kit, backend, name) {
  const workload = kit.workloads[name];
  const job = {
    ...workload,
    family: name,
    bench: async (run, out) => {
      const { samples_ms, first_ms } = await kit.measure(run, workload.timing);
      const result = typeof out === 'function' ? await out() : out;
      return { value: workload.work / (kit.median(samples_ms) / 1e3), runs: samples_ms.length, first_ms, result };
    },
  };
  const measurement = await IMPLEMENTED[name](backend, job);
  return { ...measurement, ...kit.errorOf(workload, measurement.result) };
}

function show(place, workload, { value, runs, first_ms, result, error, tolerance }) {
  const isRight = error <= tolerance;
  const number = Number(value.toPrecision(3)).toLocaleString('en');
  const verdict = isRight ? `checked, error ${error.toExponential(1)}` : `WRONG, error ${error.toExponential(1)}`;
  place.replaceChildren(
    element('span', `${number} ${workload.unit}`, { class: 'value' }),
    element('span', `first run ${first_ms.toFixed(1)} ms, ${runs} timed`, { class: 'detail' }),
    element('span', verdict, { class: isRight ? 'detail' : 'detail wrong' }),
  );
  if (workload.losses) {
    const losses = result.map((loss) => loss.toFixed(5)).join(', ');
    place.append(element('span', `first losses ${losses}`, { class: 'detail' }));
  }
}

async function page() {
  const kit = await import(beside('bench-kit.js').href);
  const buttons = [];
  // One at a time: two measurements would measure each other.
  const alone = async (work) => {
    const all = [...buttons.map(([button]) => button), ...document.querySelectorAll('[data-all]')];
    all.forEach((button) => { button.disabled = true; });
    await work().catch(() => {});
    all.forEach((button) => { button.disabled = false; });
  };
  for (const [name, workload] of Object.entries(kit.workloads)) {
    const row = element('tr');
    const heading = element('th', workload.title, { scope: 'row' });
    heading.append(element('code', name));
    row.append(heading);
    for (const [backend, title] of [['wasm', 'WebAssembly'], ['webgpu', 'WebGPU']]) {
      const button = element('button', 'Run', { type: 'button', 'data-testid': `run-${backend}-${name}`, 'aria-label': `Run ${name} on ${title}` });
      const place = element('div', '', { role: 'status', 'data-testid': `result-${backend}-${name}` });
      const run = async () => {
        place.replaceChildren('Running');
        // The word is painted before the work takes the page.
        await new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve)); });
        try {
          show(place, workload, await measured(kit, backend, name));
        } catch (error) {
          place.replaceChildren(element('span', `Stopped: ${(error && error.message) || error}`, { class: 'wrong' }));
          throw error;
        }
      };
      button.addEventListener('click', () => alone(run));
      buttons.push([button, backend, run]);
      const cell = element('td');
      cell.append(button, place);
      row.append(cell);
    }
    byId('workloads').append(row);
  }
  for (const button of document.querySelectorAll('[data-all]')) {
    const all = async () => {
      for (const [, backend, run] of buttons) {
        if (backend === button.dataset.all) await run();
      }
    };
    button.addEventListener('click', () => alone(all));
  }
  import(beside('report-kit.js').href).then(({ navigation }) => navigation());
  const name = await adapter().catch(() => null);
  byId('machine').textContent = `GPU adapter: ${name ?? 'none in this browser'}. Logical processors: ${navigator.hardwareConcurrency}. Build ${version.slice(3) || 'unknown'}.`;
}

page().catch((error) => {
  const place = byId('problem');
  place.hidden = false;
  place.textContent = `The page could not start (${(error && error.message) || error}). Reload it.`;
});
