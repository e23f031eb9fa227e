// Accessibility of a page, by axe.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const source = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What is wrong, one line an element. */
export async function violations(page) {
  await page.evaluate(source);
  const found = await page.evaluate(async () => (await window.axe.run(document)).violations);
  return found.flatMap((violation) => violation.nodes.map((node) => `${violation.id}: ${node.html}`));
}
