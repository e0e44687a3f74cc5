// The whole of an auction in real browsers: register, list, bid from two browsers, outbid, hammer, outcome, inbox.
// Once in each dress. The dresses run side by side on one house, for each waits a minute for its hammer.

import { after, before, describe, test } from "node:test";

import { House } from "./house.mjs";
import { bid, list, register } from "./people.mjs";
import { DRESSES, launch, leave, look, says, someone } from "./visitor.mjs";

const HAMMER_WITHIN_MS = 120_000;

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

describe("an auction in the browser", { concurrency: true }, () => {
  for (const dress of DRESSES) {
    test(dress.name, async () => {
      const [seller, ann, ben] = await Promise.all([1, 2, 3].map(() => someone(browser, dress)));
      const see = (page, where) => look(page, `${dress.name}: ${where}`);

      await seller.goto(house.url);
      await see(seller, "home");
      await seller.goto(`${house.url}/register`);
      await see(seller, "register");
      await register(seller, house, "Sela");
      await register(ann, house, "Ann");
      await register(ben, house, "Ben");

      await seller.goto(`${house.url}/sell`);
      await seller.click("main form button[type=submit]");
      await says(seller, "Please check");
      await see(seller, "sell, refused");
      const path = await list(seller, house, {
        title: `A brass sextant (${dress.name})`,
        starting: "5.00",
        duration: "1 minute",
      });

      await Promise.all([ann.goto(house.url + path), ben.goto(house.url + path)]);
      await see(ann, "lot without bids");
      await bid(ann, house, path, "20.00");
      await says(ann, "You lead");
      await see(ann, "lot that one leads");
      await says(ben, "1 bid");

      await bid(ben, house, path, "30.00");
      await says(ben, "You lead");
      await says(ann, "You have been outbid");
      await says(ann, "20.50");

      await says(ben, "You won", HAMMER_WITHIN_MS);
      await says(ann, "Sold", HAMMER_WITHIN_MS);
      await see(ben, "lot that one won");

      await ben.goto(`${house.url}/me/inbox`);
      await says(ben, "You won");
      await see(ben, "inbox");
      await ann.goto(`${house.url}/me/inbox`);
      await says(ann, "outbid");
      await seller.goto(`${house.url}/me/inbox`);
      await says(seller, "sold");

      for (const page of [seller, ann, ben]) await leave(page, dress.name);
    });
  }
});
