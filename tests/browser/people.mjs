// What people do in a browser, in their words. Each takes a Playwright page and leaves it where the deed ends.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import assert from "node:assert/strict";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
export const PASSWORD = "a horse, a battery, a staple";

let people = 0;

/** An e-mail address nobody has yet. */
export function freshEmail(name) {
  people += 1;
  return `${name.toLowerCase()}-${process.pid}-${people}@people.example`;
}

/** Registers `name` and ends signed in. */
export async function register(page, house, name) {
  const email = freshEmail(name);
  await page.goto(`${house.url}/register`);
  await page.fill("#display_name", name);
  await page.fill("#email", email);
  await page.fill("#password", PASSWORD);
  await page.click("main form button[type=submit]");
  await page.waitForURL((url) => url.pathname !== "/register");
  return email;
}

/** Lists a lot through the form and answers its path, `/items/{id}`. */
export async function list(page, house, lot) {
  await page.goto(`${house.url}/sell`);
  await page.fill("#title", lot.title);
  await page.fill("#description", lot.description ?? "As seen.");
  await page.selectOption("#category", lot.category ?? "collectibles");
  await page.fill("#starting", lot.starting);
  if (lot.reserve) await page.fill("#reserve", lot.reserve);
  await page.selectOption("#duration", { label: lot.duration });
  await page.click("main form button[type=submit]");
  await page.waitForURL(/\/(sell|items)\/[0-9a-f-]{36}/);
  return new URL(page.url()).pathname.replace("/sell/", "/items/");
}

/** Opens a lot, names a maximum, reviews it and places the bid. */
export async function bid(page, house, path, amount) {
  if (new URL(page.url()).pathname !== path) await page.goto(house.url + path);
  await page.fill("#amount", amount);
  await page.getByRole("button", { name: "Review bid" }).click();
  await page.getByRole("button", { name: "Place bid" }).click();
}

/** The page as it is, where axe can run: without JavaScript there are no timers, which it needs. So a plain page is shown
 * once more in a browser that has them, its own scripts left out. */
async function auditable(page) {
  if (!page.isPlain) return page;
  const body = await page.content();
  const { colorScheme, viewport } = page.dress;
  const context = await page.context().browser().newContext({ colorScheme, viewport, storageState: await page.context().storageState() });
  const copy = await context.newPage();
  await copy.route("**/*", (route) => {
    if (route.request().isNavigationRequest()) return route.fulfill({ contentType: "text/html; charset=utf-8", body });
    return route.request().resourceType() === "script" ? route.abort() : route.continue();
  });
  await copy.goto(page.url());
  return copy;
}

/** Fails with every violation of WCAG 2.2 A and AA that axe finds on the page as it is. */
export async function assertAccessible(page, where) {
  const shown = await auditable(page);
  // Evaluated by the debugger, which no content security policy of the page hinders.
  await shown.evaluate(AXE);
  const result = await shown.evaluate(() =>
    globalThis.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }),
  );
  if (shown !== page) await shown.context().close();
  const found = result.violations.map((rule) => `${rule.id}: ${rule.help}\n  ${rule.nodes.map((node) => node.target.join(" ")).join("\n  ")}`);
  assert.deepEqual(found, [], `${where} (${page.url()})`);
}
