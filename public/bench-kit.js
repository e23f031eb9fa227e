// Data, timing rules and checks of the workloads, for whoever opens bench.html without the harness of the comparison.
// The same definitions as peerbench's kit/kit.mjs and kit/workloads.mjs, so that both give the same numbers.

// Counter-based mulberry32: element i depends on the seed and on i only.
export function u32(seed, i) {
  const a = (seed + Math.imul(i + 1, 0x6d2b79f5)) | 0;
  let t = Math.imul(a ^ (a >>> 15), 1 | a);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return (t ^ (t >>> 14)) >>> 0;
}

const share = (seed, i) => (u32(seed, i) >>> 8) / 16777216;

/** n values in [low, high). */
export function uniform(seed, n, low = -1, high = 1) {
  const values = new Float32Array(n);
  for (let i = 0; i < n; i++) values[i] = low + (high - low) * share(seed, i);
  return values;
}

const below = (seed, n, limit) => Int32Array.from({ length: n }, (_, i) => Math.floor(share(seed, i) * limit));

/** A projection on random signs, the root mean square, and 16 elements. */
export function fingerprint(values) {
  const n = values.length;
  let [dot, squares] = [0, 0];
  for (let i = 0; i < n; i++) {
    dot += u32(777, i) & 1 ? values[i] : -values[i];
    squares += values[i] * values[i];
  }
  const probes = Array.from({ length: 16 }, (_, k) => values[u32(778, k) % n]);
  return [dot / Math.sqrt(n), Math.sqrt(squares / n), ...probes];
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const LIMITS = { warmRuns: 3, warmMs: 600, warmCapMs: 8000, minRuns: 7, minMs: 1500, maxRuns: 200, capMs: 150000 };

// Between runs and outside their times: the page shows what it has to say and hears clicks.
const breathe = () => new Promise((resolve) => { setTimeout(resolve); });

/** First run, warm-up, timed runs: the harness's rules. */
export async function measure(run, timing = {}) {
  const limits = { ...LIMITS, ...timing };
  const timed = async () => {
    const begin = performance.now();
    await run();
    return performance.now() - begin;
  };
  const start = performance.now();
  const first_ms = await timed();
  const spent = (since) => performance.now() - since;
  for (let runs = 1; (runs < limits.warmRuns || spent(start) < limits.warmMs) && spent(start) < limits.warmCapMs; runs++) {
    await timed();
    await breathe();
  }
  const samples_ms = [];
  const begin = performance.now();
  const isEnough = () =>
    samples_ms.length >= limits.maxRuns ||
    (samples_ms.length >= limits.minRuns && spent(begin) >= limits.minMs) ||
    (samples_ms.length >= 3 && spent(begin) >= limits.capMs);
  while (!isEnough()) {
    samples_ms.push(await timed());
    await breathe();
  }
  return { samples_ms, first_ms };
}

// ---- data

const linear = (seed, inputs, outputs) => ({ data: uniform(seed, inputs * outputs, -1 / Math.sqrt(inputs), 1 / Math.sqrt(inputs)) });
const zeros = (n) => ({ data: new Float32Array(n) });
const ones = (n) => ({ data: new Float32Array(n).fill(1) });

/** Batches of images: one of ten patterns plus noise, and which one. */
function imageBatches(seed, batch) {
  const pixels = 784;
  const patterns = uniform(seed, 10 * pixels, 0, 0.5);
  return Array.from({ length: 8 }, (_, s) => {
    const y = below(seed + 100 + s, batch, 10);
    const x = uniform(seed + 200 + s, batch * pixels, 0, 0.5);
    x.forEach((_, i) => { x[i] += patterns[y[Math.floor(i / pixels)] * pixels + (i % pixels)]; });
    return { x, y };
  });
}

const GPT = { L: 4, D: 128, H: 4, T: 128, V: 96, B: 8 };

function gptParams() {
  const { L, D, T, V } = GPT;
  let seed = 500;
  const table = (rows) => ({ data: uniform(seed++, rows * D, -0.05, 0.05) });
  const dense = (inputs, outputs) => linear(seed++, inputs, outputs);
  const params = { wte: table(V), wpe: table(T), layers: [] };
  for (let l = 0; l < L; l++) {
    params.layers.push({
      g1: ones(D), b1: zeros(D), wqkv: dense(D, 3 * D), bqkv: zeros(3 * D), wo: dense(D, D), bo: zeros(D),
      g2: ones(D), b2: zeros(D), w1: dense(D, 4 * D), c1: zeros(4 * D), w2: dense(4 * D, D), c2: zeros(D),
    });
  }
  return { ...params, gf: ones(D), bf: zeros(D), head: dense(D, V) };
}

/** Tokens where the next is 7 token + 3, but for one in eight. */
function tokenBatch(seed) {
  const { B, T, V } = GPT;
  const [x, y] = [new Int32Array(B * T), new Int32Array(B * T)];
  for (let row = 0; row < B; row++) {
    let token = u32(seed, row) % V;
    for (let i = row * T; i < (row + 1) * T; i++) {
      const random = u32(seed + 1, i);
      x[i] = token;
      token = y[i] = (random & 7) === 0 ? (random >>> 8) % V : (7 * token + 3) % V;
    }
  }
  return { x, y };
}

// ---- the workloads, and what is known of their results

const matmul = (n) => ({
  title: `Product of two ${n} x ${n} matrices`, unit: 'GFLOP/s', work: (2 * n ** 3) / 1e9, params: { n }, tolerance: 1e-4,
  data: () => ({ a: uniform(11, n * n), b: uniform(12, n * n) }),
});
const side = Math.sqrt(3 / 256);

/** Losses are those of the first five steps, computed in float64 (peerbench, kit/refs.json). */
export const workloads = {
  'matmul-256': matmul(256),
  'matmul-512': matmul(512),
  'matmul-1024': matmul(1024),
  'matmul-2048': matmul(2048),
  'matmul-256-chain': {
    title: '32 products, each of the one before, 256 x 256', unit: 'GFLOP/s', work: (32 * 2 * 256 ** 3) / 1e9,
    params: { n: 256, chain: 32 }, tolerance: 1e-3,
    data: () => ({ a: uniform(13, 256 * 256, -side, side), b: uniform(12, 256 * 256) }),
  },
  'matvec-4096': {
    title: '4096 x 4096 matrix times a vector', unit: 'GB/s', work: (4096 * 4096 * 4) / 1e9, params: { n: 4096 }, tolerance: 1e-4,
    data: () => ({ w: uniform(21, 4096 * 4096), x: uniform(22, 4096) }),
  },
  'train-mlp': {
    title: 'Training of a 784-256-128-10 network, batch 128, Adam', unit: 'steps/s', work: 10,
    params: { batch: 128, sizes: [784, 256, 128, 10], lr: 1e-3, stepsPerRun: 10 },
    losses: [2.3106802, 2.2568408, 2.1991226, 2.1659785, 2.0795998],
    data: () => ({
      params: [linear(301, 784, 256), zeros(256), linear(302, 256, 128), zeros(128), linear(303, 128, 10), zeros(10)],
      batches: imageBatches(3000, 128),
    }),
  },
  'train-cnn': {
    title: 'Training of a network of two convolutions, batch 64, Adam', unit: 'steps/s', work: 5,
    params: { batch: 64, lr: 1e-3, stepsPerRun: 5 },
    losses: [2.3129425, 2.3070015, 2.340742, 2.3093015, 2.3028369],
    data: () => ({
      params: [linear(401, 9, 16), zeros(16), linear(402, 9 * 16, 32), zeros(32), linear(403, 1568, 10), zeros(10)],
      batches: imageBatches(4000, 64),
    }),
  },
  'train-gpt': {
    title: 'Training of a 4-layer transformer, width 128, 8 x 128 tokens, AdamW', unit: 'tokens/s', work: GPT.B * GPT.T,
    params: { ...GPT, lr: 1e-3, wd: 0.01, stepsPerRun: 1 }, timing: { minMs: 3000 },
    losses: [4.7298259, 4.6366753, 4.6551791, 4.5677802, 4.4155782],
    data: () => ({ params: gptParams(), batches: Array.from({ length: 8 }, (_, s) => tokenBatch(6000 + 10 * s)) }),
  },
};

/** Largest error of a result: of losses relative to the known ones, of a product relative to its root mean square. */
export function errorOf(workload, result) {
  if (workload.losses) {
    const errors = workload.losses.map((known, step) => Math.abs(result[step] - known) / known);
    return { error: Math.max(...errors), tolerance: 2e-3 };
  }
  const { n, chain = 1 } = workload.params;
  const { a, b, w = a, x = b } = workload.data();
  const columns = x.length / n;
  let [worst, squares] = [0, 0];
  // Each column of a chain of products follows from the same column of the first right side, here in float64.
  for (const column of new Set([0, 1, 2, 3].map((k) => u32(778, k) % columns))) {
    let vector = Float64Array.from({ length: n }, (_, row) => x[row * columns + column]);
    for (let product = 0; product < chain; product++) {
      vector = Float64Array.from(vector, (_, row) => vector.reduce((sum, value, k) => sum + w[row * n + k] * value, 0));
    }
    vector.forEach((value, row) => {
      squares = Math.max(squares, value * value);
      worst = Math.max(worst, Math.abs(value - result[row * columns + column]));
    });
  }
  const rms = Math.sqrt(result.reduce((sum, value) => sum + value * value, 0) / result.length);
  return { error: squares > 0 && rms > 0 ? worst / rms : Infinity, tolerance: workload.tolerance };
}
