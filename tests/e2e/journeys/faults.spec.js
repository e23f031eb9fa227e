// A GPU call that fails: the run recovers, or says what happened and what to do, and the page lives on.
//
// A run makes some 450 calls that can fail. Here a few of each kind fail; `FAULTS=all npx playwright test faults` lets
// each of them fail once, which takes more than an hour. `FAULTS=soak` destroys the device a hundred times.
import { readFile } from "node:fs/promises";
import { expect, test } from "../lib/fixtures.js";
import { openTraining, result, train, untilStep } from "../lib/app.js";
import { DIST } from "../lib/server.js";

test.use({ mode: "gpu", ownBrowser: true });

const SETTINGS = { "model.kind": "mlp", "model.width": 16, "run.epochs": 1, "run.backend": "gpu" };
const KINDS = ["createBuffer throws", "createBuffer is refused", "createComputePipeline throws", "createComputePipeline is refused", "mapAsync rejects"];
const CALLS = ["createBuffer", "createComputePipeline", "mapAsync"];

/** Lines before the worker that count calls, and let call number `n` of a kind fail. */
function prelude(kind, n) {
  const inject = (kind, n) => {
    const [name, way] = kind.split(" ");
    const counts = (self.counts = { createBuffer: 0, createComputePipeline: 0, mapAsync: 0 });
    const wrong = { createBuffer: (d) => ({ ...d, mappedAtCreation: false, size: 2 ** 44 }), createComputePipeline: (d) => ({ ...d, compute: { ...d.compute, entryPoint: "missing" } }) };
    for (const [prototype, call] of [[GPUDevice.prototype, "createBuffer"], [GPUDevice.prototype, "createComputePipeline"], [GPUBuffer.prototype, "mapAsync"]]) {
      const original = prototype[call];
      prototype[call] = function (...options) {
        counts[call] += 1;
        if (call !== name || counts[call] !== n) return original.apply(this, options);
        if (way === "throws") throw new RangeError("seeded failure");
        if (way === "rejects") return Promise.reject(new DOMException("seeded failure", "OperationError"));
        return original.call(this, wrong[call](options[0]));
      };
    }
    const requestDevice = GPUAdapter.prototype.requestDevice;
    GPUAdapter.prototype.requestDevice = async function (...options) {
      return (self.lastDevice = await requestDevice.apply(this, options));
    };
  };
  return `(${inject})(${JSON.stringify(kind)}, ${n});\n`;
}

async function openWith(app, kind, n) {
  const shipped = await readFile(`${DIST}/compute-loader.js`, "utf8");
  app.site.replaced["compute-loader.js"] = prelude(kind, n) + shipped;
  // A new page, so that the worker is a new one.
  await app.page.goto("about:blank");
  await openTraining(app, SETTINGS);
}

/** Runs once; gives the digest of the weights, or the message. */
async function outcome(page) {
  await page.getByTestId("train-start").click();
  await expect(page.getByTestId("weights-digest").or(page.getByTestId("error"))).toBeVisible({ timeout: 90_000 });
  if (await page.getByTestId("error").count()) return { message: await page.getByTestId("error").textContent() };
  return { digest: (await result(page)).weightsDigest };
}

const isAll = process.env.FAULTS === "all";

test("a call that fails ends in recovery or in words, and the page lives", async ({ app }) => {
  test.setTimeout(isAll ? 4 * 3_600_000 : 420_000);
  await openWith(app, "nothing", 0);
  const onGpu = (await train(app.page)).weightsDigest;
  const counts = await app.page.workers()[0].evaluate(() => self.counts);
  for (const call of CALLS) expect(counts[call]).toBeGreaterThan(20);
  await openTraining(app, { ...SETTINGS, "run.backend": "cpu" });
  const onCpu = (await train(app.page)).weightsDigest;
  for (const kind of KINDS) {
    const most = counts[kind.split(" ")[0]];
    const few = [1, Math.round(most * 0.9), most];
    for (const n of isAll ? Array.from({ length: most }, (_, index) => index + 1) : few) {
      await openWith(app, kind, n);
      const { digest, message } = await outcome(app.page);
      if (message) {
        expect(message, `${kind} at call ${n}`).toMatch(/unchanged|kept/);
        expect(message, `${kind} at call ${n}`).toMatch(/[Tt]ry again|[Ss]tart again|reload/);
      } else {
        expect([onGpu, onCpu], `${kind} at call ${n}`).toContain(digest);
      }
      await expect(app.page.getByTestId("train-start")).toBeEnabled();
    }
  }
});

test("a device that is destroyed again and again costs no step, and each time under 3 s", async ({ app }) => {
  const times = process.env.FAULTS === "soak" ? 100 : 5;
  test.setTimeout(60_000 + times * 30_000);
  const settings = { ...SETTINGS, "run.epochs": 12 };
  await openWith(app, "nothing", 0);
  await openTraining(app, settings);
  const undisturbed = await train(app.page);
  let random = 7;
  for (let done = 0; done < times; done++) {
    await app.page.getByTestId("train-start").click();
    random = (random * 1103515245 + 12345) % 2 ** 31;
    await untilStep(app.page, 5 + (random % 600));
    const milliseconds = await app.page.workers()[0].evaluate(() => { self.lastDevice.destroy(); }).then(async () => {
      const begin = Date.now();
      await expect(app.page.getByTestId("recoveries").getByRole("listitem")).toHaveCount(1);
      return Date.now() - begin;
    });
    expect(milliseconds).toBeLessThanOrEqual(3000);
    expect(await result(app.page)).toEqual(undisturbed);
  }
});
