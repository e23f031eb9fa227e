// What every journey stands on: a browser in one of two modes, a server, and a watch over the whole session
// that fails the test on any policy violation, third-party request or script error.
import { chromium, expect, test as base } from "@playwright/test";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { serve } from "./server.js";

const COMMON = [
  "--no-sandbox",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // A name that the browser does not take for this machine, for tests over plain http.
  "--host-resolver-rules=MAP classroom.test 127.0.0.1",
];

/** Launch flags: a software GPU, or none (`requestAdapter` gives null). */
export const MODES = {
  gpu: [...COMMON, "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"],
  cpu: COMMON,
};

/** `$CHROMIUM`, or the first one on the PATH. */
export function executable() {
  const folders = process.env.PATH.split(delimiter);
  const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
  const paths = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return process.env.CHROMIUM ?? paths.find(existsSync);
}

function launch(mode) {
  return chromium.launch({ executablePath: executable(), args: MODES[mode] });
}

/** Watches a page: everything that must not happen is collected in `problems`. */
async function watch(context, page, origin) {
  const problems = [];
  await context.exposeBinding("reportPolicyViolation", (_, text) => problems.push(`policy: ${text}`));
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) =>
      window.reportPolicyViolation(`${event.violatedDirective} blocked ${event.blockedURI} ${event.sample}`),
    );
  });
  context.on("request", (request) => {
    const url = request.url();
    const isOwn = [origin, origin.replace("127.0.0.1", "classroom.test"), "data:", "blob:"].some((start) => url.startsWith(start));
    if (!isOwn) problems.push(`third-party request: ${url}`);
  });
  page.on("pageerror", (error) => problems.push(`script error: ${error.message}`));
  page.on("console", (message) => {
    const text = message.text();
    // Chromium logs every 404 and every lost GPU; tests that cause them look at the page instead.
    const isExpected = /Failed to load resource|GPU|WebGPU|context lost|powerPreference/.test(text);
    if (message.type() === "error" && !isExpected) problems.push(`console: ${text}`);
  });
  return problems;
}

export const test = base.extend({
  // "gpu" or "cpu"; `test.use({ mode: "cpu" })` changes it.
  mode: ["gpu", { option: true }],
  // The path that the folder is served under.
  prefix: ["/", { option: true }],
  // A new browser where the test breaks it.
  ownBrowser: [false, { option: true }],
  look: [{ viewport: { width: 1440, height: 900 }, colorScheme: "light" }, { option: true }],

  site: async ({ prefix }, use) => {
    const site = await serve(prefix);
    await use(site);
    await site.close();
  },

  // Browsers that tests share, one a mode.
  browsers: [
    async ({}, use) => {
      const browsers = new Map();
      await use(browsers);
      for (const browser of browsers.values()) await browser.close();
    },
    { scope: "worker" },
  ],

  browserInMode: async ({ browsers, mode, ownBrowser }, use) => {
    if (!ownBrowser) {
      if (!browsers.get(mode)?.isConnected()) browsers.set(mode, await launch(mode));
      return use(browsers.get(mode));
    }
    const browser = await launch(mode);
    await use(browser);
    await browser.close();
  },

  app: async ({ browserInMode, site, look }, use) => {
    const context = await browserInMode.newContext(look);
    const page = await context.newPage();
    const problems = await watch(context, page, site.origin);
    await use({ page, context, browser: browserInMode, site, problems });
    await context.close();
    expect(problems, "what must not happen in any session").toEqual([]);
  },
});

export { expect };
