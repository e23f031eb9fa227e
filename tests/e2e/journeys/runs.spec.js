// Runs that repeat to the bit, stop at once, pause, and outlive the worker.
import { expect, test } from "../lib/fixtures.js";
import { SMALL, clickToAppearance, openTraining, result, train, untilStep } from "../lib/app.js";

const ON_GPU = { ...SMALL, "run.backend": "gpu" };
/** Long enough that something can happen in the middle. */
const LONG = { "model.kind": "cnn", "run.epochs": 20, "run.backend": "cpu" };

test.describe("without a GPU", () => {
  test.use({ mode: "cpu", prefix: "/a/b/" });

  test("the same seed gives the same run twice, another seed another one", async ({ app }) => {
    await openTraining(app, SMALL);
    const first = await train(app.page);
    const second = await train(app.page);
    expect(second).toEqual(first);
    await app.page.getByTestId("seed").fill("2");
    const other = await train(app.page);
    expect(other.lossDigest).not.toBe(first.lossDigest);
    expect(other.weightsDigest).not.toBe(first.weightsDigest);
  });

  test("a cancel takes effect within 100 ms, and the model trained before stays usable", async ({ app }) => {
    await openTraining(app, SMALL);
    const before = await train(app.page);
    await app.page.getByTestId("model").selectOption("cnn");
    await app.page.getByTestId("epochs").fill("20");
    await app.page.getByTestId("train-start").click();
    await untilStep(app.page, 5);
    expect(await clickToAppearance(app.page, "train-cancel", "train-start")).toBeLessThanOrEqual(100);
    expect((await result(app.page)).weightsDigest).toBe(before.weightsDigest);
    await app.page.getByTestId("quantize-start").click();
    await expect(app.page.getByTestId("compression")).toBeVisible(/* it measures */ { timeout: 60_000 });
  });

  test("a held run does nothing, and goes on where it was", async ({ app }) => {
    await openTraining(app, { ...SMALL, "run.epochs": 4 });
    const undisturbed = await train(app.page);
    await app.page.getByTestId("train-start").click();
    await untilStep(app.page, 5);
    await app.page.getByTestId("train-pause").click();
    await expect(app.page.getByTestId("train-pause")).toHaveText("Resume");
    const held = await app.page.getByTestId("train-progress").textContent();
    await app.page.waitForTimeout(500);
    expect(await app.page.getByTestId("train-progress").textContent()).toBe(held);
    await app.page.getByTestId("train-pause").click();
    expect(await result(app.page)).toEqual(undisturbed);
  });

  test("a worker that dies costs the run, not the page", async ({ app }) => {
    await openTraining(app, LONG);
    await app.page.getByTestId("train-start").click();
    await untilStep(app.page, 5);
    const [worker] = app.page.workers();
    await worker.evaluate(() => {
      setTimeout(() => {
        throw new Error("seeded trap");
      });
    });
    await expect(app.page.getByTestId("error")).toContainText("worker");
    expect(app.problems.splice(0).every((problem) => problem.includes("seeded trap"))).toBe(true);
    await app.page.getByTestId("model").selectOption("mlp");
    await app.page.getByTestId("epochs").fill("1");
    await train(app.page);
  });

  test("a worker of another build is refused with words", async ({ app }) => {
    const { readFile } = await import("node:fs/promises");
    const { DIST } = await import("../lib/server.js");
    await openTraining(app, SMALL);
    const id = (await app.page.locator("footer").textContent()).match(/build ([0-9a-f]{12})/)[1];
    for (const name of ["compute-worker_bg.wasm", "compute-worker_relaxed.wasm"]) {
      const module = await readFile(`${DIST}/${name}`);
      const place = module.indexOf(id);
      expect(place).toBeGreaterThan(0);
      module.write("000000000000", place);
      app.site.replaced[name] = module;
    }
    await app.page.getByTestId("train-start").click();
    await expect(app.page.getByTestId("error")).toContainText("different versions");
  });
});

test.describe("with a software GPU", () => {
  test.use({ mode: "gpu" });

  test("the same seed gives the same run twice on the GPU", async ({ app }) => {
    await openTraining(app, ON_GPU);
    const first = await train(app.page);
    expect(first.backend).toBe("GPU");
    expect(await train(app.page)).toEqual(first);
  });

  test("a cancel takes effect within 100 ms on the GPU", async ({ app }) => {
    await openTraining(app, { ...LONG, "run.backend": "gpu" });
    await app.page.getByTestId("train-start").click();
    await untilStep(app.page, 2);
    expect(await clickToAppearance(app.page, "train-cancel", "train-start")).toBeLessThanOrEqual(100);
  });
});
