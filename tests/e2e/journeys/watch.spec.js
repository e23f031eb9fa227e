// The watch that every journey stands on sees what it is there to see.
import { expect, test } from "../lib/fixtures.js";
import { open } from "../lib/app.js";

test.use({ mode: "cpu" });

test("a seeded policy violation, third-party request and script error are all seen", async ({ app }) => {
  await open(app);
  expect(app.problems).toEqual([]);
  await app.page.evaluate(() => {
    document.body.setAttribute("style", "color: red");
    fetch("https://example.org/").catch(() => {});
    setTimeout(() => {
      throw new Error("seeded error");
    });
  });
  const seen = (words) => expect.poll(() => app.problems.some((problem) => words.test(problem))).toBe(true);
  await seen(/policy: style-src/);
  await seen(/policy: connect-src/);
  await seen(/script error: seeded error/);
  app.problems.splice(0);
  // Pictures may come from `data:` only by policy; a request that gets past it would be seen as well.
  await app.context.route("https://example.org/**", (route) => route.abort());
  const other = await app.context.newPage();
  await other.goto("https://example.org/").catch(() => {});
  await seen(/third-party request: https:\/\/example\.org/);
  await other.close();
  app.problems.splice(0);
});
