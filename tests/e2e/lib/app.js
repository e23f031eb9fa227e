// Words for what a visitor does.
import { expect } from "@playwright/test";

/** Longest that a run may take here; the default CNN has its own, tighter limit. */
export const RUN = { timeout: 100_000 };

/** Opens the page, perhaps at a fragment, and waits until it can be used. */
export async function open(app, fragment = "") {
  await app.page.goto(app.site.url + (fragment === "" ? "" : `#${fragment}`));
  await expect(app.page.locator("main h1").first()).toBeVisible();
}

const navigationLink = (page, name) =>
  page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name, exact: true });

/** Opens a page of the workbench through its link in the header. */
export async function goTo(page, name) {
  await navigationLink(page, name).click();
  await expect(navigationLink(page, name)).toHaveAttribute("aria-current", "page");
}

/** The link that the Share menu shows, without its origin and path. */
export async function sharedFragment(page) {
  await page.getByTestId("share-menu").click();
  const link = await page.getByTestId("share-link").inputValue();
  await page.getByTestId("share-menu").click();
  return link.slice(link.indexOf("#") + 1);
}

/** Opens the Train page with settings made by script, as a teacher would. */
export async function openTraining(app, settings) {
  const parts = Object.entries(settings).map(([key, value]) => `&${key}=${value}`);
  await open(app, `/train?v=1&p=default${parts.join("")}&end`);
  await expect(app.page.getByTestId("train-start")).toBeEnabled();
}

/** A run of a second or so on the CPU. */
export const SMALL = { "model.kind": "mlp", "model.width": 32, "run.epochs": 1, "run.backend": "cpu" };

/** Waits for the end of a run; gives its figures. */
export async function result(page, options = RUN) {
  await expect(page.getByTestId("train-start")).toBeVisible(options);
  await expect(page.getByTestId("error")).toHaveCount(0);
  const text = (id) => page.getByTestId(id).textContent();
  return {
    accuracy: percent(await text("final-accuracy")),
    lossDigest: await text("loss-digest"),
    weightsDigest: await text("weights-digest"),
    backend: await page.getByTestId("run-backend").getAttribute("data-backend"),
  };
}

/** Trains with the settings as they are. */
export async function train(page, options = RUN) {
  await page.getByTestId("train-start").click();
  await expect(page.getByTestId("train-cancel")).toBeVisible();
  return result(page, options);
}

/** Waits until a run has done some steps. */
export async function untilStep(page, step, options = RUN) {
  await expect
    .poll(async () => Number((await page.getByTestId("train-progress").textContent()).match(/Step (\d+)/)?.[1] ?? 0), options)
    .toBeGreaterThanOrEqual(step);
}

export const percent = (text) => Number(text.match(/-?[\d.]+(?= (%|points))/)[0]);

/** Cells of a row of the comparison of f32 and INT8. */
export const cells = (page, row) => page.getByTestId(row).getByRole("cell").allTextContents();

/** Strokes of digits in a unit square. */
const STROKES = {
  0: [arc(0.5, 0.5, 0.24, 0.36, 0, 360)],
  1: [[[0.5, 0.14], [0.5, 0.86]]],
  3: [[...arc(0.47, 0.32, 0.2, 0.18, -140, 90), ...arc(0.47, 0.68, 0.22, 0.18, -90, 140)]],
  7: [[[0.25, 0.17], [0.75, 0.17], [0.42, 0.86]]],
};

function arc(x, y, radiusX, radiusY, from, to) {
  const steps = 24;
  return Array.from({ length: steps + 1 }, (_, index) => {
    const angle = ((from + ((to - from) * index) / steps) * Math.PI) / 180;
    return [x + radiusX * Math.cos(angle), y + radiusY * Math.sin(angle)];
  });
}

/** Draws a digit with the mouse. */
export async function draw(page, digit) {
  await page.getByTestId("draw-clear").click();
  const canvas = page.getByTestId("draw-canvas");
  await canvas.scrollIntoViewIfNeeded();
  const box = await canvas.boundingBox();
  for (const stroke of STROKES[digit]) {
    const points = stroke.map(([x, y]) => [box.x + x * box.width, box.y + y * box.height]);
    await page.mouse.move(...points[0]);
    await page.mouse.down();
    for (const point of points.slice(1)) await page.mouse.move(...point, { steps: 4 });
    await page.mouse.up();
  }
}

/** Records main-thread tasks over 50 ms; `since()` gives those after the last call. */
export async function watchLongTasks(page) {
  await page.evaluate(() => {
    window.longTasks = [];
    new PerformanceObserver((list) =>
      window.longTasks.push(...list.getEntries().map((entry) => ({ start: entry.startTime, milliseconds: entry.duration }))),
    ).observe({ type: "longtask" });
  });
  return { since: () => page.evaluate(() => window.longTasks.splice(0)) };
}

/** Milliseconds from a click to the moment an element appears, measured in the page. */
export function clickToAppearance(page, clicked, appears) {
  return page.evaluate(
    ([clicked, appears]) => {
      const find = (id) => document.querySelector(`[data-testid="${id}"]`);
      return new Promise((resolve) => {
        const start = performance.now();
        const check = () => {
          if (!find(appears)) return;
          observer.disconnect();
          resolve(performance.now() - start);
        };
        const observer = new MutationObserver(check);
        observer.observe(document.body, { childList: true, subtree: true });
        find(clicked).click();
        check();
      });
    },
    [clicked, appears],
  );
}
