// A kernel variant that computes wrongly on this adapter is found by its answers, named, and never used.
import { readFile } from "node:fs/promises";
import { expect, test } from "../lib/fixtures.js";
import { goTo, openTraining, train } from "../lib/app.js";
import { DIST } from "../lib/server.js";

test.use({ mode: "gpu", ownBrowser: true });

const SETTINGS = { "model.kind": "mlp", "model.width": 48, "run.epochs": 1, "run.backend": "gpu" };

test("a wrong variant of the product is left out, and training is right", async ({ app }) => {
  await openTraining(app, SETTINGS);
  const right = await train(app.page);
  // The variant that adapters like this one take for large products adds one of its terms almost rightly.
  const shipped = await readFile(`${DIST}/compute-loader.js`, "utf8");
  app.site.replaced["compute-loader.js"] = `const createShaderModule = GPUDevice.prototype.createShaderModule;
    GPUDevice.prototype.createShaderModule = function (descriptor) {
      const isTarget = /row = gid.y \\* (8|16)u;\\nlet column = gid.x \\* 16u/.test(descriptor.code);
      self.changed = (self.changed ?? 0) + isTarget;
      const code = isTarget ? descriptor.code.replaceAll("c1_0 += a1_0 * b0_0", "c1_0 += a1_0 * b0_0 * 1.125") : descriptor.code;
      return createShaderModule.call(this, { ...descriptor, code });
    };\n${shipped}`;
  await app.page.goto("about:blank");
  await openTraining(app, SETTINGS);
  const found = await train(app.page);
  expect(await app.page.workers()[0].evaluate(() => self.changed)).toBeGreaterThan(0);
  expect(found.backend).toBe("GPU");
  expect(Math.abs(found.accuracy - right.accuracy)).toBeLessThanOrEqual(2);
  await goTo(app.page, "Device");
  await app.page.getByTestId("device-measure").click();
  await expect(app.page.getByTestId("quarantined")).toContainText(/(8|16)x16 tile.*: element \d+ should be/, { timeout: 60_000 });
});
