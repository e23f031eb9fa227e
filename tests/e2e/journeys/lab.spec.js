// The laboratory: any model is trained, shown, held, kept, and goes on to the bit where it stopped.
import { expect, test } from "../lib/fixtures.js";
import { readFile } from "node:fs/promises";
import { DIST } from "../lib/server.js";
import { createRequire } from "node:module";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** A GPT that a slow machine trains in seconds. */
const TINY = "model=gpt&width=32&layers=2&heads=2&kv=2&length=32&text=corpus&tokenizer=byte&steps=500&batch=8&optimizer=adamw&rate=0.01&schedule=cosine&floor=0.1&warmup=20&clip=1&every=100&seed=3&backend=cpu&save=1&prompt=The%20&write=40&heat=0.7&topk=20&draw=1";
const SPIRAL = "model=toy&backend=cpu";
const WAIT = { timeout: 100_000 };

const openLab = async (app, query) => {
  await app.page.goto(`${app.site.url}lab.html${query ? `#${query}` : ""}`);
  await expect(app.page.getByTestId("start")).toBeEnabled();
};
const number = async (page, id) => Number((await page.getByTestId(id).first().textContent()).replaceAll(",", "").match(/-?[\d.]+/)[0]);
const untilStep = (page, step) => expect.poll(() => number(page, "step").catch(() => 0), WAIT).toBeGreaterThanOrEqual(step);
const state = (page, name) => expect(page.getByTestId("lab")).toHaveAttribute("data-state", name, WAIT);

/** Waits for the end; gives what must not change by a bit. */
async function digests(page) {
  await expect(page.getByTestId("status")).toContainText("Done", WAIT);
  return Promise.all(["loss-digest", "weights-digest"].map((id) => page.getByTestId(id).textContent()));
}
async function discard(page) {
  await expect(page.getByTestId("kept")).toBeVisible();
  await page.getByTestId("discard").click();
  await expect(page.getByTestId("kept")).toBeHidden();
}

/** Milliseconds from a click to a state, measured in the page. */
const clickToState = (page, clicked, wanted) =>
  page.evaluate(([clicked, wanted]) => new Promise((resolve) => {
    const lab = document.querySelector("main");
    const begin = performance.now();
    const observer = new MutationObserver(() => {
      if (!wanted.includes(lab.dataset.state)) return;
      observer.disconnect();
      resolve(performance.now() - begin);
    });
    observer.observe(lab, { attributes: true });
    document.querySelector(`[data-testid="${clicked}"]`).click();
  }), [clicked, wanted]);

test.describe("without a GPU", () => {
  test.use({ mode: "cpu", prefix: "/a/b/" });

  test("a spiral is separated within seconds, and its boundary is drawn", async ({ app }) => {
    const { page } = app;
    await openLab(app, "");
    await page.getByRole("button", { name: "Separate a spiral" }).click();
    await page.getByTestId("start").click();
    await untilStep(page, 100);
    await digests(page);
    expect(await number(page, "held-accuracy")).toBeGreaterThanOrEqual(95);
    const canvas = page.getByTestId("boundary");
    expect(await canvas.getAttribute("data-step")).toBe("1500");
    // Both classes own a good part of the plane, and the picture is not a flat colour.
    const colours = await canvas.evaluate((node) => {
      const { data } = node.getContext("2d").getImageData(0, 0, node.width, node.height);
      const found = new Map();
      for (let at = 0; at < data.length; at += 4 * 37) {
        const key = `${data[at] >> 4},${data[at + 1] >> 4},${data[at + 2] >> 4}`;
        found.set(key, (found.get(key) ?? 0) + 1);
      }
      return [...found.values()].sort((a, b) => b - a).map((count) => count / (data.length / 4 / 37));
    });
    expect(colours[0]).toBeLessThan(0.7);
    expect(colours[1]).toBeGreaterThan(0.1);
    await expect(page.getByTestId("ran-on")).toContainText("CPU");
  });

  test("a GPT learns, writes, and goes on after a reload with the bits of an undisturbed run", async ({ app }) => {
    const { page } = app;
    await openLab(app, TINY);
    await page.getByTestId("start").click();
    await expect(page.getByTestId("texts").locator("li").first()).toContainText("Step", WAIT);
    const undisturbed = await digests(page);
    // Guessing among the 256 bytes costs their logarithm.
    expect(await number(page, "loss")).toBeLessThan(Math.log(256) * 0.7);
    const text = await page.getByTestId("texts").locator("li").first().textContent();
    expect(text.length).toBeGreaterThan(30);
    await discard(page);

    // In the middle of the second run the page goes away without a word.
    await page.getByTestId("start").click();
    await expect.poll(() => number(page, "saved").catch(() => 0), WAIT).toBeGreaterThan(50);
    await page.reload();
    await expect(page.getByTestId("kept-words")).toContainText(/A run stopped at step \d+ of 500 is kept/);
    await page.getByTestId("continue").click();
    await expect(page.getByTestId("status")).toContainText(/Goes on from step|Done/, WAIT);
    // Stopped by hand, then continued again.
    await page.getByTestId("stop").click();
    await expect(page.getByTestId("status")).toContainText(/Stopped at step \d+ and kept|Done/, WAIT);
    if (await page.getByTestId("kept-words").textContent().then((words) => !words.includes("finished"))) {
      await expect(page.getByTestId("kept")).toBeVisible();
      await page.getByTestId("continue").click();
    }
    expect(await digests(page)).toEqual(undisturbed);

    // The finished run writes on demand.
    const before = await page.getByTestId("texts").locator("li").count();
    await page.getByTestId("prompt").fill("A lamp");
    await page.getByTestId("write").click();
    await expect(page.getByTestId("texts").locator("li")).toHaveCount(before + 1, WAIT);
    await expect(page.getByTestId("texts").locator("strong").first()).toHaveText("A lamp");
  });

  test("a stop and a pause are answered within 100 ms", async ({ app }) => {
    const { page } = app;
    await openLab(app, `${TINY}&width=96`);
    await page.getByTestId("start").click();
    await untilStep(page, 5);
    expect(await clickToState(page, "pause", ["pausing", "paused"])).toBeLessThanOrEqual(100);
    await state(page, "paused");
    const held = await number(page, "step");
    await page.waitForTimeout(400);
    expect(await number(page, "step")).toBe(held);
    await page.getByTestId("pause").click();
    await untilStep(page, held + 3);
    expect(await clickToState(page, "stop", ["stopping", "idle"])).toBeLessThanOrEqual(100);
    await expect(page.getByTestId("status")).toContainText("Stopped at step", WAIT);
    await discard(page);
  });

  test("a link restores every setting, and nonsense in one is survived", async ({ app }) => {
    const { page } = app;
    const query = "model=vit&width=40&layers=3&patch=4&heads=5&digits=7&steps=123&batch=16&optimizer=lion&rate=0.0004&schedule=onecycle&warmup=9&seed=5&backend=cpu&floor=0.2&decay=0.05&clip=2&ema=0.9&smoothing=0.1&dropout=0.2&accumulate=2&every=40&patience=3&save=20&recompute=1&f16=1";
    await openLab(app, query);
    const read = () => page.evaluate(() => Object.fromEntries([...document.getElementById("form").elements]
      .filter((field) => field.name).map((field) => [field.name, field.type === "checkbox" ? `${Number(field.checked)}` : field.value])));
    const values = await read();
    for (const [key, value] of new URLSearchParams(query)) expect(values[key], key).toBe(value);
    await page.getByTestId("seed").fill("6");
    await page.getByTestId("seed").blur();
    const saved = await page.evaluate(() => location.hash.slice(1));
    await page.goto("about:blank");
    await openLab(app, saved);
    expect(await read()).toEqual({ ...values, seed: "6" });
    await openLab(app, "model=zeppelin&width=99999999&rate=NaN&steps=-4&prompt=%E0%A4%A&optimizer=<b>");
    await page.reload();
    await expect(page.getByTestId("model")).toHaveValue("toy");
  });

  test("a damaged newest checkpoint gives way to the one before, said aloud", async ({ app }) => {
    const { page } = app;
    await openLab(app, TINY);
    await page.getByTestId("start").click();
    await expect.poll(() => number(page, "saved").catch(() => 0), WAIT).toBeGreaterThan(0);
    const one = await number(page, "saved");
    await expect.poll(() => number(page, "saved"), WAIT).toBeGreaterThan(one);
    await page.getByTestId("stop").click();
    await expect(page.getByTestId("kept")).toBeVisible(WAIT);
    const stopped = Number((await page.getByTestId("kept-words").textContent()).match(/step (\d+)/)[1]);
    const damaged = await page.evaluate(async () => {
      const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("ridgepoint-lab");
      const names = [];
      for await (const name of folder.keys()) if (name.endsWith(".checkpoint")) names.push(name);
      names.sort((a, b) => Number(b.split(".")[1]) - Number(a.split(".")[1]));
      const handle = await folder.getFileHandle(names[0]);
      const bytes = new Uint8Array(await (await handle.getFile()).arrayBuffer());
      bytes[bytes.length >> 1] ^= 1;
      const stream = await handle.createWritable();
      await stream.write(bytes);
      await stream.close();
      return names.length;
    });
    expect(damaged).toBe(2);
    await page.reload();
    await expect(page.getByTestId("kept-words")).toContainText("damaged");
    const earlier = Number((await page.getByTestId("kept-words").textContent()).match(/step (\d+)/)[1]);
    expect(earlier).toBeLessThan(stopped);
    expect(earlier).toBeGreaterThan(0);
    await discard(page);
  });

  test("a run leaves as a file and comes back", async ({ app }) => {
    const { page } = app;
    await openLab(app, `${SPIRAL}&steps=200`);
    await page.getByTestId("start").click();
    const expected = await digests(page);
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByTestId("export").click()]);
    expect(download.suggestedFilename()).toBe("ridgepoint-toy-step-200.checkpoint");
    const buffer = await readFile(await download.path());
    await discard(page);
    await page.getByTestId("import").setInputFiles({ name: "run.checkpoint", mimeType: "application/octet-stream", buffer });
    await expect(page.getByTestId("kept-words")).toContainText("A finished run of 200 steps");
    await page.getByTestId("continue").click();
    expect(await digests(page)).toEqual(expected);
    await page.getByTestId("import").setInputFiles({ name: "x.checkpoint", mimeType: "application/octet-stream", buffer: buffer.subarray(0, buffer.length - 9) });
    await expect(page.getByTestId("problem")).toContainText("truncated");
    await discard(page);
  });

  test("a run of another build is said to be one, and goes on", async ({ app }) => {
    const { page, site } = app;
    await openLab(app, `${SPIRAL}&steps=300`);
    await page.getByTestId("start").click();
    const expected = await digests(page);
    const id = (await readFile(`${DIST}/lab.html`, "utf8")).match(/v=([0-9a-f]{12})/)[1];
    for (const name of ["compute-worker_bg.wasm", "compute-worker_relaxed.wasm"]) {
      const module = await readFile(`${DIST}/${name}`);
      let found = 0;
      for (let place = module.indexOf(id); place >= 0; place = module.indexOf(id, place + 1)) found += module.write("000000000000", place);
      expect(found).toBeGreaterThan(0);
      site.replaced[name] = module;
    }
    await page.reload();
    await expect(page.getByTestId("kept-words")).toContainText("Another build of this page saved it");
    await page.getByTestId("continue").click();
    expect(await digests(page)).toEqual(expected);
    await discard(page);
  });

  test("where there is no private file system the database keeps the run; a second tab leaves it alone", async ({ app }) => {
    const { page, site, context } = app;
    const store = await readFile(`${DIST}/run-store.js`, "utf8");
    site.replaced["run-store.js"] = `StorageManager.prototype.getDirectory = undefined;\n${store}`;
    await openLab(app, `${SPIRAL}&steps=250`);
    await page.getByTestId("start").click();
    const expected = await digests(page);
    expect(await page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name))).toContain("ridgepoint-lab");
    const second = await context.newPage();
    await second.goto(`${site.url}lab.html`);
    await expect(second.getByTestId("status")).toContainText("another tab of this page keeps its run there");
    await second.close();
    await page.reload();
    await expect(page.getByTestId("kept-words")).toContainText("A finished run of 250 steps");
    await page.getByTestId("continue").click();
    expect(await digests(page)).toEqual(expected);
    await discard(page);
  });

  test("training goes on where the storage refuses, with a message", async ({ app }) => {
    const { page, site } = app;
    site.replaced["run-store.js"] = "export async function openStore() { throw new Error('the disk is full'); }";
    await openLab(app, `${SPIRAL}&steps=3000&save=1`);
    await expect(page.getByTestId("status")).toContainText("the disk is full");
    await page.getByTestId("start").click();
    await digests(page);
    await expect(page.getByTestId("problem")).toContainText("the disk is full");
    // The newest state is in this tab.
    await expect(page.getByTestId("kept")).toBeVisible();
  });

  test("a run that blows up names the tensor, keeps the last good state, and goes on more gently", async ({ app }) => {
    const { page } = app;
    // The rate rises until rate times decay passes 2: then each step turns every weight over and makes it larger.
    await openLab(app, "model=mlp&optimizer=sgd&rate=10&decay=10&warmup=100000&steps=100000&schedule=constant&batch=128&backend=cpu&every=100000&width=64");
    await page.getByTestId("start").click();
    await expect(page.getByTestId("problem")).toContainText(/(gradient|loss).*stopped being finite at step \d+/, WAIT);
    await expect(page.getByTestId("problem")).toContainText(/The last good state, step \d+, is kept/);
    await page.getByTestId("continue-slower").click();
    await expect(page.getByTestId("status")).toContainText("Goes on from step", WAIT);
    await untilStep(page, 100);
    await expect(page.getByTestId("rate")).toHaveValue("1");
    await page.getByTestId("stop").click();
    await expect(page.getByTestId("status")).toContainText("Stopped at step", WAIT);
    await discard(page);
  });

  test("a text of one's own is read and never in the link", async ({ app }) => {
    const { page } = app;
    await openLab(app, TINY.replace("text=corpus", "text=own").replace("tokenizer=byte", "tokenizer=bpe&vocab=300").replace("steps=500", "steps=30"));
    await page.getByTestId("start").click();
    await expect(page.getByTestId("problem")).toContainText("Choose your text file first");
    const words = "The miller weighs the flour, and the flour is white.\n".repeat(200);
    await page.getByTestId("file").setInputFiles({ name: "mill.txt", mimeType: "text/plain", buffer: Buffer.from(words) });
    await page.getByTestId("start").click();
    await digests(page);
    await page.getByText("About this run").click();
    await expect(page.locator("#notes")).toContainText("mill.txt");
    expect(await page.evaluate(() => location.href)).not.toContain("mill");
    await page.getByTestId("file").setInputFiles({ name: "big.txt", mimeType: "text/plain", buffer: Buffer.alloc(5 << 20, 97) });
    await page.getByTestId("start").click();
    await expect(page.getByTestId("problem")).toContainText("at most 4 MiB");
    await discard(page);
  });

  test("a run whose held-out loss no longer falls stops early, at the same step each time", async ({ app }) => {
    const { page } = app;
    await openLab(app, "model=toy&optimizer=sgd&rate=5&schedule=constant&patience=2&every=20&steps=100000&backend=cpu");
    const ended = async () => {
      await expect(page.getByTestId("status")).toContainText(/Stopped early at step [\d,]+: held-out loss was lowest at step/, WAIT);
      return [await page.getByTestId("status").textContent(), await page.getByTestId("weights-digest").textContent()];
    };
    await page.getByTestId("start").click();
    const first = await ended();
    await discard(page);
    await page.getByTestId("start").click();
    expect(await ended()).toEqual(first);
    await discard(page);
  });

  for (const model of ["cnn", "residual", "vit", "autoencoder"]) {
    test(`a few steps of ${model} show what they should`, async ({ app }) => {
      const { page } = app;
      await openLab(app, `model=${model}&steps=12&every=6&batch=16&backend=cpu`);
      await page.getByTestId("start").click();
      await digests(page);
      const shown = page.getByTestId(model === "autoencoder" ? "reconstructions" : "confusion");
      await expect(shown).toHaveAttribute("data-step", "12");
      if (model !== "autoencoder") expect(await number(page, "held-accuracy")).toBeGreaterThan(0);
      await discard(page);
    });
  }

  for (const look of [{ width: 1440, height: 900, scheme: "light" }, { width: 390, height: 844, scheme: "dark" }]) {
    test.describe(`${look.width} pixels wide, ${look.scheme}`, () => {
      test.use({ look: { viewport: { width: look.width, height: look.height }, colorScheme: look.scheme } });

      test("no axe violation and no sideways scrolling, before and after a run", async ({ app }, info) => {
        const { page } = app;
        const check = async (name) => {
          const found = await page.evaluate(async () => (await window.axe.run(document)).violations);
          expect(found.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target).join(" ")}`)).toEqual([]);
          expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
          await page.screenshot({ path: info.outputPath(`${name}.png`), fullPage: true });
        };
        await openLab(app, `${SPIRAL}&steps=400`);
        await page.evaluate(AXE);
        await check("before");
        await page.getByTestId("start").click();
        await digests(page);
        await page.getByText("Gradient norm and learning rate").click();
        await page.getByText("About this run").click();
        await page.getByText("More settings").click();
        await check("after");
        for (const model of ["mlp&batch=16&steps=40", "autoencoder&batch=16&steps=20", "gpt&width=16&length=16&steps=10&every=5&write=20"]) {
          await discard(page);
          await openLab(app, `model=${model}&backend=cpu`);
          await page.reload();
          await page.evaluate(AXE);
          await page.getByTestId("start").click();
          await digests(page);
          await check(model.split("&")[0]);
        }
        await discard(page);
      });
    });
  }
});

test.describe("with a software GPU", () => {
  test.use({ mode: "gpu", ownBrowser: true });

  test("a lost device costs no step and changes no bit", async ({ app }) => {
    const { page } = app;
    await openLab(app, `${SPIRAL.replace("cpu", "gpu")}&steps=300&every=100`);
    await page.getByTestId("start").click();
    const undisturbed = await digests(page);
    await expect(page.getByTestId("ran-on")).toContainText("GPU");
    // What was measured on this adapter is there for the next visit.
    const files = await page.evaluate(async () => {
      const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("ridgepoint-lab");
      const names = [];
      for await (const name of folder.keys()) names.push(name);
      return names;
    });
    expect(files.filter((name) => /^tuning\.[0-9a-f]{16}\.[0-9a-f]{12}$/.test(name))).toHaveLength(1);
    await discard(page);
    await page.getByTestId("start").click();
    await untilStep(page, 40);
    const crash = await app.browser.newBrowserCDPSession();
    await crash.send("Browser.crashGpuProcess").catch(() => {});
    expect(await digests(page)).toEqual(undisturbed);
    expect(await page.getByTestId("losses").textContent()).toMatch(/^1;/);
    await discard(page);
  });

  test("a run on the GPU goes on after a reload with the bits of an undisturbed run", async ({ app }) => {
    const { page } = app;
    await openLab(app, `${SPIRAL.replace("cpu", "gpu")}&steps=2000&every=500&save=1&dropout=0&ema=0.9&clip=1&optimizer=adamw&decay=0.01`);
    await page.getByTestId("start").click();
    const undisturbed = await digests(page);
    await discard(page);
    await page.getByTestId("start").click();
    await expect.poll(() => number(page, "saved").catch(() => 0), WAIT).toBeGreaterThan(0);
    await page.reload();
    await expect(page.getByTestId("kept-words")).toContainText(/A run stopped at step \d+ of 2,000 is kept/, WAIT);
    await page.getByTestId("continue").click();
    expect(await digests(page)).toEqual(undisturbed);
    await expect(page.getByTestId("ran-on")).toContainText("GPU");
    await discard(page);
  });
});
