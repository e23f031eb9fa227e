// What the Device page says of a machine with a software GPU, with none, and over plain http.
import { expect, test } from "../lib/fixtures.js";
import { SMALL, open, openTraining, train } from "../lib/app.js";

async function measure(page) {
  await page.getByTestId("device-measure").click();
  await expect(page.getByTestId("device-reason")).toContainText(/\d/, { timeout: 60_000 });
}

test.describe("with a software GPU", () => {
  test.use({ mode: "gpu" });

  test("the adapter is measured, called software, and can enter the scenario", async ({ app }) => {
    await open(app, "/device?v=1&p=default&end");
    await measure(app.page);
    await expect(app.page.getByTestId("device-tier")).toContainText("emulated");
    await expect(app.page.getByRole("row", { name: "Emulated by the processor yes" })).toBeVisible();
    const [, passed, asked] = (await app.page.getByTestId("self-test").textContent()).match(/(\d+) of (\d+)/);
    expect(Number(passed)).toBe(Number(asked));
    expect(Number(asked)).toBeGreaterThan(5);
    await app.page.getByTestId("use-device-in-scenario").click();
    await expect(app.page.getByTestId("accelerator")).toHaveValue("this-device");
    await expect(app.page.getByTestId("verdict")).toContainText(/\d/);
  });
});

test.describe("without a GPU", () => {
  test.use({ mode: "cpu" });

  test("the page says that there is no adapter, and the CPU is measured", async ({ app }) => {
    await open(app, "/device?v=1&p=default&end");
    await measure(app.page);
    await expect(app.page.getByTestId("gpu-unavailable")).toContainText("no GPU adapter");
  });

  test("over plain http from another machine the page says why, and everything works on the CPU", async ({ app }) => {
    // The name leads to this machine, but the browser takes it for another one.
    app.site.url = app.site.url.replace("127.0.0.1", "classroom.test");
    await open(app, "/device?v=1&p=default&end");
    await expect(app.page.getByTestId("gpu-unavailable")).toContainText("plain http");
    await openTraining(app, SMALL);
    expect((await train(app.page)).backend).toBe("CPU");
    await app.page.getByTestId("share-menu").click();
    await app.page.getByTestId("copy-link").click();
    await expect(app.page.getByText(/Ctrl\+C/)).toBeVisible();
  });
});
