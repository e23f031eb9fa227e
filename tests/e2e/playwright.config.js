// One browser at a time: the journeys measure time, and a loaded machine would measure the load.
import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: "./journeys",
  outputDir: "./results/artifacts",
  globalTimeout: 15 * 60 * 1000,
  timeout: 150 * 1000,
  expect: { timeout: 15 * 1000 },
  workers: 1,
  // A test that passes the second time is a failed test.
  retries: 0,
  forbidOnly: true,
  reporter: [["list"]],
});
