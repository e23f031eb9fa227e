// The same folder at the root and below a path, with 404 for unknown paths and no headers.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "../lib/fixtures.js";
import { goTo, open } from "../lib/app.js";
import { DIST } from "../lib/server.js";

test.use({ mode: "cpu" });

for (const prefix of ["/", "/a/b/"]) {
  test.describe(`below ${prefix}`, () => {
    test.use({ prefix });

    test("every page opens, and nothing is missing", async ({ app }) => {
      await open(app);
      for (const name of ["Device", "Train", "Scenario", "Start"]) {
        await goTo(app.page, name);
        await expect(app.page.locator("main h1").first()).toBeVisible();
      }
      // Browsers ask for /favicon.ico by themselves where a page names no icon; ours names one.
      expect(app.site.requests.filter((request) => !request.found)).toEqual([]);
    });

    test("an unknown path answers 404 with a way home that keeps the fragment", async ({ app }) => {
      const answer = await app.page.goto(`${app.site.url}x/y/z#kept`);
      expect(answer.status()).toBe(404);
      const home = app.page.getByRole("link", { name: "Open Ridgepoint" });
      await expect(home).toHaveAttribute("href", `${prefix}#kept`);
      await home.click();
      await expect(app.page.locator("main h1").first()).toBeVisible();
    });
  });
}

test("sums and sizes describe the folder", async () => {
  const { createHash } = await import("node:crypto");
  const lines = (await readFile(join(DIST, "SHA256SUMS"), "utf8")).trim().split("\n");
  for (const line of lines) {
    const [sum, path] = line.split("  ");
    const bytes = await readFile(join(DIST, path));
    expect(createHash("sha256").update(bytes).digest("hex"), path).toBe(sum);
  }
  const bill = JSON.parse(await readFile(join(DIST, "sbom.cdx.json"), "utf8"));
  const names = bill.components.map((component) => component.name);
  expect(bill.specVersion).toBe("1.5");
  expect(names).toEqual(expect.arrayContaining(["leptos", "wgpu", "planner", "engine"]));
});
