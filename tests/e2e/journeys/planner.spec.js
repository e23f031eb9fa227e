// The planner's pages: a search that ranks, explains and hands its choice on, and the accuracy that anybody can recompute.
import { readFileSync } from "node:fs";
import { violations } from "../lib/axe.js";
import { expect, test } from "../lib/fixtures.js";

test.use({ mode: "cpu" });

const SEARCH = "model=llama-3-70b&sequence=8192&batch=1024&tokens=2000&counts=512,1024&accelerator=h100-sxm~b200";

async function searched(page, site, settings) {
  await page.goto("about:blank");
  await page.goto(`${site.url}plan.html#${settings}`);
  await expect(page.getByTestId("status")).toContainText(/layouts in .* ms; .* fit/, { timeout: 60_000 });
}
async function best(page) {
  const table = page.getByTestId("best");
  const heads = await table.getByRole("columnheader").allTextContents();
  const rows = await table.locator("tbody tr").all();
  return Promise.all(
    rows.map(async (row) => {
      const cells = await row.locator("th, td").allTextContents();
      const value = (text) => (/^[\d,.]+$/.test(text) ? Number(text.replaceAll(",", "")) : text);
      return Object.fromEntries(heads.map((head, at) => [head.replace(/ \(.*/, ""), value(cells[at])]));
    }),
  );
}

test("a search ranks what fits, says why, and its choice opens as a scenario with the same figures", async ({ app: { page, site } }) => {
  await searched(page, site, SEARCH);
  const rows = await best(page);
  expect(rows.length).toBeGreaterThanOrEqual(5);
  for (const [at, row] of rows.entries()) {
    expect(row.TP * row.PP * row.CP * row.DP).toBe(row.Count);
    expect(row["80 % from"]).toBeLessThan(row.Step);
    expect(row.to).toBeGreaterThan(row.Step);
    if (at > 0) expect(row.Time).toBeGreaterThanOrEqual(rows[at - 1].Time);
  }
  await expect(page.getByTestId("explanation")).toContainText(/is [\d.]+ % faster than .*memory/);
  const said = await page.getByTestId("detail").locator("p").first().textContent();
  const step = said.match(/A step takes ([\d.]+ m?s)/)[1];
  await expect(page.getByTestId("adopt")).toHaveAttribute("href", /\.\/#\/scenario/);
  await page.getByTestId("adopt").click();
  // A fact of the catalog can be replaced, and the link holds it.
  const power = page.getByTestId("own-power");
  await expect(power).toBeVisible({ timeout: 30_000 });
  const energy = page.getByTestId("energy");
  const before = await energy.textContent();
  await power.fill("1400");
  await power.blur();
  await expect(energy).not.toHaveText(before);
  await expect.poll(() => decodeURIComponent(page.url())).toContain("scenario.facts=power~1400");
  // The search multiplies what the page adds: the last digit shown may differ.
  const shown = page.getByTestId("step-time");
  await expect(shown).toContainText(/\d/, { timeout: 30_000 });
  const number = async () => Number.parseFloat(await shown.textContent());
  expect(Math.abs((await number()) / Number.parseFloat(step) - 1)).toBeLessThan(0.02);
});

test("a deadline makes cost the goal, and an impossible one is said", async ({ app: { page, site } }) => {
  await searched(page, site, SEARCH);
  const free = await best(page);
  await searched(page, site, `${SEARCH}&deadline=${Math.ceil(free[0].Time * 3)}`);
  const bound = await best(page);
  expect(bound[0].Cost).toBeLessThanOrEqual(free[0].Cost);
  for (const row of bound) expect(row.Time).toBeLessThanOrEqual(Math.ceil(free[0].Time * 3));
  await searched(page, site, `${SEARCH}&deadline=0.01`);
  await expect(page.getByTestId("explanation")).toContainText("none keeps deadline and budget");
});

test("every setting is in the address, and bad ones are refused in words", async ({ app: { page, site } }) => {
  await searched(page, site, SEARCH);
  await expect(page.getByTestId("batch")).toHaveValue("1024");
  await page.getByTestId("batch").fill("512");
  await page.getByTestId("batch").blur();
  await expect.poll(() => page.url()).toContain("batch=512");
  await page.getByTestId("counts").fill("64, many");
  await page.getByTestId("search").click();
  await expect(page.getByTestId("counts")).toHaveJSProperty("validity.valid", false);
  await page.getByTestId("counts").fill("2");
  await page.getByTestId("search").click();
  await expect(page.getByTestId("explanation")).toContainText("No layout fits");
});

test("a sweep of a 405B model on 16,384 accelerators takes less than a second", async ({ app: { page, site } }) => {
  await searched(page, site, "model=llama-3.1-405b&batch=2048&counts=16384&accelerator=h100-sxm");
  // The first search builds the model too; the second is the sweep alone.
  await page.getByTestId("search").click();
  await expect(page.getByTestId("status")).toContainText(/layouts in/);
  const [, layouts, milliseconds] = (await page.getByTestId("status").textContent()).match(/([\d,]+) layouts in ([\d,]+) ms/);
  expect(Number(layouts.replaceAll(",", ""))).toBeGreaterThan(1_000);
  expect(Number(milliseconds.replaceAll(",", ""))).toBeLessThan(1_000);
});

test("the accuracy page recomputes every figure, meets its bars, and charts every row", async ({ app: { page, site } }) => {
  test.slow();
  await page.goto(`${site.url}accuracy.html`);
  await expect(page.getByTestId("status")).toContainText("predictions of published rows, computed in this tab", { timeout: 150_000 });
  const table = page.getByTestId("figures");
  expect(await table.locator("tbody tr").count()).toBeGreaterThanOrEqual(10);
  await expect(page.locator(".missed")).toHaveCount(0);
  expect(await page.locator(".met").count()).toBeGreaterThanOrEqual(8);
  const chart = page.getByTestId("scatter");
  expect(await chart.locator("[data-group]").count()).toBeGreaterThan(1_000);
  await chart.focus();
  await page.keyboard.press("ArrowRight");
  await expect(page.locator(".reading")).toContainText(/measured .* predicted/);
  await page.getByTestId("by").selectOption("accelerator");
  await expect.poll(() => page.url()).toContain("by=accelerator");
  expect(await violations(page)).toEqual([]);
});

test("every answer is the native one to the bit", async ({ app: { page, site } }) => {
  const committed = readFileSync(new URL("../../../app/planner/calibration/digest.txt", import.meta.url), "utf8").trim();
  await page.goto(`${site.url}plan.html`);
  const found = await page.evaluate(async () => {
    const { search } = new URL(document.querySelector("script[src*='plan.js']").src);
    const { ask } = await import(new URL(`./planner-kit.js${search}`, document.baseURI).href);
    return ask("digest", null);
  });
  expect(found).toBe(committed);
});

test("the accuracy page can be stopped and started again", async ({ app: { page, site } }) => {
  await page.goto(`${site.url}accuracy.html`);
  await expect(page.getByTestId("status")).toContainText("% done", { timeout: 60_000 });
  await page.locator("#stop").click();
  await expect(page.getByTestId("status")).toContainText("Stopped");
  await page.locator("#again").click();
  await expect(page.getByTestId("status")).toContainText("% done", { timeout: 60_000 });
});

for (const viewport of [{ width: 1440, height: 900 }, { width: 390, height: 844 }]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`the plan page is accessible and fits at ${viewport.width} px, ${colorScheme}`, async ({ app: { page, site } }) => {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      await searched(page, site, SEARCH);
      expect(await violations(page)).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
    });
  }
}
