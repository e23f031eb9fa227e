// Data parallelism: a sweep fills its table and equals the large batch, slow links show, a stop and a dead replica are
// survived.
import { violations } from "../lib/axe.js";
import { expect, test } from "../lib/fixtures.js";

test.use({ mode: "cpu" });

const FEW = "model=mlp&replicas=2&batch=32&steps=8&latency=0&bucket=256&overlap=1";

async function finished(page) {
  await expect(page.getByTestId("status")).toContainText("Done in", { timeout: 60_000 });
  await expect(page.getByTestId("problem")).toBeHidden();
}
async function sweep(page, site, settings) {
  await page.goto("about:blank");
  await page.goto(`${site.url}parallel.html#${settings}`);
  await page.getByTestId("go").click();
  await finished(page);
  const table = page.getByRole("region", { name: "Every number of replicas" });
  const heads = (await table.getByRole("columnheader").allTextContents()).map((head) => head.replace(/ \(.*/, ""));
  const rows = await table.locator("tbody tr").all();
  return Promise.all(
    rows.map(async (row) => {
      const cells = await row.locator("th, td").allTextContents();
      return Object.fromEntries(heads.map((head, at) => [head, cells[at] === "" ? null : Number(cells[at].replaceAll(",", ""))]));
    }),
  );
}

test("two replicas train as one worker with the whole batch, and every column is measured", async ({ app: { page, site } }) => {
  const [one, two] = await sweep(page, site, FEW);
  expect([one.Replicas, two.Replicas]).toEqual([1, 2]);
  expect(one["Speed-up"]).toBe(1);
  for (const point of [one, two]) expect(point.Step).toBeGreaterThan(0);
  expect(two.Computing).toBeGreaterThan(0);
  expect(two.Computing).toBeLessThanOrEqual(two.Step);
  expect(two["Exposed exchange"] + two["Hidden exchange"]).toBeGreaterThan(0);
  expect(two.Efficiency / 50).toBeCloseTo(two["Speed-up"], 1);
  // Sums in another order: not the same bits, and yet the same numbers.
  expect(two["Gradients differ by"]).toBeGreaterThan(0);
  expect(two["Gradients differ by"]).toBeLessThanOrEqual(1e-5);
  expect(two["Weights differ by"]).toBeLessThanOrEqual(1e-5);
  const verdict = page.getByTestId("verdict");
  await expect(verdict).toContainText(/^2 replicas gave [\d.]+x, (not|close to) 2x\./);
  await expect(verdict).toContainText("it is the same training");
});

test("a slow link and latency cost time that the step shows, and overlap hides some of it", async ({ app: { page, site } }) => {
  const fast = (await sweep(page, site, `${FEW}&bandwidth=0`))[1];
  const slow = (await sweep(page, site, `${FEW}&bandwidth=1`))[1];
  // Half of 0.94 MB goes twice over the link: 7.5 ms.
  expect(slow["Exchange by the formula"]).toBeCloseTo(7.5, 0);
  expect(slow["Exposed exchange"]).toBeGreaterThan(fast["Exposed exchange"]);
  const whole = (point) => point["Exposed exchange"] + point["Hidden exchange"];
  expect(whole(slow)).toBeGreaterThan(slow["Exchange by the formula"]);
  const late = (await sweep(page, site, `${FEW.replace("overlap=1", "overlap=0")}&bandwidth=1`))[1];
  expect(late["Exposed exchange"]).toBeGreaterThan(late["Exchange by the formula"] * 0.8);
  expect(late["Hidden exchange"]).toBe(0);
  expect(slow["Hidden exchange"]).toBeGreaterThan(0);
});

test("weak scaling of a GPT on three replicas equals a worker with the larger batch", async ({ app: { page, site } }) => {
  const points = await sweep(page, site, "model=gpt&replicas=3&batch=2&steps=3&scaling=weak&latency=100");
  expect(points.map((point) => point["Whole batch"])).toEqual([2, 4, 6]);
  for (const point of points.slice(1)) {
    expect(point["Gradients differ by"]).toBeLessThanOrEqual(1e-5);
    expect(point["Weights differ by"]).toBeLessThanOrEqual(1e-5);
  }
});

test("a sweep stops at once, and another one can follow", async ({ app: { page, site } }) => {
  await page.goto(`${site.url}parallel.html#model=gpt&replicas=4&batch=16&steps=200`);
  await page.getByTestId("go").click();
  await expect(page.getByTestId("status")).toContainText("Training with", { timeout: 30_000 });
  await expect.poll(() => page.workers().length).toBeGreaterThan(0);
  await page.getByTestId("stop").click();
  await expect(page.getByTestId("status")).toContainText("Stopped.", { timeout: 1000 });
  await expect(page.getByTestId("problem")).toBeHidden();
  await expect.poll(() => page.workers().length).toBe(0);
  await page.getByTestId("replicas").fill("1");
  await page.getByLabel("Timed steps").fill("3");
  await page.getByTestId("go").click();
  await finished(page);
});

test("a replica that dies is named, the others are stopped, and the page lives", async ({ app: { page, site } }) => {
  await page.goto(`${site.url}parallel.html#model=mlp&replicas=2&batch=32&steps=200&latency=20000`);
  await page.getByTestId("go").click();
  await expect(page.getByTestId("status")).toContainText("Training with 2 replicas", { timeout: 30_000 });
  await expect.poll(() => page.workers().length).toBe(2);
  // Steps are under way: the second worker has its code.
  await page.waitForTimeout(2000);
  await page.workers()[1].evaluate(() => self.close());
  await expect(page.getByTestId("problem")).toContainText(/Replica 2 has not answered for 10 seconds.*Run the sweep again/, { timeout: 30_000 });
  await expect.poll(() => page.workers().length).toBe(0);
  await expect(page.getByTestId("go")).toBeEnabled();
});

test("settings travel in the address, and a batch too small for its replicas is refused", async ({ app: { page, site } }) => {
  await page.goto(`${site.url}parallel.html#replicas=8&batch=3&overlap=0&bandwidth=10`);
  await expect(page.getByTestId("bandwidth")).toHaveValue("10");
  await expect(page.getByTestId("overlap")).not.toBeChecked();
  await page.getByTestId("go").click();
  await expect(page.getByTestId("report")).toBeHidden();
  expect(await page.getByTestId("batch").evaluate((input) => input.validationMessage)).toContain("8 replicas");
  await page.getByTestId("scaling").selectOption("weak");
  expect(page.url()).toContain("scaling=weak");
  expect(await page.getByTestId("batch").evaluate((input) => input.checkValidity())).toBe(true);
});

for (const [colorScheme, width, height] of [["light", 1440, 900], ["dark", 390, 844]]) {
  test.describe(`${colorScheme}, ${width} px`, () => {
    test.use({ look: { viewport: { width, height }, colorScheme } });
    test("the page is accessible and fits", async ({ app: { page, site } }) => {
      await sweep(page, site, FEW.replace("steps=8", "steps=3"));
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      expect(await violations(page)).toEqual([]);
    });
  });
}
