// Words for what a visitor does.
import { expect } from "@playwright/test";

/** Opens the page, perhaps at a fragment, and waits until it can be used. */
export async function open(app, fragment = "") {
  await app.page.goto(app.site.url + (fragment === "" ? "" : `#${fragment}`));
  await expect(app.page.locator("main h1").first()).toBeVisible();
}

/** Opens a page of the workbench through its link in the header. */
export async function goTo(page, name) {
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name, exact: true }).click();
  await expect(page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name, exact: true })).toHaveAttribute(
    "aria-current",
    "page",
  );
}

/** The link that the Share menu shows. */
export async function shareLink(page) {
  await page.getByTestId("share-menu").click();
  const link = await page.getByTestId("share-link").inputValue();
  await page.getByTestId("share-menu").click();
  return link;
}
