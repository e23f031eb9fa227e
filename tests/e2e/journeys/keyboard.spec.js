// The main job without a mouse.
import { expect, test } from "../lib/fixtures.js";
import { open, result } from "../lib/app.js";

test.use({ mode: "cpu" });

/** Presses Tab until an element has the focus; the focus has to be visible there. */
async function tabTo(page, locator) {
  for (let presses = 0; presses < 120; presses += 1) {
    if (await locator.evaluate((element) => element === document.activeElement)) {
      const outline = await locator.evaluate((element) => getComputedStyle(element).outlineStyle);
      expect(outline, "a visible focus").not.toBe("none");
      return;
    }
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab never reached ${locator}`);
}

test("train, quantise, draw and copy the link by keyboard", async ({ app }) => {
  const { page, context } = app;
  await open(app);
  await tabTo(page, page.getByTestId("start-train"));
  await page.keyboard.press("Enter");
  await tabTo(page, page.getByTestId("train-start"));
  await page.keyboard.press("Enter");
  expect((await result(page, { timeout: 60_000 })).accuracy).toBeGreaterThanOrEqual(97);

  await tabTo(page, page.getByTestId("quantize-start"));
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("compression")).toBeVisible({ timeout: 60_000 });

  await tabTo(page, page.getByTestId("draw-canvas"));
  for (let rows = 0; rows < 10; rows += 1) await page.keyboard.press("ArrowUp");
  for (let rows = 0; rows < 20; rows += 1) await page.keyboard.press("Shift+ArrowDown");
  await expect(page.getByTestId("reading-f32")).toHaveText("1");
  await expect(page.getByTestId("reading-int8")).toHaveText("1");

  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await tabTo(page, page.getByTestId("share-menu"));
  await page.keyboard.press("Enter");
  await tabTo(page, page.getByTestId("copy-link"));
  await page.keyboard.press("Enter");
  await expect(page.getByText("Copied")).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain("#/train?v=1");
});
