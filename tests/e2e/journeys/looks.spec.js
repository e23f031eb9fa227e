// Every page in both themes and both widths: no axe violation, no sideways scrolling; screenshots to look at.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { expect, test } from "../lib/fixtures.js";
import { SMALL, draw, goTo, openTraining, train } from "../lib/app.js";

test.use({ mode: "gpu" });

const WIDTHS = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

async function violations(page) {
  const found = await page.evaluate(async () => (await window.axe.run(document)).violations);
  return found.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`);
}

test("every page is accessible and fits, light and dark, wide and narrow", async ({ app }) => {
  const { page } = app;
  // With results on the pages there is more to look at than in empty ones.
  await openTraining(app, { ...SMALL, "run.epochs": 4 });
  await train(page);
  await page.getByTestId("quantize-start").click();
  await expect(page.getByTestId("compression")).toBeVisible({ timeout: 60_000 });
  await draw(page, 7);
  await expect(page.getByTestId("reading-int8")).toBeVisible();
  await goTo(page, "Device");
  await page.getByTestId("device-measure").click();
  await expect(page.getByTestId("device-rates").first()).toBeVisible({ timeout: 60_000 });
  await page.evaluate(axe);

  for (const name of ["Start", "Device", "Train", "Scenario"]) {
    for (const [width, viewport] of Object.entries(WIDTHS)) {
      for (const colorScheme of ["light", "dark"]) {
        await page.setViewportSize(viewport);
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await goTo(page, name);
        const look = `${name.toLowerCase()}-${width}-${colorScheme}`;
        await page.screenshot({ path: fileURLToPath(new URL(`../results/${look}.png`, import.meta.url)), fullPage: true });
        expect.soft(await violations(page), look).toEqual([]);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        expect.soft(overflow, `${look}: pixels that stick out sideways`).toBeLessThanOrEqual(0);
      }
    }
  }
});
