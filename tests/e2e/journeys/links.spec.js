// Links: hostile ones give a message and change nothing; none starts work; undo, autosave and files keep state.
import { readFile } from "node:fs/promises";
import { deflateRawSync } from "node:zlib";
import { expect, test } from "../lib/fixtures.js";
import { goTo, open, sharedFragment } from "../lib/app.js";

test.use({ mode: "cpu" });

const GOOD = "/scenario?v=1&p=default&scenario.count=96&end";
const bomb = deflateRawSync(Buffer.alloc(64 * 1024 * 1024)).toString("base64url");

const HOSTILE = [
  "/scenario?v=1&p=default&scenario.count=96",
  "/scenario?v=1&p=default&scenario.count=96&en",
  "/scenario?v=1&p=default&scenario.count=96&c=00000000",
  "/scenario?v=2&p=default&end",
  "/scenario?v=99999999999999999999&p=default&end",
  "/scenario?p=default&end",
  "/nowhere?v=1&p=default&end",
  "/scenario?v=1&p=nobody&end",
  "/scenario?v=1&p=default&scenario.count=NaN&end",
  "/scenario?v=1&p=default&scenario.count=-1&end",
  "/scenario?v=1&p=default&scenario.count=1e308&end",
  "/scenario?v=1&p=default&scenario.tokens=Infinity&end",
  "/scenario?v=1&p=default&scenario.tokens=1e999&end",
  "/scenario?v=1&p=default&scenario.accelerator=%3Cscript%3E&end",
  "/scenario?v=1&p=default&scenario.name=%FF%FE&end",
  "/scenario?v=1&p=default&scenario.count=1&scenario.count=2&end",
  "/scenario?v=1&p=default&__proto__=1&end",
  "/scenario?v=1&p=default&run.epochs=4294967296&end",
  `/scenario?v=1&z=${bomb}&end`,
  "/scenario?v=1&z=AAAA&end",
  "/scenario?v=1&z=!!!!&end",
  `/scenario?v=1&p=default&scenario.name=${"x".repeat(70_000)}&end`,
  `/${"%00".repeat(100)}?v=1&p=default&end`,
  "=&=&=&?&&==",
  "?".repeat(1000),
];

test("hostile links give a message and change nothing", async ({ app }) => {
  const { page } = app;
  await open(app, GOOD);
  await expect(page.getByTestId("accelerator-count")).toHaveValue("96");
  const problem = page.locator(".notice-problem");
  for (const fragment of HOSTILE) {
    const name = fragment.slice(0, 80);
    const milliseconds = await page.evaluate((fragment) => {
      const start = performance.now();
      return new Promise((resolve) => {
        const observer = new MutationObserver(() => {
          if (!document.querySelector(".notice-problem")) return;
          observer.disconnect();
          resolve(performance.now() - start);
        });
        observer.observe(document.body, { childList: true, subtree: true });
        location.hash = fragment;
      });
    }, fragment);
    expect(milliseconds, `time to the message of ${name}`).toBeLessThanOrEqual(50);
    await expect(problem, name).toContainText(/unchanged/);
    await expect(page.getByTestId("accelerator-count"), name).toHaveValue("96");
    await problem.getByRole("button", { name: "Dismiss" }).click();
    await expect(problem).toHaveCount(0);
  }
  await page.getByTestId("accelerator-count").fill("97");
  await expect(page).toHaveURL(/scenario\.count=97/);
});

test("a page that is opened by a hostile link works all the same", async ({ app }) => {
  await open(app, HOSTILE[1]);
  await expect(app.page.locator(".notice-problem")).toContainText("cut off");
  await goTo(app.page, "Scenario");
  await expect(app.page.getByTestId("accelerator-count")).toHaveValue("64");
});

test("text from a link is text", async ({ app }) => {
  const name = `<img src=x onerror="document.title='owned'">`;
  await open(app, `/scenario?v=1&p=default&scenario.name=${encodeURIComponent(name)}&end`);
  await expect(app.page.getByTestId("scenario-name")).toHaveValue(name);
  await expect(app.page).not.toHaveTitle(/owned/);
});

test("a link starts nothing: it shows what would run and waits", async ({ app }) => {
  await open(app, "/train?v=1&p=default&run.epochs=100&model.width=64&end");
  await expect(app.page.getByTestId("train-start")).toBeEnabled();
  await app.page.waitForTimeout(500);
  expect(app.page.workers()).toEqual([]);
  expect(app.site.requests.filter((request) => request.path.includes("compute"))).toEqual([]);
});

test("undo, redo, autosave, export and import keep the state", async ({ app }) => {
  const { page } = app;
  await open(app, GOOD);
  const count = page.getByTestId("accelerator-count");
  await count.fill("100");
  await page.getByTestId("undo").click();
  await expect(count).toHaveValue("96");
  await page.getByTestId("redo").click();
  await expect(count).toHaveValue("100");
  const fragment = await sharedFragment(page);

  await page.getByTestId("share-menu").click();
  const download = page.waitForEvent("download");
  await page.getByTestId("export-json").click();
  const exported = await readFile(await (await download).path());
  await page.getByTestId("share-menu").click();

  await expect(page).toHaveURL(/scenario\.count=100/);
  await page.goto(app.site.url);
  await expect(page.getByTestId("notices")).toContainText("restored");
  expect(await sharedFragment(page)).toBe(fragment);

  await count.fill("3");
  const chooseFile = async (name, buffer) => {
    await page.getByTestId("share-menu").click();
    await page.getByTestId("import-json").setInputFiles({ name, mimeType: "application/json", buffer });
    await page.getByTestId("share-menu").click();
  };
  await chooseFile("broken.json", exported.subarray(0, 100));
  await expect(page.locator(".notice-problem")).toContainText("broken.json was not opened");
  await expect(count).toHaveValue("3");
  await chooseFile("good.json", exported);
  await expect(count).toHaveValue("100");
  expect(await sharedFragment(page)).toBe(fragment);
});
