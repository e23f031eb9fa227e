// A long run takes no more memory than a short one: GPU bytes stay as they are, and the module's heap hardly grows.
//
// `SOAK=1 npx playwright test memory` runs ten thousand steps instead of two thousand.
import { readFile } from "node:fs/promises";
import { expect, test } from "../lib/fixtures.js";
import { openTraining, result, untilStep } from "../lib/app.js";
import { DIST } from "../lib/server.js";

test.use({ mode: "gpu", ownBrowser: true });

const EPOCHS = process.env.SOAK ? 65 : 14;

/** Lines before the worker that count the bytes of buffers and reach the module's memory. */
const prelude = `(${() => {
  const count = (self.count = { bytes: 0, peak: 0, buffers: 0 });
  const sizes = new WeakMap();
  const createBuffer = GPUDevice.prototype.createBuffer;
  GPUDevice.prototype.createBuffer = function (descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    sizes.set(buffer, descriptor.size);
    count.bytes += descriptor.size;
    count.buffers += 1;
    count.peak = Math.max(count.peak, count.bytes);
    return buffer;
  };
  const destroy = GPUBuffer.prototype.destroy;
  GPUBuffer.prototype.destroy = function () {
    count.bytes -= sizes.get(this) ?? 0;
    sizes.delete(this);
    return destroy.call(this);
  };
  const instantiateStreaming = WebAssembly.instantiateStreaming;
  WebAssembly.instantiateStreaming = async (...options) => {
    const made = await instantiateStreaming(...options);
    self.heap = () => made.instance.exports.memory.buffer.byteLength;
    return made;
  };
}})();\n`;

test("two thousand steps and more change neither the GPU's bytes nor the heap", async ({ app }) => {
  test.setTimeout(process.env.SOAK ? 1_200_000 : 240_000);
  app.site.replaced["compute-loader.js"] = prelude + (await readFile(`${DIST}/compute-loader.js`, "utf8"));
  await openTraining(app, { "model.kind": "mlp", "model.width": 16, "run.epochs": EPOCHS, "run.backend": "gpu" });
  await app.page.getByTestId("train-start").click();
  // Past the first evaluation, which has buffers of its own for a moment.
  await untilStep(app.page, 200);
  const look = () => app.page.workers()[0].evaluate(() => ({ ...self.count, heap: self.heap() }));
  const early = await look();
  await result(app.page, { timeout: 1_000_000 });
  const late = await look();
  expect(early.bytes).toBeGreaterThan(0);
  expect(late.peak).toBe(early.peak);
  expect(late.bytes).toBeLessThanOrEqual(early.bytes);
  expect(late.heap - early.heap).toBeLessThanOrEqual(5 * 2 ** 20);
});
