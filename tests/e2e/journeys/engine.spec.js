// The engine's page: every view of a step, its switches, its exports, and what it says without a GPU.
import { readFile } from "node:fs/promises";
import { violations } from "../lib/axe.js";
import { expect, test } from "../lib/fixtures.js";

test.use({ mode: "cpu" });

async function view(page, name) {
  await page.getByTestId(`view-${name}`).click();
  await expect(page.getByTestId(`view-${name}`)).toBeEnabled({ timeout: 60_000 });
  await expect(page.locator("#problem")).toBeHidden();
  return page.locator("#report");
}

const numbers = async (row) => (await row.getByRole("cell").allTextContents()).map((text) => Number(text.replaceAll(",", "")));

test("passes save calls and memory, and a pass that is switched off saves nothing", async ({ app: { page, site } }) => {
  await page.goto(site.url + "engine.html#model=gpt&batch=2");
  const all = await view(page, "passes");
  const [nodes, after] = await numbers(all.getByRole("row", { name: /^Leave out what nobody reads/ }));
  expect(after).toBeLessThan(nodes);
  const fused = await numbers(all.getByRole("row", { name: /^Join elementwise steps/ }));
  expect(fused[3]).toBeLessThan(fused[2]);
  const packed = await numbers(all.getByRole("row", { name: /^Share memory/ }));
  expect(packed[7]).toBeLessThan(packed[6] * 0.8);
  await page.getByLabel("Join elementwise steps into one kernel").uncheck();
  expect(page.url()).toContain("off=fusion");
  const off = await view(page, "passes");
  await expect(off.getByRole("row", { name: /^Join elementwise steps/ })).toHaveCount(0);
});

test("recomputation and accumulation lower the memory of the plan", async ({ app: { page, site } }) => {
  const peak = async (settings) => {
    await page.goto("about:blank");
    await page.goto(`${site.url}engine.html#model=gpt&${settings}`);
    const report = await view(page, "memory");
    return (await numbers(report.getByRole("row", { name: /^Planned peak/ })))[0];
  };
  const plain = await peak("batch=8");
  expect(await peak("batch=8&recompute=1")).toBeLessThan(plain);
  expect(await peak("batch=2&accumulate=4")).toBeLessThan(plain);
});

test("a step is profiled call by call, predicted before it runs, and kept as a trace", async ({ app: { page, site } }) => {
  await page.goto(site.url + "engine.html#model=cnn&batch=16");
  const profile = await view(page, "profile");
  await expect(profile).toContainText(/ms of kernels a step; [\d.]+ ms were predicted before it ran/);
  const [calls, time, share] = await numbers(profile.getByRole("row", { name: /^product\+epilogue/ }).first());
  expect(calls).toBeGreaterThan(0);
  expect(time).toBeGreaterThan(0);
  expect(share).toBeGreaterThan(0);
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: /trace/ }).click();
  const trace = JSON.parse(await readFile(await (await download).path(), "utf8"));
  const events = (trace.traceEvents ?? trace).filter((event) => event.ph === "X");
  expect(events.length).toBeGreaterThan(20);
  expect(events.every((event) => event.dur >= 0 && event.ts >= 0)).toBe(true);
  const predicted = await view(page, "predict");
  await expect(predicted.getByRole("row")).toHaveCount(5);
  await expect(predicted).toContainText(/median error \d+ %/);
});

test("without a GPU the kernels' view says so and what to do", async ({ app: { page, site } }) => {
  await page.goto(site.url + "engine.html#backend=gpu");
  await page.getByTestId("view-kernels").click();
  await expect(page.locator("#problem")).toContainText("Choose the CPU", { timeout: 30_000 });
  await expect(page.getByTestId("view-kernels")).toBeEnabled();
});

for (const [colorScheme, width, height] of [["light", 1440, 900], ["dark", 390, 844]]) {
  test.describe(`${colorScheme}, ${width} px`, () => {
    test.use({ look: { viewport: { width, height }, colorScheme } });
    test("the page is accessible and fits", async ({ app: { page, site } }) => {
      await page.goto(site.url + "engine.html#model=mlp");
      await view(page, "memory");
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      expect(await violations(page)).toEqual([]);
    });
  });
}
