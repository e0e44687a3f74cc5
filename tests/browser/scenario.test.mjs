// The whole of an auction in real browsers: register, list, bid from two browsers, outbid, hammer, outcome, inbox.
// Once in each dress: with and without JavaScript, light and dark, phone and desktop. The dresses run side by side on
// one house, for each waits a minute for its hammer.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { chromium } from "playwright-core";

import { House } from "./house.mjs";
import { assertAccessible, bid, list, register } from "./people.mjs";

const CHROMIUM = process.env.GAVEL_CHROMIUM ?? "/usr/bin/chromium";
const PHONE = { width: 320, height: 720 };
const DESKTOP = { width: 1280, height: 800 };
const HAMMER_WITHIN_MS = 120_000;

const DRESSES = [
  { name: "live, light, desktop", javaScriptEnabled: true, colorScheme: "light", viewport: DESKTOP },
  { name: "live, dark, phone", javaScriptEnabled: true, colorScheme: "dark", viewport: PHONE },
  { name: "plain, light, phone", javaScriptEnabled: false, colorScheme: "light", viewport: PHONE },
  { name: "plain, dark, desktop", javaScriptEnabled: false, colorScheme: "dark", viewport: DESKTOP },
];

let house;
let browser;

before(async () => {
  house = await House.start();
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
});

after(async () => {
  await browser?.close();
  await house?.stop();
});

/** A browser of its own for one person. Collects what its console and its network complain of. */
async function someone(dress) {
  const { name, ...options } = dress;
  const context = await browser.newContext(options);
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && page.complaints.push(message.text()));
  return page;
}

/** Waits until the page says `text`; a plain page is asked again. */
async function says(page, text, withinMs = 30_000) {
  const deadline = Date.now() + withinMs;
  const words = page.getByText(text).first();
  for (;;) {
    const found = await words.waitFor({ state: "visible", timeout: 1000 }).then(() => true, () => false);
    if (found) return;
    assert.ok(Date.now() < deadline, `${page.url()} never said ${text}`);
    if (page.isPlain) await page.reload();
  }
}

/** Nothing may be wider than the screen. */
async function fits(page, where) {
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(overflow <= 0, `${where} is ${overflow}px wider than the screen`);
}

describe("an auction in the browser", { concurrency: true }, () => {
  for (const dress of DRESSES) {
    test(dress.name, async () => {
      const [seller, ann, ben] = await Promise.all([someone(dress), someone(dress), someone(dress)]);
      for (const page of [seller, ann, ben]) page.isPlain = !dress.javaScriptEnabled;
      const look = async (page, where) => {
        await assertAccessible(page, `${dress.name}: ${where}`);
        await fits(page, `${dress.name}: ${where}`);
      };

      await seller.goto(house.url);
      await look(seller, "home");
      await seller.goto(`${house.url}/register`);
      await look(seller, "register");
      await register(seller, house, "Sela");
      await register(ann, house, "Ann");
      await register(ben, house, "Ben");

      await seller.goto(`${house.url}/sell`);
      await seller.click("main form button[type=submit]");
      await says(seller, "There is a problem");
      await look(seller, "sell, refused");
      const path = await list(seller, house, {
        title: `A brass sextant (${dress.name})`,
        starting: "5.00",
        duration: "1 minute",
      });

      await Promise.all([ann.goto(house.url + path), ben.goto(house.url + path)]);
      await look(ann, "lot without bids");
      await bid(ann, house, path, "20.00");
      await says(ann, "You lead");
      await look(ann, "lot that one leads");
      await says(ben, "1 bid");

      await bid(ben, house, path, "30.00");
      await says(ben, "You lead");
      await says(ann, "You have been outbid");
      await says(ann, "20.50");

      await says(ben, "You won", HAMMER_WITHIN_MS);
      await says(ann, "Sold", HAMMER_WITHIN_MS);
      await look(ben, "lot that one won");

      await ben.goto(`${house.url}/me/inbox`);
      await says(ben, "You won");
      await look(ben, "inbox");
      await ann.goto(`${house.url}/me/inbox`);
      await says(ann, "outbid");
      await seller.goto(`${house.url}/me/inbox`);
      await says(seller, "sold");

      for (const page of [seller, ann, ben]) {
        // A refused form answers 422, which Chromium writes to the console.
        const complaints = page.complaints.filter((text) => !/status of (409|422)/.test(text));
        assert.deepEqual(complaints, [], dress.name);
        await page.context().close();
      }
    });
  }
});
