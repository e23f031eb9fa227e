// Files that other programs made: good ones train, bad ones are refused with the reason and change nothing.
import { mkdtemp, open as openFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "../lib/fixtures.js";
import { SMALL, openTraining, train } from "../lib/app.js";
import { file, idxFiles, idxPair } from "../lib/idx.js";

test.use({ mode: "cpu" });

const choose = (page, files) => page.getByTestId("data-files").setInputFiles(files);

async function openWithFiles(app, files) {
  await openTraining(app, { ...SMALL, "run.epochs": 6 });
  await app.page.getByTestId("dataset").selectOption("files");
  await choose(app.page, files);
  await expect(app.page.getByTestId("data-summary")).toBeVisible();
}

for (const gzip of [false, true]) {
  test(`an IDX set ${gzip ? "packed with gzip" : "as it is"} trains`, async ({ app }) => {
    await openWithFiles(app, idxFiles({ gzip }));
    await expect(app.page.getByTestId("data-summary")).toContainText("400 held out");
    expect((await train(app.page)).accuracy).toBeGreaterThanOrEqual(90);
  });
}

test("a CSV of labels and pixels trains", async ({ app }) => {
  const { images, labels } = idxPair(2400, 3);
  const row = (index) => [labels[8 + index], ...images.subarray(16 + index * 784, 16 + (index + 1) * 784)].join(",");
  const head = ["label", ...Array.from({ length: 784 }, (_, index) => `pixel${index}`)].join(",");
  const csv = [head, ...Array.from({ length: 2400 }, (_, index) => row(index))].join("\n");
  await openWithFiles(app, [file("digits.csv", Buffer.from(csv))]);
  expect((await train(app.page)).accuracy).toBeGreaterThanOrEqual(85);
});

test("bad files are refused by name and reason, and what was loaded stays", async ({ app }) => {
  const good = idxPair(300, 1);
  const wrongMagic = Buffer.from(good.images);
  wrongMagic.writeUInt32BE(0x12345678, 0);
  const huge = Buffer.from(good.images);
  huge.writeUInt32BE(4_000_000_000, 4);
  const wrongLabel = Buffer.from(good.labels);
  wrongLabel[8 + 7] = 200;
  const large = Buffer.from(good.images);
  large.writeUInt32BE(1000, 8);
  const bomb = gzipSync(Buffer.concat([good.images, Buffer.alloc(200 * 1024 * 1024)]), { level: 9 });
  const labels = file("good-labels.idx1", good.labels);
  const cases = [
    ["cut off", "truncated.idx3", [file("truncated.idx3", good.images.subarray(0, 100_000)), labels], /cut off/],
    ["wrong magic", "magic.idx3", [file("magic.idx3", wrongMagic), labels], /magic|neither|not/i],
    ["too few labels", "good.idx3", [file("good.idx3", good.images), file("few.idx1", idxPair(200, 1).labels)], /300 images but/],
    ["a label of 200", "label.idx1", [file("good.idx3", good.images), file("label.idx1", wrongLabel)], /labels are 0 to 9/],
    ["no labels", "good.idx3", [file("good.idx3", good.images)], /label/],
    ["a count of four thousand million", "huge.idx3", [file("huge.idx3", huge), labels], /at most|cut off/],
    ["images of another size", "large.idx3", [file("large.idx3", large), labels], /28 x 28/],
    ["a gzip bomb", "bomb.idx3.gz", [file("bomb.idx3.gz", bomb), labels], /more|at most|larger/i],
    ["text", "letter.txt", [file("letter.txt", Buffer.from("Dear reader"))], /letter\.txt/],
    ["nothing", "empty.idx3", [file("empty.idx3", Buffer.alloc(0)), labels], /empty/],
  ];
  await openWithFiles(app, idxFiles());
  const summary = await app.page.getByTestId("data-summary").textContent();
  for (const [what, name, files, words] of cases) {
    await choose(app.page, files);
    const error = app.page.getByTestId("error");
    await expect(error, what).toContainText(name);
    await expect(error, what).toContainText(words);
    expect(await app.page.getByTestId("data-summary").textContent(), what).toBe(summary);
    // A good choice takes the message away, so that the next one is surely new.
    await choose(app.page, idxFiles());
    await expect(error, what).toHaveCount(0);
    await expect(app.page.getByTestId("data-summary")).toHaveText(summary);
  }
  expect((await train(app.page)).accuracy).toBeGreaterThanOrEqual(90);
});

test("a file too large to read is refused before it is read", async ({ app }) => {
  await openTraining(app, SMALL);
  await app.page.getByTestId("dataset").selectOption("files");
  const folder = await mkdtemp(join(tmpdir(), "ridgepoint-"));
  const path = join(folder, "oversized.idx3");
  const handle = await openFile(path, "w");
  await handle.truncate(300 * 1024 * 1024);
  await handle.close();
  await choose(app.page, path);
  await expect(app.page.getByTestId("notices")).toContainText("at most 256 MiB");
  await rm(folder, { recursive: true });
});
