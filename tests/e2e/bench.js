// Runs every workload of dist/bench.html on both backends in headless Chromium and prints what the page says.
// `node bench.js [name ...]` runs the workloads of these names only; `*` in a name stands for anything. Ends with an error where a result is wrong.
import { chromium } from "@playwright/test";
import { MODES, executable } from "./lib/fixtures.js";
import { serve } from "./lib/server.js";

const only = process.argv.slice(2).map((name) => new RegExp(`^${name.replaceAll("*", ".*")}$`));
const LONGEST_MS = 5 * 60 * 1000;

/** Presses the button of one workload and reads its cell. */
async function measure(page, backend, name) {
  const cell = page.getByTestId(`result-${backend}-${name}`);
  await page.getByTestId(`run-${backend}-${name}`).click();
  await cell.getByText(/first run|Stopped/).first().waitFor({ timeout: LONGEST_MS });
  return cell.locator("span").allTextContents();
}

async function names(page) {
  const ids = await page.locator("[data-testid^=run-wasm-]").evaluateAll((list) => list.map((button) => button.dataset.testid));
  return ids.map((id) => id.replace("run-wasm-", "")).filter((name) => only.length === 0 || only.some((pattern) => pattern.test(name)));
}

const site = await serve();
// Software WebGPU, so that the table can be made anywhere; its numbers rank kernels for that adapter only.
const browser = await chromium.launch({ executablePath: executable(), args: MODES.gpu });
let wrong = 0;
for (const backend of ["wasm", "webgpu"]) {
  // A fresh page for each backend: what one leaves in memory does not slow the other.
  const page = await browser.newPage();
  await page.goto(site.url + "bench.html");
  await page.getByTestId("machine").getByText("Build").waitFor();
  console.log(`\n${backend}: ${await page.getByTestId("machine").textContent()}`);
  for (const name of await names(page)) {
    const [value, ...details] = await measure(page, backend, name);
    wrong += details.some((detail) => detail.startsWith("checked")) ? 0 : 1;
    console.log(`${name.padEnd(18)} ${value.padStart(16)}   ${details.slice(0, 2).join(", ")}`);
  }
  await page.close();
}
await browser.close();
await site.close();
if (wrong > 0) {
  console.log(`${wrong} workloads gave a wrong result or none`);
  process.exitCode = 1;
}
