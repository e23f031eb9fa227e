// A GPT of 0.9 million parameters learns in the browser as it does in PyTorch, on WASM and on WebGPU.
import { readFile } from "node:fs/promises";
import { expect, test } from "../lib/fixtures.js";

const known = JSON.parse(await readFile(new URL("../../whole_model/gpt.json", import.meta.url), "utf8"));
const TOLERANCE = 1e-3;

/** The losses of the job of gpt.json in the page; weights and batches are drawn as gpt_curve.py draws them. */
async function losses(page, backend, spec) {
  return page.evaluate(async ({ backend, spec }) => {
    const { losses, ...sizes } = spec;
    const kit = await import(new URL("bench-kit.js", document.baseURI).href);
    const module = await import(new URL("compute-worker.js", document.baseURI).href);
    await module.default({ module_or_path: new URL("compute-worker_bg.wasm", document.baseURI) });
    const corpus = new Uint8Array(await (await fetch("corpus/stories-and-explanations.txt")).arrayBuffer());
    const share = (seed, index) => (kit.u32(seed, index) >>> 8) / 16777216;
    const parts = [];
    let drawn = 0;
    const part = (count, of) => {
      parts.push(Float32Array.from({ length: count }, (_, index) => of(drawn + index)));
      drawn += count;
    };
    const uniform = (count, bound) => part(count, (index) => Math.fround(2 * share(sizes.weightSeed, index) - 1) * Math.fround(bound));
    const constant = (count, value) => part(count, () => value);
    const d = sizes.width;
    const norm = () => { constant(d, 1); constant(d, 0); };
    const linear = (inputs, outputs) => { uniform(inputs * outputs, inputs ** -0.5); constant(outputs, 0); };
    uniform(sizes.vocabulary * d, 0.05);
    uniform(sizes.length * d, 0.05);
    for (let block = 0; block < sizes.layers; block++) {
      norm();
      linear(d, 3 * d);
      linear(d, d);
      norm();
      linear(d, 4 * d);
      linear(4 * d, d);
    }
    norm();
    uniform(d * sizes.vocabulary, d ** -0.5);
    const weights = new Float32Array(drawn);
    parts.reduce((at, values) => { weights.set(values, at); return at + values.length; }, 0);
    const room = corpus.length - sizes.length - 1;
    const batches = Array.from({ length: sizes.batches }, (_, step) => {
      const rows = Array.from({ length: sizes.batch }, (_, row) => Math.floor(share(sizes.batchSeed, step * sizes.batch + row) * room));
      const words = (shift) => Uint32Array.from(rows.flatMap((start) => [...corpus.subarray(start + shift, start + shift + sizes.length)]));
      return [words(0), words(1)];
    });
    const bench = await module.Bench.open(backend);
    const run = await bench.training("train-gpt", Uint32Array.of(sizes.batch, sizes.layers, d, sizes.heads, sizes.length, sizes.vocabulary), sizes.learningRate, 0, weights, batches);
    const found = [];
    while (found.length < losses.length) found.push(...await run.steps(10));
    return found;
  }, { backend, spec });
}

function expectCurve(found) {
  expect(found.length).toBe(known.losses.length);
  const apart = Math.max(...found.map((loss, step) => Math.abs(loss - known.losses[step])));
  expect(apart).toBeLessThanOrEqual(TOLERANCE);
}

test.describe("without a GPU", () => {
  test.use({ mode: "cpu" });
  test("the loss curve of a GPT on WASM is PyTorch's", async ({ app: { page, site } }) => {
    test.setTimeout(180_000);
    await page.goto(site.url + "bench.html");
    expectCurve(await losses(page, "wasm", known));
  });
});

test.describe("with WebGPU", () => {
  test.use({ mode: "gpu" });
  test("the loss curve of a GPT on WebGPU is PyTorch's", async ({ app: { page, site } }) => {
    test.setTimeout(420_000);
    await page.goto(site.url + "bench.html");
    expectCurve(await losses(page, "webgpu", known));
  });
});
