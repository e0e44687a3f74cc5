// A visitor's browser, and what may be asked of any page in it.

import assert from "node:assert/strict";

import { chromium } from "playwright-core";

import { assertAccessible } from "./people.mjs";

const CHROMIUM = process.env.GAVEL_CHROMIUM ?? "/usr/bin/chromium";
const ANSWER_WITHIN_MS = 30_000;

export const PHONE = { width: 320, height: 720 };
export const DESKTOP = { width: 1280, height: 800 };

/** What a visitor's browser is like: with or without JavaScript, light or dark, phone or desktop. */
export const DRESSES = [
  { name: "live, light, desktop", javaScriptEnabled: true, colorScheme: "light", viewport: DESKTOP },
  { name: "live, dark, phone", javaScriptEnabled: true, colorScheme: "dark", viewport: PHONE },
  { name: "plain, light, phone", javaScriptEnabled: false, colorScheme: "light", viewport: PHONE },
  { name: "plain, dark, desktop", javaScriptEnabled: false, colorScheme: "dark", viewport: DESKTOP },
];

export function launch() {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

/** A page of a browser of its own for one person. Collects what its console complains of. */
export async function someone(browser, dress) {
  const { name, ...options } = dress;
  const context = await browser.newContext(options);
  context.setDefaultTimeout(ANSWER_WITHIN_MS);
  const page = await context.newPage();
  page.dress = dress;
  page.isPlain = !dress.javaScriptEnabled;
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && page.complaints.push(message.text()));
  return page;
}

/** Parts from a page that had nothing to complain of. */
export async function leave(page, where) {
  // A refused form answers 422, which Chromium writes to the console.
  const complaints = page.complaints.filter((text) => !/status of (409|422)/.test(text));
  assert.deepEqual(complaints, [], where);
  await page.context().close();
}

/** Waits until `holds` answers true; a plain page is asked again. */
export async function until(page, what, holds, withinMs = ANSWER_WITHIN_MS) {
  const deadline = Date.now() + withinMs;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, `${page.url()}: ${what}, not in time`);
    if (page.isPlain) await page.reload();
  }
}

/** Waits until the page shows `text`; a plain page is asked again. */
export async function says(page, text, withinMs = ANSWER_WITHIN_MS) {
  const words = page.getByText(text).first();
  const isThere = () => words.waitFor({ state: "visible", timeout: 1000 }).then(() => true, () => false);
  await until(page, `it says ${text}`, isThere, withinMs);
}

/** The page is accessible, and nothing is wider than the screen. */
export async function look(page, where) {
  await assertAccessible(page, where);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(overflow <= 0, `${where} is ${overflow}px wider than the screen`);
}
