// The benchmark pages: a visitor measures and is told that the result is right; the contract of the comparison with
// other engines stands; the cold start ends with the right product.
import { expect, test } from "../lib/fixtures.js";

// Computed in float64 by another program: "matmul-256" and "train-mlp" of peerbench's kit/refs.json. Of the product
// these are the projection on random signs, the root mean square and the first four of its sixteen probes.
const PRODUCT = [-3.3830638, 5.3021435, -3.8386903, -6.8606489, -2.2917999, -0.9424341];
const LOSSES = [2.3106802, 2.2568408, 2.1991226, 2.1659785, 2.0795998];

const expectClose = (values, known, tolerance) => {
  expect(values.length).toBeGreaterThanOrEqual(known.length);
  known.forEach((value, index) => expect(Math.abs(values[index] - value)).toBeLessThanOrEqual(tolerance));
};

test.use({ mode: "cpu" });

test("a visitor measures a product and a training run, and both are checked", async ({ app: { page, site } }) => {
  await page.goto(site.url + "bench.html");
  await expect(page.getByTestId("machine")).toContainText("none in this browser");
  for (const [name, unit] of [["matmul-256", "GFLOP/s"], ["train-mlp", "steps/s"]]) {
    await page.getByTestId(`run-wasm-${name}`).click();
    await expect(page.getByTestId(`result-wasm-${name}`)).toContainText("checked", { timeout: 60_000 });
    await expect(page.getByTestId(`result-wasm-${name}`)).toContainText(new RegExp(`\\d ${unit}.*first run [\\d.]+ ms`));
  }
  const text = await page.getByTestId("result-wasm-train-mlp").textContent();
  expectClose(text.match(/first losses (.*)$/)[1].split(", ").map(Number), LOSSES, 2e-3);
  await page.getByTestId("run-webgpu-matmul-256").click();
  await expect(page.getByTestId("result-webgpu-matmul-256")).toContainText("no GPU adapter");
  await expect(page.getByTestId("run-webgpu-matmul-256")).toBeEnabled();
});

test("a harness finds the workloads of the contract, with inputs of its own", async ({ app: { page, site } }) => {
  await page.goto(`${site.url}bench.html?backend=wasm&threads=1`);
  const { names, info, product, losses } = await page.evaluate(async () => {
    const functions = await window.bench;
    const kit = await import(new URL("bench-kit.js", document.baseURI).href);
    const once = async (name) => {
      const bench = async (run, out) => {
        await run();
        return typeof out === "function" ? kit.fingerprint(await out()) : out;
      };
      return functions[name]({ ...kit.workloads[name], family: name, bench });
    };
    return {
      names: Object.keys(functions),
      info: await window.benchInfo,
      product: await once("matmul-256"),
      losses: await once("train-mlp"),
    };
  });
  const sizes = [256, 512, 1024, 2048].map((n) => `matmul-${n}`);
  expect(names).toEqual([...sizes, "matmul-256-chain", "matvec-4096", "train-mlp", "train-cnn", "train-gpt"]);
  expect(info).toMatchObject({ backend: "wasm", threads: 1 });
  expectClose(product, PRODUCT, 1e-4 * PRODUCT[1]);
  expectClose(losses, LOSSES, 2e-3);
});

test("the cold start ends with the right product", async ({ app: { page, site } }) => {
  await page.goto(`${site.url}cold.html?backend=wasm`);
  const { t, checksum } = await page.evaluate(() => window.coldDone);
  expect(t).toBeGreaterThan(0);
  expectClose(checksum, PRODUCT, 1e-4 * PRODUCT[1]);
  const asked = site.requests.map(({ path }) => path.split("/").pop());
  expect(asked.filter((name) => !/^(cold\.(html|js)|bench-kit\.js|relaxed\.js|compute-worker(\.js|_(bg|relaxed)\.wasm))$/.test(name))).toEqual([]);
});
