// The GPU is lost in the middle of a run: the run goes on by itself and ends as if nothing had happened.
import { readFile } from "node:fs/promises";
import { expect, test } from "../lib/fixtures.js";
import { openTraining, result, train, untilStep } from "../lib/app.js";
import { DIST } from "../lib/server.js";

// Crashes make a browser distrust its GPU, so each test has a browser of its own.
test.use({ mode: "gpu", ownBrowser: true });

const SETTINGS = { "model.kind": "mlp", "model.width": 48, "run.epochs": 4, "run.backend": "gpu" };

/** The worker as shipped, with lines before it that let a test reach its device and stop its read-backs. */
async function prepare(site) {
  const shipped = await readFile(`${DIST}/compute-loader.js`, "utf8");
  const prelude = `const requestDevice = GPUAdapter.prototype.requestDevice;
    GPUAdapter.prototype.requestDevice = async function (...options) {
      return (self.lastDevice = await requestDevice.apply(this, options));
    };
    const mapAsync = GPUBuffer.prototype.mapAsync;
    GPUBuffer.prototype.mapAsync = function (...options) {
      if (!self.hangsOnce) return mapAsync.apply(this, options);
      self.hangsOnce = false;
      return new Promise(() => {});
    };\n`;
  site.replaced["compute-loader.js"] = prelude + shipped;
}

const destroyDevice = (page) => page.workers()[0].evaluate(() => self.lastDevice.destroy());

async function crashGpuProcess(browser) {
  const session = await browser.newBrowserCDPSession();
  await session.send("Browser.crashGpuProcess");
  await session.detach();
}

let known;

/** What the run gives when nothing happens to it; the same in every browser, so that one run serves all tests. */
async function undisturbedRun(page) {
  known ??= await train(page);
  return known;
}

test("device.destroy() in mid-training changes nothing in the result", async ({ app }) => {
  await prepare(app.site);
  await openTraining(app, SETTINGS);
  const undisturbed = await undisturbedRun(app.page);
  await app.page.getByTestId("train-start").click();
  await untilStep(app.page, 150);
  await destroyDevice(app.page);
  await expect(app.page.getByTestId("recoveries").getByRole("listitem")).toHaveCount(1);
  expect(await result(app.page)).toEqual(undisturbed);
});

test("a crash of the GPU process changes nothing; a second in a row moves the run to the CPU", async ({ app }) => {
  await openTraining(app, SETTINGS);
  const undisturbed = await undisturbedRun(app.page);

  await app.page.getByTestId("train-start").click();
  await untilStep(app.page, 150);
  await crashGpuProcess(app.browser);
  await expect(app.page.getByTestId("recoveries").getByRole("listitem")).toHaveCount(1);
  const recovered = await result(app.page);
  expect(recovered).toEqual(undisturbed);

  await app.page.getByTestId("train-start").click();
  await untilStep(app.page, 150);
  await crashGpuProcess(app.browser);
  await expect(app.page.getByTestId("recoveries")).toContainText("on the CPU");
  const onCpu = await result(app.page);
  expect(Math.abs(onCpu.accuracy - undisturbed.accuracy)).toBeLessThanOrEqual(2);
});

test("a GPU that never answers is given up, and the run goes on", async ({ app }) => {
  await prepare(app.site);
  await openTraining(app, SETTINGS);
  const undisturbed = await undisturbedRun(app.page);
  await app.page.getByTestId("train-start").click();
  await untilStep(app.page, 150);
  await app.page.workers()[0].evaluate(() => {
    self.hangsOnce = true;
  });
  await expect(app.page.getByTestId("recoveries").getByRole("listitem")).toHaveCount(1, { timeout: 30_000 });
  expect(await result(app.page)).toEqual(undisturbed);
});
