// What stands beside the one auction: the desk moves as people bid, a bid needs no mouse, what was found stays found after
// `kill -9`, and an empty house can be filled at a click.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { House } from "./house.mjs";
import { bid, list, register } from "./people.mjs";
import { DRESSES, launch, leave, look, says, someone, until } from "./visitor.mjs";

const [LIVE, LIVE_PHONE, , PLAIN] = DRESSES;

let house;
let browser;

before(async () => {
  house = await House.start();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await house?.stop();
});

/** Somebody with a lot that is open for long. */
async function listed(dress, title) {
  const seller = await someone(browser, dress);
  await register(seller, house, "Sela");
  return [seller, await list(seller, house, { title, starting: "5.00", duration: "1 hour" })];
}

const total = (page, id) => page.locator(`[data-total="${id}"]`).textContent().then((text) => Number(text.replace(/\D/g, "")));

for (const dress of [LIVE, LIVE_PHONE, PLAIN]) {
  test(`an admin watches the numbers move (${dress.name})`, async () => {
    const admin = await someone(browser, dress);
    const email = await register(admin, house, "Ada");
    await admin.goto(`${house.url}/admin`);
    await says(admin, "You may not see this");
    house.grantAdmin(email);
    await admin.goto(`${house.url}/admin`);
    await look(admin, `the market, ${dress.name}`);
    const before = await total(admin, "bids");
    const [seller, path] = await listed(LIVE, `A lamp (${dress.name})`);
    const ann = await someone(browser, LIVE);
    await register(ann, house, "Ann");
    await bid(ann, house, path, "20.00");
    await says(ann, "You lead");
    await until(admin, "the bids grow", async () => (await total(admin, "bids")) > before);
    if (!admin.isPlain) await admin.locator('[data-chart="bids"] canvas').waitFor();
    await look(admin, `the market with bids, ${dress.name}`);
    await admin.goto(`${house.url}/admin/flow`);
    await says(admin, "POST to decision");
    await look(admin, `the flow, ${dress.name}`);
    admin.complaints = admin.complaints.filter((text) => !/status of 403/.test(text));
    for (const page of [admin, seller, ann]) await leave(page, dress.name);
  });
}

test("a bid needs no mouse", async () => {
  const [seller, path] = await listed(LIVE, "A globe");
  const ann = await someone(browser, LIVE);
  await register(ann, house, "Ann");
  await ann.goto(house.url + path);
  await ann.keyboard.press("Tab");
  assert.equal(await ann.evaluate(() => document.activeElement.textContent), "Skip to the content");
  await ann.locator("#amount").focus();
  await ann.keyboard.type("12.50");
  await ann.keyboard.press("Enter");
  await ann.getByRole("button", { name: "Place bid" }).waitFor();
  assert.ok(await ann.evaluate(() => document.querySelector("dialog").contains(document.activeElement)), "focus is in the review");
  await ann.keyboard.press("Escape");
  await ann.getByRole("button", { name: "Place bid" }).waitFor({ state: "hidden" });
  await ann.locator("#amount").press("Enter");
  await ann.getByRole("button", { name: "Place bid" }).press("Enter");
  await says(ann, "You lead");
  for (const page of [ann, seller]) await leave(page, "keyboard");
});

test("what the house has said stays said after kill -9", async () => {
  const [seller, path] = await listed(LIVE, "A barometer");
  const ann = await someone(browser, LIVE);
  await register(ann, house, "Ann");
  await bid(ann, house, path, "40.00");
  await says(ann, "You lead");
  await house.crashAndRestart();
  await says(ann, "Live");
  await ann.reload();
  await says(ann, "You lead");
  await says(ann, "1 bid");
  await ann.goto(`${house.url}/?q=barometer`);
  await says(ann, "A barometer");
  await look(ann, "results of a search");
  // While the house was down, its WebSocket could not be opened.
  for (const page of [ann, seller]) {
    page.complaints = page.complaints.filter((text) => !/ERR_CONNECTION_REFUSED|WebSocket/.test(text));
    await leave(page, "kill -9");
  }
});

test("an empty house is filled at a click", async () => {
  const empty = await House.start();
  try {
    const visitor = await someone(browser, LIVE);
    await visitor.goto(empty.url);
    await look(visitor, "an empty house");
    await visitor.getByRole("button", { name: "Fill the house" }).click();
    await says(visitor, "The house is filling");
    await until(visitor, "lots appear", async () => {
      await visitor.goto(empty.url);
      return (await visitor.locator("[data-lot], .lot").count()) > 0;
    });
    await leave(visitor, "demo");
  } finally {
    await empty.stop();
  }
});
